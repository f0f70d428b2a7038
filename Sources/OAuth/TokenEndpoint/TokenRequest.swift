import HTTPTypes

/// A request to the token endpoint (RFC 6749 §3.2): what all grants share, so that none can forget it.
public enum TokenRequest {
    public enum Purpose: Sendable {
        case grant
        case refresh
    }

    public static func make(
        _ grant: Parameters, at endpoint: EndpointURL, client: Client, dialect: Dialect, purpose: Purpose,
        freshness: Freshness
    ) -> EndpointRequest {
        var parameters = Parameters()
        // RFC 6749 §3.2: parameters without a value are left out.
        for pair in grant.pairs where !pair.value.isEmpty { parameters.append(pair.name, pair.value) }
        let more = purpose == .refresh ? dialect.refreshParameters : dialect.tokenParameters
        for pair in more.pairs where !pair.value.isEmpty { parameters.set(pair.name, pair.value) }
        for name in dialect.droppedTokenParameters { parameters.remove(name) }
        var request = form(parameters, at: endpoint, client: client, dialect: dialect, freshness: freshness) {
            $0.renamed(by: dialect.renamedTokenParameters)
        }
        if dialect.sendsJSON, let form = try? Parameters(formURLEncoded: request.body) {
            request.headerFields[.contentType] = "application/json"
            request.body = Array(form.json.serialized().utf8)
        }
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
