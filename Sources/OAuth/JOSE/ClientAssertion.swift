import Crypto

/// A JWT that vouches for somebody: for the client itself (RFC 7523 §2.2, OpenID Connect Core 1.0 §9), or as a grant
/// (RFC 7523 §2.1). Each is made for one request and never sent twice (security case F26).
public enum ClientAssertion {
    /// How long an assertion is good for, in seconds: long enough for a clock that is off, and under every provider's
    /// limit.
    public static let usualLifetime = 120

    /// So many seconds lies `iat` in the past, for providers whose clocks run behind. There is no `nbf`.
    static let allowance = 10

    /// - Parameters:
    ///   - claims: `iss`, `sub`, `aud` and whatever else (RFC 7523 §3); `jti`, `iat` and `exp` are added where they are
    ///     not given.
    ///   - certificateHeaders: which of them name the signer's certificate, where it has one.
    ///   - freshness: of this request; its `jti` must differ from that of any other assertion.
    public static func make(
        _ claims: JSONObject, signer: AssertionSigner, certificateHeaders: Set<CertificateHeader> = [],
        lifetime: Int = usualLifetime, freshness: Freshness
    ) -> Secret {
        var claims = claims
        let additions: [(String, JSONValue)] = [
            ("jti", .string(freshness.jti)), ("iat", .number(JSONNumber(freshness.now - allowance))),
            ("exp", .number(JSONNumber(freshness.now + lifetime))),
        ]
        for (name, value) in additions where claims[name] == nil { claims[name] = value }
        return signer.token(header: header(signer, certificateHeaders), claims: claims)
    }

    /// What a client says of itself: RFC 7523 §3 wants issuer and subject to be the client.
    public static func claims(clientID: String, audience: String) -> JSONObject {
        JSONObject([("iss", .string(clientID)), ("sub", .string(clientID)), ("aud", .string(audience))])
    }

    private static func header(_ signer: AssertionSigner, _ certificateHeaders: Set<CertificateHeader>) -> JSONObject {
        var header = JSONObject([("alg", .string(signer.algorithm.rawValue)), ("typ", .string("JWT"))])
        header["kid"] = signer.key?.keyID.map { .string($0) }
        guard let certificates = signer.key?.certificates, let own = certificates.first else { return header }
        for name in CertificateHeader.allCases where certificateHeaders.contains(name) {
            header[name.rawValue] = name.value(own: own, all: certificates)
        }
        return header
    }
}

/// How an assertion's header names the certificate of the key (RFC 7515 §4.1.6 to §4.1.8).
public enum CertificateHeader: String, Sendable, Hashable, CaseIterable {
    /// Its SHA-1, which older servers know it by. Nothing rests on it but the finding.
    case sha1Thumbprint = "x5t"
    case sha256Thumbprint = "x5t#S256"
    /// The certificate and those that vouch for it.
    case chain = "x5c"

    func value(own: [UInt8], all: [[UInt8]]) -> JSONValue {
        switch self {
        case .sha1Thumbprint: .string(base64URL(Array(Insecure.SHA1.hash(data: own))))
        case .sha256Thumbprint: .string(base64URL(Array(SHA256.hash(data: own))))
        // In the usual base64, not that for URLs (RFC 7515 §4.1.6).
        case .chain: .array(all.map { .string(base64($0)) })
        }
    }
}
