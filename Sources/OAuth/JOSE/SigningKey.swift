import Crypto
import CryptoExtras

/// A private key that signs: for client assertions (RFC 7523) and DPoP proofs (RFC 9449). Prints as dots.
public struct SigningKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// Why a key cannot be used.
    public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    private enum Material: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
        case p521(P521.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    private let material: Material
    /// PKCS#8 in DER, not encrypted: seal it before it is kept.
    public let serialized: [UInt8]
    /// X.509 in DER, the key's own first.
    public let certificates: [[UInt8]]
    public let publicKey: JSONWebKey

    /// `kid`.
    public var keyID: String? { publicKey.keyID }

    /// RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519. Where there are certificates, the first must be the
    /// key's: with another's the provider would refuse each assertion, without saying why.
    public init(_ key: ClientKey) throws(Invalid) {
        let envelope = try PKCS8(key.privateKey)
        let material: Material
        do {
            switch envelope.kind {
            case .rsa: material = .rsa(try _RSA.Signing.PrivateKey(unsafeDERRepresentation: key.privateKey))
            case .ec(.p256): material = .p256(try P256.Signing.PrivateKey(rawRepresentation: envelope.key))
            case .ec(.p384): material = .p384(try P384.Signing.PrivateKey(rawRepresentation: envelope.key))
            case .ec(.p521): material = .p521(try P521.Signing.PrivateKey(rawRepresentation: envelope.key))
            case .ed25519: material = .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: envelope.key))
            }
        } catch {
            throw Invalid(description: "its numbers make no key that Credence can use")
        }
        let (publicMaterial, mark) = try Self.publicHalf(of: material)
        if let certificate = key.certificates.first, !certificate.holds(mark) {
            throw Invalid(description: "its certificate is another key's")
        }
        self.material = material
        serialized = key.privateKey
        certificates = key.certificates
        publicKey = JSONWebKey(publicMaterial, keyID: key.keyID, use: "sig")
    }

    /// From `serialized`.
    public init(serialized: [UInt8]) throws(Invalid) {
        try self.init(ClientKey(privateKey: serialized))
    }

    /// A new key for ES256, from the system's random numbers.
    public static func generateES256() -> SigningKey {
        let key = P256.Signing.PrivateKey()
        // What was just made can be read.
        return try! SigningKey(serialized: Array(key.derRepresentation))
    }

    /// The public key, and the bytes by which a certificate of it is known.
    private static func publicHalf(of material: Material) throws(Invalid) -> (JSONWebKey.Material, mark: [UInt8]) {
        func point(_ raw: [UInt8], on curve: JSONWebKey.Curve) -> (JSONWebKey.Material, mark: [UInt8]) {
            let x = Array(raw.prefix(raw.count / 2))
            return (.ec(curve, x: x, y: Array(raw.suffix(raw.count / 2))), x)
        }
        switch material {
        case .rsa(let key):
            guard let primitives = try? key.publicKey.getKeyPrimitives() else {
                throw Invalid(description: "its RSA key cannot be read")
            }
            let modulus = Array(primitives.modulus)
            let exponent = Array(primitives.publicExponent)
            if let fault = RSAKeyFault.find(modulus: modulus, exponent: exponent) {
                throw Invalid(description: fault.rawValue)
            }
            return (.rsa(modulus: modulus, exponent: exponent), modulus)
        case .p256(let key): return point(Array(key.publicKey.rawRepresentation), on: .p256)
        case .p384(let key): return point(Array(key.publicKey.rawRepresentation), on: .p384)
        case .p521(let key): return point(Array(key.publicKey.rawRepresentation), on: .p521)
        case .ed25519(let key):
            let x = Array(key.publicKey.rawRepresentation)
            return (.ed25519(x), x)
        }
    }

    // MARK: Signing

    /// What the key can do, the usual one first.
    public var algorithms: [SignatureAlgorithm] {
        switch material {
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .p256: [.es256]
        case .p384: [.es384]
        case .p521: [.es512]
        case .ed25519: [.edDSA]
        }
    }

    /// A signature as a JWS holds it (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1).
    public func sign(_ bytes: [UInt8], algorithm: SignatureAlgorithm) throws(Invalid) -> [UInt8] {
        guard algorithms.contains(algorithm) else {
            throw Invalid(description: "its kind cannot sign with \(algorithm.rawValue)")
        }
        do {
            switch material {
            case .rsa(let key):
                let digest = algorithm.digest(of: bytes)
                return Array(try key.signature(for: digest, padding: algorithm.padding).rawRepresentation)
            case .p256(let key): return Array(try key.signature(for: bytes).rawRepresentation)
            case .p384(let key): return Array(try key.signature(for: bytes).rawRepresentation)
            case .p521(let key): return Array(try key.signature(for: bytes).rawRepresentation)
            case .ed25519(let key): return Array(try key.signature(for: bytes))
            }
        } catch {
            throw Invalid(description: "it does not sign")
        }
    }

    // MARK: Comparing and printing

    public static func == (left: SigningKey, right: SigningKey) -> Bool {
        left.serialized == right.serialized && left.certificates == right.certificates && left.keyID == right.keyID
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(serialized)
        hasher.combine(keyID)
    }

    public var description: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
    fileprivate func holds(_ part: [UInt8]) -> Bool {
        guard count >= part.count else { return false }
        return (0...(count - part.count)).contains { self[$0..<($0 + part.count)].elementsEqual(part) }
    }
}
