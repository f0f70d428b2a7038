import HTTPTypes

/// A request to the token endpoint (RFC 6749 §3.2): what all grants share, so that none can forget it.
public enum TokenRequest {
    public enum Purpose: Sendable {
        case grant
        case refresh
    }

    /// What a grant of the standard's does not hold, and a template may ask for.
    public struct Context: Sendable {
        public var redirectURI: String
        public var scope: [String]

        public init(redirectURI: String, scope: [String]) {
            self.redirectURI = redirectURI
            self.scope = scope
        }
    }

    /// - Parameter context: for a dialect's template, which takes the place of the grant's own parameters.
    public static func make(
        _ grant: Parameters, at endpoint: EndpointURL, client: Client, dialect: Dialect, purpose: Purpose,
        freshness: Freshness, context: Context? = nil
    ) -> EndpointRequest {
        if let template = purpose == .refresh ? dialect.refreshTemplate : dialect.tokenTemplate,
            grant["code"] != nil || purpose == .refresh
        {
            return written(
                template, grant, context, at: endpoint, client: client, dialect: dialect, freshness: freshness)
        }
        var parameters = Parameters()
        // RFC 6749 §3.2: parameters without a value are left out.
        for pair in grant.pairs where !pair.value.isEmpty { parameters.append(pair.name, pair.value) }
        let more = purpose == .refresh ? dialect.refreshParameters : dialect.tokenParameters
        for pair in more.pairs where !pair.value.isEmpty { parameters.set(pair.name, pair.value) }
        let ofClientID =
            purpose == .refresh ? dialect.refreshParametersOfClientID : dialect.tokenParametersOfClientID
        for name in ofClientID { parameters.set(name, client.id) }
        for name in dialect.droppedTokenParameters { parameters.remove(name) }
        var client = client
        if purpose == .refresh, dialect.refreshesWithoutSecret { client.authentication = .none }
        let request = form(parameters, at: endpoint, client: client, dialect: dialect, freshness: freshness) {
            $0.renamed(by: dialect.renamedTokenParameters)
        }
        let form = purpose == .refresh ? dialect.refreshRequestForm : nil
        return placed(request, form ?? dialect.tokenRequestForm, inQuery: dialect.tokenParametersInQuery)
    }

    /// A request as its template has it: the client authenticates there, or, where no secret stands in it, by Basic.
    private static func written(
        _ template: ParameterTemplate, _ grant: Parameters, _ context: Context?, at endpoint: EndpointURL,
        client: Client, dialect: Dialect, freshness: Freshness
    ) -> EndpointRequest {
        let values: [ParameterTemplate.Hole: String] = [
            .clientID: client.id, .clientSecret: client.authentication.secret?.reveal() ?? "",
            .redirectURI: grant["redirect_uri"] ?? context?.redirectURI ?? "",
            .scope: (context?.scope ?? []).joined(separator: dialect.scopeSeparator), .code: grant["code"] ?? "",
            .refreshToken: grant["refresh_token"] ?? "", .codeVerifier: grant["code_verifier"] ?? "",
        ]
        var client = client
        let hasAssertion = template.pairs.contains { $0.name == "client_assertion" || $0.name == "assertion" }
        let parameters = template.filled(values)
        let isAuthenticated = template.holds(.clientSecret) || hasAssertion || client.authentication.secret == nil
        if !isAuthenticated, let secret = client.authentication.secret {
            client.authentication = .clientSecretBasic(secret)
        }
        let url = (try? EndpointURL(endpoint.appending(template.filled(values, inQuery: true)))) ?? endpoint
        var request = form(parameters, at: url, client: client, dialect: dialect, freshness: freshness)
        guard isAuthenticated else { return request }
        request.headerFields[.authorization] = nil
        request.body = Array(parameters.formURLEncoded.utf8)
        return request
    }

    /// The same request with its parameters where this provider wants them.
    private static func placed(
        _ request: EndpointRequest, _ form: Dialect.RequestForm, inQuery names: Set<String>
    ) -> EndpointRequest {
        guard form != .form || !names.isEmpty, let parameters = try? Parameters(formURLEncoded: request.body) else {
            return request
        }
        var request = request
        let isQuery = form == .query || form == .get
        let query = Parameters(
            parameters.pairs.filter { isQuery || names.contains($0.name) }.map { ($0.name, $0.value) })
        let body = Parameters(
            parameters.pairs.filter { !isQuery && !names.contains($0.name) }.map { ($0.name, $0.value) })
        // An address that is too long for one leaves everything in the body: the provider then says what it misses.
        guard let url = try? EndpointURL(request.url.appending(query)) else { return request }
        request.url = url
        if isQuery {
            request.headerFields[.contentType] = nil
            request.method = form == .get ? .get : .post
        }
        if form == .json { request.headerFields[.contentType] = "application/json" }
        request.body = Array((form == .json ? body.json.serialized() : body.formURLEncoded).utf8)
        return request
    }

    /// An authenticated form POST: also what revocation and introspection are.
    /// - Parameter change: made last, when the client has authenticated.
    static func form(
        _ parameters: Parameters, at endpoint: EndpointURL, client: Client, dialect: Dialect, freshness: Freshness,
        change: (Parameters) -> Parameters = { $0 }
    ) -> EndpointRequest {
        var parameters = parameters
        var fields = EndpointRequest.standardFields(dialect)
        fields[.contentType] = "application/x-www-form-urlencoded"
        client.authentication.apply(
            clientID: client.id, to: &parameters, &fields,
            audience: dialect.assertionAudience.value(for: client, at: endpoint), dialect: dialect,
            freshness: freshness)
        return EndpointRequest(
            method: .post, url: endpoint, headerFields: fields, body: Array(change(parameters).formURLEncoded.utf8),
            clientKey: client.authentication.tlsKey)
    }
}
