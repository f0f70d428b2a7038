/// An authorization request (RFC 6749 §4.1.1) with PKCE (RFC 7636 §4.3), as a URL for the owner's browser.
public struct AuthorizationRequest: Sendable {
    public var clientID: String
    public var redirectURI: String
    public var scope: [String]
    public var state: Secret
    /// nil where the profile switches PKCE off.
    public var codeChallenge: String?
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

    public func url(at endpoint: EndpointURL, dialect: Dialect) -> String {
        var parameters = Parameters([
            ("response_type", "code"), ("client_id", clientID), ("redirect_uri", redirectURI),
        ])
        // An empty parameter breaks authorization pages; to leave it out means the same (RFC 6749 §3.1).
        if !scope.isEmpty { parameters.append("scope", scope.joined(separator: dialect.scopeSeparator)) }
        parameters.append("state", state.reveal())
        if let codeChallenge {
            parameters.append("code_challenge", codeChallenge)
            parameters.append("code_challenge_method", "S256")
        }
        for pair in dialect.authorizationParameters.pairs + additional.pairs { parameters.set(pair.name, pair.value) }
        for name in dialect.droppedAuthorizationParameters { parameters.remove(name) }
        return endpoint.appending(parameters)
    }
}
