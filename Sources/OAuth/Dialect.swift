public import HTTPTypes

/// What one provider does differently on the wire, as its profile says. `Dialect()` is the standard.
public struct Dialect: Sendable, Hashable {
    /// Between the scopes of a request (RFC 6749 §3.3: a space).
    public var scopeSeparator = " "
    /// Between the scopes of an answer: any of these.
    public var responseScopeSeparators: Set<Character> = [" "]
    /// Proof Key for Code Exchange with S256 (RFC 7636). Off only where a provider refuses the parameter.
    public var pkce = true
    /// Added to the requests; a name of the standard's replaces its value.
    public var authorizationParameters = Parameters()
    public var tokenParameters = Parameters()
    public var refreshParameters = Parameters()
    /// Names of standard parameters that the provider must not be sent.
    public var droppedAuthorizationParameters: Set<String> = []
    public var droppedTokenParameters: Set<String> = []
    /// Other names for parameters of the standard's, by the standard's name.
    public var renamedAuthorizationParameters: [String: String] = [:]
    public var renamedTokenParameters: [String: String] = [:]
    /// Parameters whose value is the client's ID, by the request that they are added to.
    public var authorizationParametersOfClientID: Set<String> = []
    public var tokenParametersOfClientID: Set<String> = []
    public var refreshParametersOfClientID: Set<String> = []
    /// In place of the standard's parameters; nil is the standard.
    public var authorizationTemplate: ParameterTemplate?
    public var tokenTemplate: ParameterTemplate?
    public var refreshTemplate: ParameterTemplate?
    public var tokenRequestForm = RequestForm.form
    /// Of refreshes; nil as other token requests.
    public var refreshRequestForm: RequestForm?
    /// Parameters that stand in the token endpoint's query while the others stay in the body.
    public var tokenParametersInQuery: Set<String> = []
    /// Added to requests to the token endpoint.
    public var headerFields = HTTPFields()
    /// Where refreshes go, where it is not the token endpoint.
    public var refreshEndpoint: EndpointURL?
    /// Token answers may be form-encoded whatever their type says.
    public var acceptsFormResponse = false
    /// What a token answer without `token_type` means; one outside of these is refused (RFC 6749 §7.1).
    public var defaultTokenType = "Bearer"
    /// What the number in `expires_in` counts.
    public var lifetimeUnit = LifetimeUnit.seconds
    /// Other words for Bearer.
    public var tokenTypeAliases: Set<String> = []
    /// How the secret stands in `Authorization`.
    public var secretForm = SecretForm.basic
    /// `client_id` goes along with Basic, which says it already.
    public var sendsClientIDWithBasic = false
    /// A refresh is asked for by `client_id` alone.
    public var refreshesWithoutSecret = false
    /// There is no refresh token: the access token takes its place.
    public var refreshesByAccessToken = false
    /// Whom a client assertion is for.
    public var assertionAudience = AssertionAudience.issuer
    /// How a client assertion names the key's certificate; nothing names it by `kid` alone.
    public var assertionCertificateHeaders: Set<CertificateHeader> = []
    /// `client_id` goes along with a client assertion, which says it already (RFC 7521 §4.2).
    public var sendsClientIDWithAssertion = false
    /// A token exchange is asked for as it was before RFC 8693: `TokenExchangeGrant.onBehalfOf`.
    public var exchangesOnBehalfOf = false
    /// The member that holds the token answer, as a dotted path; nil is the answer itself.
    public var responseRoot: String?
    /// Where a standard member stands under another name (a dotted path), by the standard's name.
    public var memberPaths: [String: String] = [:]
    /// What makes a member's answer one that counts; nil where the status and the absence of an error do.
    public var successMember: Mark?
    /// Where an error's code stands, as a dotted path, besides `error`.
    public var errorMember: String?
    /// Where an error's words stand, as a dotted path, besides `error_description`.
    public var errorDescriptionMember: String?
    /// What errors mean here: it goes before the standard's meaning.
    public var errors: ErrorMap = [:]
    /// Statuses that say by themselves what is wrong, where the answer holds no error code.
    var refusalStatuses: Set<Int> { errors.statuses }
    /// The parameter that carries the code to the redirection endpoint.
    public var codeParameter = "code"
    /// The token request repeats `state`.
    public var repeatsState = false
    /// A bare `+` stands between the scopes of an authorization request.
    public var joinsScopesByPlus = false
    /// The route behind a `#` that the authorization request's parameters follow.
    public var authorizationFragment: String?

    /// Where the parameters of a token request stand.
    public enum RequestForm: Sendable, Hashable {
        /// RFC 6749 §4.1.3.
        case form
        case json
        /// In the query of a POST.
        case query
        /// In the query of a GET.
        case get
    }

    /// What `client_secret_basic` puts into `Authorization`.
    public enum SecretForm: Sendable, Hashable {
        /// RFC 6749 §2.3.1.
        case basic
        /// Without its form-encoding.
        case rawBasic
        /// The secret as the user name, and no password.
        case username
        /// The secret as a bearer token.
        case bearer
    }

    /// A member, by its dotted path, and the text of its value.
    public struct Mark: Sendable, Hashable {
        public let path: String
        public let value: String

        public init(path: String, value: String) {
            self.path = path
            self.value = value
        }
    }

    public init() {}

    /// A name that no header may have sets nothing.
    public mutating func setHeader(_ name: String, to value: String) {
        if let field = HTTPField.Name(name) { headerFields[field] = value }
    }
}

/// How an answer says when its token ends.
public enum LifetimeUnit: String, Sendable, CaseIterable {
    /// RFC 6749 §5.1.
    case seconds
    case milliseconds
    /// A moment: seconds or milliseconds since 1970, or RFC 3339 text.
    case absolute
    /// `D:HH:MM`.
    case duration
}
