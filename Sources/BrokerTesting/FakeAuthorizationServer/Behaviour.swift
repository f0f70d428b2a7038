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
        /// A refresh gives the access token again that there is, while it lives.
        public var repeatsAccessToken = false
        /// Whoever uses an access token has it for its whole lifetime again.
        public var useExtendsAccessTokens = false
        /// Access tokens are at least that long.
        public var accessTokenLength = 0
        /// An authorization request with this parameter and value gets tokens that never expire.
        public var lastingTokens: (name: String, value: String)?
        /// So much may one user have allowed one client at a time; then the oldest is revoked.
        public var grantLimit: GrantLimit?

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
        /// The same, for what differs from one answer to the next; `answerMembers` has the last word.
        public var membersOfGrant: @Sendable (Granted) -> [String: String?] = { _ in [:] }
        public var numbersAsStrings = false
        /// `format=urlencoded` in the request makes the answer a form.
        public var readsFormatParameter = false
        /// What is said for a refusal; goes before `errorCodes`.
        public var errors: [Refusal: ErrorBody] = [:]
        /// What stands before the number of an error in its description; nil where errors have no numbers.
        public var errorNumberPrefix: String?
        public var idTokenAlgorithm: IDTokenAlgorithm = .es256
        /// Claims of the ID token, as in `membersOfGrant`.
        public var idTokenClaims: @Sendable (Granted) -> [String: String?] = { _ in [:] }

        // MARK: Token request

        public var clientAuthentication: Set<ClientAuthenticationMethod> = [.basic, .post, .none, .privateKeyJWT]
        /// Client ID and secret are form-urlencoded inside HTTP Basic (RFC 6749 §2.3.1); false for servers that take
        /// them raw.
        public var basicIsFormEncoded = true
        public var pkce: PKCERule = .required
        public var pkceMethods: Set<String> = ["S256"]
        /// What a challenge without `code_challenge_method` is taken for; RFC 7636 §4.3 says plain.
        public var assumedPKCEMethod = "plain"
        public var refusesUnknownParameters = false
        /// RFC 6749 §3.1 and §3.2.
        public var refusesDuplicateParameters = true
        /// Nil: all there are. By `grant_type`.
        public var grantTypes: Set<String>?
        /// A token request without `grant_type` is for a code.
        public var grantTypeIsOptional = false
        /// Confidential clients need no secret here.
        public var secretless: Set<Secretless> = []
        public var clientAssertions = AssertionRules()
        public var scopeRule: ScopeRule = .free
        public var resourceRule: ResourceRule = .optional
        /// Codes and refresh tokens are good at the host only where the user was.
        public var separatesHosts = false
        /// Of two refreshes with one token at the same time the later is refused.
        public var refusesParallelRefreshes = false
        public var requestLimits: [RequestLimit] = []

        // MARK: Authorization response

        /// How long a code can be exchanged, in seconds.
        public var codeLifetime = 60
        public var iss: IssuerParameter = .issuer
        /// False for servers that send `iss` with codes only.
        public var issWithErrors = true
        public var echoesState = true
        public var requiresResponseType = true
        /// How an answer may be asked to come back; what is not here is read over.
        public var responseModes: Set<ResponseMode> = [.query]
        public var redirectRule: RedirectRule = .exact
        /// Without `redirect_uri` a page shows the code.
        public var showsCodeWithoutRedirectURI = false
        /// Whose consent an administrator gives.
        public var adminConsentTenant = "tenant1"

        // MARK: Other grants

        /// Tokens are bound to the key of a proof (RFC 9449), which every request must carry.
        public var requiresProofs = false
        /// The nonce that a proof must hold (RFC 9449 §8); nil for none.
        public var proofNonce: String?
        /// Between two polls for a device code, in seconds.
        public var pollInterval = 1
        public var deviceCodeLifetime = 600
        /// A device asks at the token endpoint with `response_type=device_code` and polls with `grant_type=device`.
        public var devicesAskAtTokenEndpoint = false
        /// Members of the device answer, as in `answerMembers`.
        public var deviceMembers: [String: String?] = [:]
        /// Refuses every device authorization.
        public var devicesAreBlocked = false
        public var userCodeHasHyphen = false
        /// Refuses every request for client credentials (RFC 6749 §4.4).
        public var clientCredentialsAreBlocked = false
        public var bearerAssertions = AssertionRules()
        /// For whom an assertion can speak (RFC 7523 §2.1); nil for everybody.
        public var preAuthorizedUsers: Set<String>?
        /// A JWT bearer grant with `requested_token_use=on_behalf_of` holds a user's access token as its assertion.
        public var knowsOnBehalfOf = false
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
        /// An unknown token is `invalid_token`, against RFC 7009 §2.2.
        public var refusesUnknownRevocation = false
        public var introspection: IntrospectionRule = .honest
        /// What the resource says to the owner of a live token.
        public var resourceAnswer: (@Sendable (Opened) -> Answer)?
        /// What userinfo says, the same way.
        public var userinfoAnswer: (@Sendable (Opened) -> Answer)?
        /// What both say to a token that is none, or no more.
        public var refusedToken: (@Sendable (TokenFault) -> Answer)?
        /// The resource takes POST too.
        public var resourceTakesPost = false
        /// JSON that the `claims` of an authorization or token request must repeat before the resource opens, to those
        /// who said there that they understand challenges.
        public var claimsChallenge: String?
        public var installationAssertions = AssertionRules(
            thumbprints: ["RS256": .none], audiences: nil, lifetime: 600, requiresID: false)
        /// By their number.
        public var installations: [String: Installation] = [:]
        public var installationTokens = InstallationTokens()
    }
}
