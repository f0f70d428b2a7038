extension FakeAuthorizationServer {
    public enum RefreshTokens: Sendable, Hashable {
        case always
        case never
        /// Only where this scope was granted.
        case withScope(String)
        /// Only where one of these scopes was granted.
        case withAnyScope(Set<String>)
        /// Only where the authorization request had this parameter with this value.
        case withParameter(String, String)
    }

    public enum Rotation: String, Sendable, CaseIterable {
        /// A refresh gives no refresh token; the one there is goes on.
        case none
        /// A refresh repeats the refresh token.
        case same
        /// A refresh gives a new one; the old one works on.
        case rotateKeepingOld = "keep-old"
        /// A refresh gives a new one; the old one is refused.
        case rotate
        /// A refresh gives a new one; using the old one ends the whole grant.
        case rotateWithReuseDetection = "reuse-detection"
    }

    public enum AnswerFormat: Sendable, Hashable {
        case json
        case jsonWithCharset
        /// JSON that says it is `text/plain`.
        case jsonAsPlainText
        /// JSON behind a byte order mark.
        case jsonWithByteOrderMark
        case form
        /// A form that says it is `text/plain`.
        case formAsPlainText
        /// A form, unless the request's `Accept` names JSON.
        case formUnlessJSONAccepted
        /// A page instead of the answer; what was asked for happened all the same.
        case html
        /// Bytes that are nothing; what was asked for happened all the same.
        case garbage
        /// The answer in JSON and then so many spaces.
        case padded(bytes: Int)
    }

    /// What stands for the lifetime in the token answer.
    public enum ExpiryFormat: Sendable, Hashable {
        case seconds
        case float
        case string
        case milliseconds
        case epochSeconds
        case epochMilliseconds
        case iso8601
        /// `D:HH:MM`
        case clock
        case absent
        /// Any JSON text: `0`, `-1`, `null`, `1000000000000`.
        case literal(String)
    }

    public enum ClientAuthenticationMethod: String, Sendable, CaseIterable {
        case basic = "client_secret_basic"
        case post = "client_secret_post"
        case none
        case privateKeyJWT = "private_key_jwt"
    }

    public enum PKCERule: Sendable {
        case required
        case optional
        /// Challenge and verifier are read over.
        case ignored
        /// Challenge and verifier are parameters like any unknown one.
        case unknown
    }

    public enum IssuerParameter: Sendable, Hashable {
        case issuer
        case absent
        case other(String)
    }

    public enum MetadataDocument: Sendable {
        /// RFC 8414
        case oauth
        /// OpenID Connect Discovery
        case openID
    }

    public enum TokenKind: String, Sendable {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"
    }

    /// Where the endpoints are. A server that stands for a known one uses its paths.
    public struct Paths: Sendable {
        public init() {}

        /// What follows host and port in the issuer, such as `/tenant1`.
        public var issuer = ""
        public var authorization = "/authorize"
        public var token = "/token"
        public var revocation = "/revoke"
        public var introspection = "/introspect"
        public var userinfo = "/userinfo"
        public var deviceAuthorization = "/device_authorization"
        public var deviceVerification = "/device"
        public var pushedAuthorization = "/par"
        public var keys = "/jwks"
        public var resource = "/api/me"
        /// Below the issuer; most have it where OpenID Connect Discovery §4 wants it.
        public var openIDConfiguration = "/.well-known/openid-configuration"

        // What few servers have. `{client}` and `{installation}` stand for a part of the path; empty: there is none.

        /// A check (POST), exchange (PATCH) or end (DELETE) of an access token, as the client.
        public var applicationToken = ""
        /// The end (DELETE) of all that a user allowed the client.
        public var applicationGrant = ""
        /// A token for an installation of the client, asked for with a signed JWT.
        public var installationToken = ""
        /// The end (DELETE) of an installation's token, by itself.
        public var installationRevocation = ""
        /// The end (POST) of a token and all of its grant, by itself.
        public var bearerRevocation = ""
        /// Where an administrator consents for everybody.
        public var adminConsent = ""
    }
}
