/// A successful answer of the token endpoint (RFC 6749 §5.1).
public struct TokenResponse: Sendable, Hashable {
    public var accessToken: Secret
    public var tokenType: String
    /// In seconds; nil when the lifetime is unknown, which is not for ever.
    public var expiresIn: Int?
    /// Seconds since 1970, where the answer says that in place of `expires_in`; not of the standard, but common.
    public var expiresAt: Int?
    public var refreshToken: Secret?
    /// In seconds; not of the standard, but common.
    public var refreshTokenExpiresIn: Int?
    /// What was granted; nil when the answer does not say.
    public var scope: [String]?
    public var idToken: Secret?
    /// What a token exchange issued, as a URI (RFC 8693 §2.2.1).
    public var issuedTokenType: String?
    /// All other members.
    public var additional: JSONObject
    /// What was odd and let pass.
    public var warnings: [String]

    public init(
        accessToken: Secret, tokenType: String = "Bearer", expiresIn: Int? = nil, refreshToken: Secret? = nil,
        refreshTokenExpiresIn: Int? = nil, scope: [String]? = nil, idToken: Secret? = nil,
        additional: JSONObject = JSONObject(), warnings: [String] = []
    ) {
        self.accessToken = accessToken
        self.tokenType = tokenType
        self.expiresIn = expiresIn
        self.refreshToken = refreshToken
        self.refreshTokenExpiresIn = refreshTokenExpiresIn
        self.scope = scope
        self.idToken = idToken
        self.additional = additional
        self.warnings = warnings
    }
}

/// What an answer of the token endpoint is.
public enum TokenVerdict: Sendable, Hashable {
    case granted(TokenResponse)
    /// An OAuth error, whatever the status: some servers send it with 200, others with 400 or 401.
    case refused(OAuthError)
    /// Neither a token nor an error that can be read.
    case malformed(reason: String, status: Int)
    /// 408, 429 and 5xx: it will pass.
    case unavailable(status: Int, retryAfter: RetryAfter?)
}

extension TokenVerdict {
    /// See `OAuthError.hiding`.
    public func hiding(_ secrets: [Secret]) -> TokenVerdict {
        if case .refused(let error) = self { .refused(error.hiding(secrets)) } else { self }
    }
}

extension TokenResponse: CustomReflectable {
    public var customMirror: Mirror {
        Mirror(self, children: ["token_type": tokenType, "additional": additional.names.joined(separator: " ")])
    }
}

extension TokenResponse: CustomStringConvertible {
    public var description: String { "TokenResponse(\(tokenType))" }
}
