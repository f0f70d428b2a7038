extension FakeAuthorizationServer {
    /// How one authorization server differs from the next. `Behaviour()` is a strict server of our day: PKCE, refresh
    /// token rotation with reuse detection (RFC 9700 §4.14.2), `iss` (RFC 9207).
    public struct Behaviour: Sendable {
        public init() {}

        // MARK: Tokens

        /// In seconds; nil for tokens that never expire.
        public var accessTokenLifetime: Int? = 3600
        /// In seconds; nil for tokens that never expire.
        public var refreshTokenLifetime: Int?
        public var refreshTokens: RefreshTokens = .always
        /// A token without a refresh token beside it never expires.
        public var onlyRefreshableTokensExpire = false
        public var rotation: Rotation = .rotateWithReuseDetection
        /// For so many seconds after its rotation an old refresh token is taken as if it were not used.
        public var rotationGrace = 0
        /// A refresh ends the access tokens of before.
        public var refreshRevokesAccessTokens = false
        public var accessTokenPrefix = "at_"
        public var refreshTokenPrefix = "rt_"
        /// What a refresh makes of the granted scope, such as less of it.
        public var scopeAfterRefresh: @Sendable ([String]) -> [String] = { $0 }

        // MARK: Token answer

        public var answerFormat: AnswerFormat = .json
        /// Token errors come with status 200.
        public var errorsAt200 = false
        /// Own names for errors, such as `bad_refresh_token`.
        public var errorCodes: [Refusal: String] = [:]
        /// The status of `invalid_client`; 401 by RFC 6749 §5.2, 400 at some.
        public var invalidClientStatus = 401
        public var expiry: ExpiryFormat = .seconds
        public var tokenType = "Bearer"
        public var scopeSeparatorInAnswer = " "
        /// What the answer says of the granted scope: some leave out what others imply.
        public var reportedScope: @Sendable ([String]) -> [String] = { $0 }
        /// The answer says when the refresh token expires.
        public var reportsRefreshTokenLifetime = false
        /// Members of the token answer by name, each a JSON text that replaces or adds the member; nil leaves it out.
        public var answerMembers: [String: String?] = [:]

        // MARK: Token request

        public var clientAuthentication: Set<ClientAuthenticationMethod> = [.basic, .post, .none, .privateKeyJWT]
        /// Client ID and secret are form-urlencoded inside HTTP Basic (RFC 6749 §2.3.1); false for servers that take
        /// them raw.
        public var basicIsFormEncoded = true
        public var pkce: PKCERule = .required
        public var pkceMethods: Set<String> = ["S256"]
        public var refusesUnknownParameters = false
        /// RFC 6749 §3.1 and §3.2.
        public var refusesDuplicateParameters = true

        // MARK: Authorization response

        /// How long a code can be exchanged, in seconds.
        public var codeLifetime = 60
        public var iss: IssuerParameter = .issuer
        /// False for servers that send `iss` with codes only.
        public var issWithErrors = true
        public var echoesState = true

        // MARK: Other grants

        /// Tokens are bound to the key of a proof (RFC 9449), which every request must carry.
        public var requiresProofs = false
        /// The nonce that a proof must hold (RFC 9449 §8); nil for none.
        public var proofNonce: String?
        /// Between two polls for a device code, in seconds.
        public var pollInterval = 1
        /// Authorization requests must be pushed (RFC 9126).
        public var requiresPushedRequests = false

        // MARK: Other endpoints

        public var paths = Paths()
        public var metadataDocuments: Set<MetadataDocument> = [.oauth, .openID]
        /// What the metadata calls the issuer, when that is not who it is.
        public var advertisedIssuer: String?
        /// Members of the metadata, as in `answerMembers`.
        public var metadataMembers: [String: String?] = [:]
        /// Token types that can be revoked; others get `unsupported_token_type` (RFC 7009 §2.2.1).
        public var revocableTokens: Set<TokenKind> = [.accessToken, .refreshToken]
    }

    public enum RefreshTokens: Sendable, Hashable {
        case always
        case never
        /// Only where this scope was granted.
        case withScope(String)
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
    }

    /// Why the token endpoint refuses; the value is the standard code.
    public enum Refusal: Sendable, Hashable, CaseIterable {
        case request
        case client
        case grantType
        case code
        case redirectURI
        case verifier
        case refreshToken
        case scope
        case tokenType

        var standardCode: String {
            switch self {
            case .request: "invalid_request"
            case .client: "invalid_client"
            case .grantType: "unsupported_grant_type"
            case .code, .redirectURI, .verifier, .refreshToken: "invalid_grant"
            case .scope: "invalid_scope"
            case .tokenType: "unsupported_token_type"
            }
        }
    }
}
