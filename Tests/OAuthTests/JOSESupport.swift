import Crypto
import CryptoExtras

@testable import OAuth

/// Keys of this run. Nothing depends on which they are.
enum TestKeys {
    static let rsa = key("rs1", rsaPKCS8)
    static let otherRSA = key("rs2", Array(try! _RSA.Signing.PrivateKey(keySize: .bits2048).pkcs8DERRepresentation))
    static let p256 = key("es1", Array(P256.Signing.PrivateKey().derRepresentation))
    static let p384 = key("es2", Array(P384.Signing.PrivateKey().derRepresentation))
    static let p521 = key("es3", Array(P521.Signing.PrivateKey().derRepresentation))
    static let ed25519 = key("ed1", Array(Curve25519.Signing.PrivateKey().derRepresentation))

    static let all = [rsa, p256, p384, p521, ed25519]

    static let rsaPKCS8 = Array(try! _RSA.Signing.PrivateKey(keySize: .bits2048).pkcs8DERRepresentation)

    private static func key(_ id: String, _ der: [UInt8]) -> SigningKey {
        try! SigningKey(ClientKey(privateKey: der, keyID: id))
    }
}

extension JSONWebKey {
    /// As a provider publishes it.
    func published(for algorithm: SignatureAlgorithm) -> JSONValue {
        var key = self
        key.algorithm = algorithm.rawValue
        return .object(key.json)
    }
}

extension JSONWebKeySet {
    init(of keys: SigningKey...) { self.init(keys.map(\.publicKey)) }
}

/// Tokens as a provider makes them, sound or not.
struct Minter {
    var header = JSONObject([("alg", .string("RS256")), ("typ", .string("JWT")), ("kid", .string("rs1"))])
    var payload: [UInt8]
    var sign: ([UInt8]) -> [UInt8] = { try! TestKeys.rsa.sign($0, algorithm: .rs256) }

    init(_ claims: JSONObject) { payload = Array(JSONValue.object(claims).serialized().utf8) }

    init(_ claims: JSONObject, key: SigningKey, algorithm: SignatureAlgorithm? = nil) {
        self.init(claims)
        let algorithm = algorithm ?? key.algorithms[0]
        header["alg"] = .string(algorithm.rawValue)
        header["kid"] = key.keyID.map { .string($0) }
        sign = { try! key.sign($0, algorithm: algorithm) }
    }

    var compact: String {
        let text = "\(base64URL(Array(JSONValue.object(header).serialized().utf8))).\(base64URL(payload))"
        return "\(text).\(base64URL(sign(Array(text.utf8))))"
    }
}

/// A JWT that was read without verifying anything.
struct ReadToken {
    let header: JSONObject
    let claims: JSONObject

    init?(_ compact: String) {
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false).map { bytes(base64URL: $0.utf8) }
        guard parts.count == 3, let header = parts[0], let claims = parts[1],
            let headerValue = try? JSONReader.read(header), let claimsValue = try? JSONReader.read(claims)
        else { return nil }
        self.header = headerValue.members
        self.claims = claimsValue.members
    }
}

func bytes(hex: String) -> [UInt8]? {
    guard hex.utf8.count.isMultiple(of: 2) else { return nil }
    let digits = hex.map(\.hexDigitValue)
    guard !digits.contains(nil) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
}
