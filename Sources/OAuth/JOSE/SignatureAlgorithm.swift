import Crypto

/// How a JWS is signed (RFC 7518 §3.1, RFC 8037 §3.1). `none` is no algorithm.
public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// With Ed25519 alone.
    case edDSA = "EdDSA"
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"

    /// Signed with a secret that both sides know.
    public var isSymmetric: Bool { [.hs256, .hs384, .hs512].contains(self) }

    /// What ID tokens may be signed with, as the provider's metadata says (`id_token_signing_alg_values_supported`,
    /// OpenID Connect Discovery 1.0 §3). Nothing said means RS256 (OpenID Connect Core 1.0 §2).
    public static func allowed(supported: [String]?) -> Set<SignatureAlgorithm> {
        guard let supported, !supported.isEmpty else { return [.rs256] }
        return Set(supported.compactMap(SignatureAlgorithm.init(rawValue:)))
    }

    /// The digest that the signature is made of. For EdDSA the one that Ed25519 uses inside, by which `at_hash` goes.
    func digest(of bytes: [UInt8]) -> any Digest {
        switch self {
        case .rs256, .ps256, .es256, .hs256: SHA256.hash(data: bytes)
        case .rs384, .ps384, .es384, .hs384: SHA384.hash(data: bytes)
        case .rs512, .ps512, .es512, .hs512, .edDSA: SHA512.hash(data: bytes)
        }
    }

    /// The left half of the digest, in base64url: `at_hash` and `c_hash` (OpenID Connect Core 1.0 §3.1.3.6, §3.3.2.11).
    func halfHash(of text: String) -> String {
        let digest = Array(digest(of: Array(text.utf8)))
        return base64URL(Array(digest.prefix(digest.count / 2)))
    }
}

/// HMAC (RFC 7518 §3.2). nil for algorithms that do not use a secret, and for an empty secret, which everybody knows.
enum MAC {
    static func make(_ bytes: [UInt8], key: [UInt8], algorithm: SignatureAlgorithm) -> [UInt8]? {
        guard !key.isEmpty else { return nil }
        let key = SymmetricKey(data: key)
        switch algorithm {
        case .hs256: return Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .hs384: return Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
        case .hs512: return Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        default: return nil
        }
    }

    static func isValid(_ code: [UInt8], of bytes: [UInt8], key: [UInt8], algorithm: SignatureAlgorithm) -> Bool {
        guard let expected = make(bytes, key: key, algorithm: algorithm), expected.count == code.count else {
            return false
        }
        return zip(expected, code).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
