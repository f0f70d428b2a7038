/// Pushed authorization requests (RFC 9126): the request goes to the server first, the browser takes a reference along.
public enum PushedAuthorizationRequest {
    /// §2.1: the whole request, authenticated as at the token endpoint.
    public static func request(
        _ request: AuthorizationRequest, at endpoint: EndpointURL, client: Client, dialect: Dialect,
        freshness: Freshness
    ) -> EndpointRequest {
        var parameters = request.parameters(dialect: dialect)
        // §2.1: the one parameter that must not be pushed.
        parameters.remove("request_uri")
        return TokenRequest.form(parameters, at: endpoint, client: client, dialect: dialect, freshness: freshness)
    }

    /// §4: where to send the browser, with the reference and nothing else.
    public static func url(at endpoint: EndpointURL, clientID: String, requestURI: String) -> String {
        endpoint.appending(Parameters([("client_id", clientID), ("request_uri", requestURI)]))
    }

    public enum Verdict: Sendable, Hashable {
        /// For one use, within so many seconds (§2.2).
        case accepted(requestURI: String, expiresIn: Int)
        case refused(OAuthError)
        case malformed(reason: String, status: Int)
        case unavailable(status: Int, retryAfter: RetryAfter?)
    }

    /// §2.2 says 201; some send 200.
    public static func judge(_ response: EndpointResponse) -> Verdict {
        switch EndpointAnswer(response, naming: "request_uri") {
        case .success(let members):
            guard let requestURI = members["request_uri"]?.asText, isReference(requestURI) else {
                return .malformed(reason: "it holds no request_uri", status: response.status)
            }
            guard let lifetime = members["expires_in"]?.asSeconds else {
                return .malformed(reason: "it does not say when it expires", status: response.status)
            }
            return .accepted(requestURI: requestURI, expiresIn: lifetime)
        case .refused(let error): return .refused(error)
        case .malformed(let reason): return .malformed(reason: reason, status: response.status)
        case .unavailable(let status, let retryAfter): return .unavailable(status: status, retryAfter: retryAfter)
        }
    }

    /// Its form is the server's business (§2.2) as long as it is a URI.
    private static func isReference(_ text: String) -> Bool {
        text.isVisible(upTo: 2048) && !text.contains(" ") && text.contains(":")
    }
}
