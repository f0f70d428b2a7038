/// An authorization request (RFC 6749 §4.1.1) with PKCE (RFC 7636 §4.3): a URL for the owner's browser, or pushed before
/// (RFC 9126).
public struct AuthorizationRequest: Sendable {
    public var clientID: String
    public var redirectURI: String
    public var scope: [String]
    public var state: Secret
    /// nil where the profile switches PKCE off.
    public var codeChallenge: String?
    /// RFC 8707 §2.
    public var resource: [String] = []
    /// `query` or `form_post` (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
    public var responseMode: String?
    /// What the ID token must repeat (OpenID Connect Core 1.0 §3.1.2.1).
    public var nonce: String?
    public var prompt: String?
    public var loginHint: String?
    /// JSON as text (OpenID Connect Core 1.0 §5.5).
    public var claims: String?
    /// The thumbprint of the key that the code is bound to (RFC 9449 §10).
    public var dpopJKT: String?
    public var additional: Parameters

    public init(
        clientID: String, redirectURI: String, scope: [String], state: Secret, codeChallenge: String?,
        additional: Parameters = Parameters()
    ) {
        self.clientID = clientID
        self.redirectURI = redirectURI
        self.scope = scope
        self.state = state
        self.codeChallenge = codeChallenge
        self.additional = additional
    }

    /// All that is asked for. The profile's parameters replace the standard's, the request's own replace both.
    public func parameters(dialect: Dialect) -> Parameters {
        var parameters = Parameters([("response_type", "code"), ("client_id", clientID), ("redirect_uri", redirectURI)])
        parameters.append(scope: scope, separator: dialect.scopeSeparator)
        parameters.append("state", state.reveal())
        if let codeChallenge {
            parameters.append("code_challenge", codeChallenge)
            parameters.append("code_challenge_method", "S256")
        }
        if let template = dialect.authorizationTemplate {
            parameters = template.filled([
                .clientID: clientID, .redirectURI: redirectURI, .scope: scope.joined(separator: dialect.scopeSeparator),
                .state: state.reveal(), .codeChallenge: codeChallenge ?? "",
            ])
        }
        for pair in dialect.authorizationParameters.pairs { parameters.set(pair.name, pair.value) }
        for name in dialect.authorizationParametersOfClientID { parameters.set(name, clientID) }
        let own = [
            ("response_mode", responseMode), ("nonce", nonce), ("prompt", prompt), ("login_hint", loginHint),
            ("claims", claims), ("dpop_jkt", dpopJKT),
        ]
        for case (let name, let value?) in own { parameters.set(name, value) }
        if !resource.isEmpty {
            parameters.remove("resource")
            parameters.append(resource: resource)
        }
        for pair in additional.pairs { parameters.set(pair.name, pair.value) }
        for name in dialect.droppedAuthorizationParameters { parameters.remove(name) }
        // An empty parameter breaks authorization pages; to leave it out means the same (RFC 6749 §3.1).
        for pair in parameters.pairs where pair.value.isEmpty { parameters.remove(pair.name) }
        return parameters.renamed(by: dialect.renamedAuthorizationParameters)
    }

    public func url(at endpoint: EndpointURL, dialect: Dialect) -> String {
        let parameters = parameters(dialect: dialect)
        guard dialect.joinsScopesByPlus || dialect.authorizationFragment != nil else {
            return endpoint.appending(parameters)
        }
        let scopeName = dialect.renamedAuthorizationParameters["scope"] ?? "scope"
        let query = parameters.pairs.map { pair in
            let value =
                dialect.joinsScopesByPlus && pair.name == scopeName
                ? pair.value.split(separator: " ").map { Parameters.encode(String($0)) }.joined(separator: "+")
                : Parameters.encode(pair.value)
            return "\(Parameters.encode(pair.name))=\(value)"
        }.joined(separator: "&")
        // RFC 6749 §3.1 knows no fragment; pages that are one program route by it, and read their query behind it.
        if let route = dialect.authorizationFragment { return "\(endpoint.string)#\(route)?\(query)" }
        return endpoint.appending(query: query)
    }
}
