/// Token introspection (RFC 7662).
public enum Introspection {
    /// §2.1.
    /// - Parameter hint: `access_token` or `refresh_token`.
    public static func request(
        token: Secret, hint: String, at endpoint: EndpointURL, client: Client, dialect: Dialect, freshness: Freshness
    ) -> EndpointRequest {
        TokenRequest.form(
            Parameters([("token", token.reveal()), ("token_type_hint", hint)]), at: endpoint, client: client,
            dialect: dialect, freshness: freshness)
    }

    /// What the server says of a token that is active (§2.2). What it does not say, or not in a form that counts, is nil.
    /// As somebody wrote it: escape it before it is shown. Prints names alone.
    public struct Token: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        public var scope: [String]?
        public var clientID: String?
        public var username: String?
        public var tokenType: String?
        /// Seconds since 1970. May lie in the past although the token is active: clocks differ.
        public var expiresAt: Int?
        public var issuedAt: Int?
        public var notBefore: Int?
        public var subject: String?
        public var audience: [String]?
        public var issuer: String?
        /// All members.
        public var all: JSONObject

        init(_ members: JSONObject) {
            scope = members["scope"]?.asText?.split(separator: " ").map(String.init)
            clientID = members["client_id"]?.asText
            username = members["username"]?.asText
            tokenType = members["token_type"]?.asText
            expiresAt = members["exp"]?.asDate
            issuedAt = members["iat"]?.asDate
            notBefore = members["nbf"]?.asDate
            subject = members["sub"]?.asText
            audience = members["aud"]?.asTexts ?? members["aud"]?.asText.map { [$0] }
            issuer = members["iss"]?.asText
            all = members
        }

        public var description: String { "Token(\(all.names.joined(separator: ", ")))" }
        public var customMirror: Mirror { Mirror(self, children: [("names", all.names)]) }
    }

    public enum Verdict: Sendable, Hashable {
        case active(Token)
        /// Expired, revoked, or none of the server's: it does not tell which (§2.2).
        case inactive
        case refused(OAuthError)
        case malformed(reason: String, status: Int)
        case unavailable(status: Int, retryAfter: RetryAfter?)
    }

    public static func judge(_ response: EndpointResponse) -> Verdict {
        switch EndpointAnswer(response, naming: "active") {
        case .success(let members):
            switch members["active"] {
            case .bool(true)?: return .active(Token(members))
            case .bool(false)?: return .inactive
            // Whether a token is good is no matter of taste: `1` and `"true"` say nothing.
            default: return .malformed(reason: "it does not say whether the token is active", status: response.status)
            }
        case .refused(let error): return .refused(error)
        case .malformed(let reason): return .malformed(reason: reason, status: response.status)
        case .unavailable(let status, let retryAfter): return .unavailable(status: status, retryAfter: retryAfter)
        }
    }
}
