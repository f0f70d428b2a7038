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
    /// Token requests are a JSON object, not a form.
    public var sendsJSON = false
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
    /// Client id and secret go into Basic as they are, without the form-encoding of RFC 6749 §2.3.1.
    public var rawBasicEncoding = false
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
    /// The parameter that carries the code to the redirection endpoint.
    public var codeParameter = "code"

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
