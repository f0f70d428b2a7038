import Crypto

/// A public key as JSON (RFC 7517; RFC 7518 §6, RFC 8037 §2): RSA, P-256, P-384, P-521 or Ed25519.
public struct JSONWebKey: Sendable, Hashable {
    enum Curve: String, Sendable {
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"

        var coordinateSize: Int {
            switch self {
            case .p256: 32
            case .p384: 48
            case .p521: 66
            }
        }
    }

    enum Material: Sendable, Hashable {
        /// Both without leading zeros.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        case ec(Curve, x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
    }

    let material: Material
    /// `kid`.
    public var keyID: String?
    /// `use`: `sig` or `enc`.
    public var use: String?
    /// `alg`: the one algorithm it is for.
    public var algorithm: String?
    /// `key_ops`.
    public var operations: [String]?

    init(_ material: Material, keyID: String? = nil, use: String? = nil) {
        self.material = material
        self.keyID = keyID
        self.use = use
    }

    /// nil for what cannot be used: an unknown kind, an odd form, a weak key, a secret, and a key whose private half
    /// stands beside it, because then it is everybody's.
    public init?(_ members: JSONObject) {
        guard Self.privateMembers.allSatisfy({ members[$0] == nil }),
            let material = Self.material(members),
            case .success(let keyID) = Self.text(members["kid"]), case .success(let use) = Self.text(members["use"]),
            case .success(let algorithm) = Self.text(members["alg"])
        else { return nil }
        self.material = material
        self.keyID = keyID
        self.use = use
        self.algorithm = algorithm
        switch members["key_ops"] {
        case nil, .null?: operations = nil
        case .array(let elements)?:
            operations = elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
        default: return nil
        }
    }

    private static let privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    private static func material(_ members: JSONObject) -> Material? {
        func number(_ name: String) -> [UInt8]? {
            guard case .string(let text)? = members[name], text.utf8.count <= 2048 else { return nil }
            return bytes(base64URL: text)
        }
        switch (members["kty"], members["crv"]) {
        case (.string("RSA")?, _):
            // RFC 7518 §2: no leading zeros; some write them all the same.
            guard let modulus = number("n")?.drop(while: { $0 == 0 }),
                let exponent = number("e")?.drop(while: { $0 == 0 }),
                RSAKeyFault.find(modulus: Array(modulus), exponent: Array(exponent)) == nil
            else { return nil }
            return .rsa(modulus: Array(modulus), exponent: Array(exponent))
        case (.string("EC")?, .string(let name)?):
            // RFC 7518 §6.2.1.2: a coordinate has its full length, always.
            guard let curve = Curve(rawValue: name), let x = number("x"), let y = number("y"),
                x.count == curve.coordinateSize, y.count == curve.coordinateSize
            else { return nil }
            return .ec(curve, x: x, y: y)
        case (.string("OKP")?, .string("Ed25519")?):
            guard let x = number("x"), x.count == 32 else { return nil }
            return .ed25519(x)
        default: return nil
        }
    }

    private struct NoText: Error {}

    private static func text(_ value: JSONValue?) -> Result<String?, NoText> {
        switch value {
        case nil, .null?: .success(nil)
        case .string(let text)?: .success(text)
        default: .failure(NoText())
        }
    }

    // MARK: Writing

    /// The members that make the key, in the order that its thumbprint wants (RFC 7638 §3.2).
    var required: JSONObject {
        switch material {
        case .rsa(let modulus, let exponent):
            JSONObject([
                ("e", .string(base64URL(exponent))), ("kty", .string("RSA")), ("n", .string(base64URL(modulus))),
            ])
        case .ec(let curve, let x, let y):
            JSONObject([
                ("crv", .string(curve.rawValue)), ("kty", .string("EC")), ("x", .string(base64URL(x))),
                ("y", .string(base64URL(y))),
            ])
        case .ed25519(let x):
            JSONObject([("crv", .string("Ed25519")), ("kty", .string("OKP")), ("x", .string(base64URL(x)))])
        }
    }

    public var json: JSONObject {
        var members = required
        members["kid"] = keyID.map { .string($0) }
        members["use"] = use.map { .string($0) }
        members["alg"] = algorithm.map { .string($0) }
        members["key_ops"] = operations.map { .array($0.map { .string($0) }) }
        return members
    }

    /// RFC 7638 with SHA-256, in base64url: what `dpop_jkt` and `cnf.jkt` hold (RFC 9449 §6.1, §10).
    public var thumbprint: String {
        base64URL(Array(SHA256.hash(data: Array(JSONValue.object(required).serialized().utf8))))
    }

    // MARK: Choosing

    /// Whether the key may verify signatures of that algorithm, by its kind and by what it says of itself.
    public func canVerify(_ algorithm: SignatureAlgorithm) -> Bool {
        let fits =
            switch (material, algorithm) {
            case (.rsa, .rs256), (.rsa, .rs384), (.rsa, .rs512), (.rsa, .ps256), (.rsa, .ps384), (.rsa, .ps512): true
            case (.ec(.p256, _, _), .es256), (.ec(.p384, _, _), .es384), (.ec(.p521, _, _), .es512): true
            case (.ed25519, .edDSA): true
            default: false
            }
        // RFC 9864 §2.2 calls EdDSA with Ed25519 by the curve's name.
        let names = algorithm == .edDSA ? [algorithm.rawValue, "Ed25519"] : [algorithm.rawValue]
        return fits && (use == nil || use == "sig") && operations?.contains("verify") != false
            && self.algorithm.map { names.contains($0) } != false
    }
}
