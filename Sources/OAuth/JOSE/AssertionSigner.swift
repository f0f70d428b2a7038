/// Who signs an assertion: a key with one of its algorithms, or a secret with HMAC.
public struct AssertionSigner: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    private enum Means: Hashable {
        case key(SigningKey)
        case secret(Secret)
    }

    private let means: Means
    public let algorithm: SignatureAlgorithm

    /// - Parameter algorithm: nil is the key's usual one.
    public init(_ key: SigningKey, algorithm: SignatureAlgorithm? = nil) throws(SigningKey.Invalid) {
        self.algorithm = algorithm ?? key.algorithms[0]
        guard key.algorithms.contains(self.algorithm) else {
            throw SigningKey.Invalid(description: "its kind cannot sign with \(self.algorithm.rawValue)")
        }
        means = .key(key)
    }

    init(usual key: SigningKey) {
        algorithm = key.algorithms[0]
        means = .key(key)
    }

    /// HS256 with the secret's UTF-8 (OpenID Connect Core 1.0 §9, §10.1).
    public init(_ secret: Secret) {
        algorithm = .hs256
        means = .secret(secret)
    }

    /// nil where a secret signs.
    public var key: SigningKey? { if case .key(let key) = means { key } else { nil } }

    /// A signed token in the compact form (RFC 7515 §7.1).
    func token(header: JSONObject, claims: JSONObject) -> Secret {
        func part(_ object: JSONObject) -> String { base64URL(Array(JSONValue.object(object).serialized().utf8)) }
        let text = "\(part(header)).\(part(claims))"
        let bytes = Array(text.utf8)
        // A key that does not sign, though it could be read, leaves the signature empty: the provider refuses that.
        let signature =
            switch means {
            case .key(let key): try? key.sign(bytes, algorithm: algorithm)
            case .secret(let secret): MAC.make(bytes, key: Array(secret.reveal().utf8), algorithm: algorithm)
            }
        return Secret("\(text).\(base64URL(signature ?? []))")
    }

    public var description: String { "AssertionSigner(\(algorithm.rawValue))" }
    public var customMirror: Mirror { Mirror(self, children: ["alg": algorithm.rawValue]) }
}
