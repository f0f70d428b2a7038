import OAuth

extension ProviderProfile {
    /// Fills the holes, each with a value of whoever the field is of: a connection cannot say where its client's secret
    /// is sent.
    /// - Parameters:
    ///   - client: the client's fields; empty for a kind without clients.
    ///   - connection: the connection's fields.
    ///   - allowHTTP: development alone.
    public func provider(
        client: [String: String], connection: [String: String], allowHTTP: Bool
    ) -> Result<Provider, FieldProblems> {
        let problems = problems(in: client, of: .client) + problems(in: connection, of: .connection)
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        return provider(fields: client.merging(connection) { _, own in own }, allowHTTP: allowHTTP)
    }

    /// Fills the holes with values of which it is known that they come from the right side, or that there is but one.
    /// - Parameter allowHTTP: development alone.
    public func provider(fields given: [String: String], allowHTTP: Bool) -> Result<Provider, FieldProblems> {
        let values = withDefaults(given)
        let problems = problems(in: given, of: nil) + missing(in: values, of: nil)
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        return filled(values, waiting: [], allowHTTP: allowHTTP)
    }

    /// Checks a client's fields by themselves: connections fill in theirs later.
    public func checkClientFields(_ given: [String: String], allowHTTP: Bool) -> Result<Void, FieldProblems> {
        let values = withDefaults(given)
        let problems = problems(in: given, of: .client) + missing(in: values, of: .client)
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        let waiting = Set(fields.filter { $0.of == .connection && (values[$0.name] ?? "").isEmpty }.map(\.name))
        return filled(values, waiting: waiting, allowHTTP: allowHTTP).map { _ in }
    }

    /// - Parameter waiting: fields that are filled in later: what mentions them is left out unjudged.
    private func filled(
        _ values: [String: String], waiting: Set<String>, allowHTTP: Bool
    ) -> Result<Provider, FieldProblems> {
        var problems: [String] = []
        let (server, discoveryIssuer) = server(values, waiting: waiting, allowHTTP: allowHTTP, &problems)
        let apply = Apply(
            headers: entries(headers, values, in: "header", &problems),
            query: entries(query, values, in: "query parameter", &problems),
            cookies: entries(cookies, values, in: "cookie", &problems), fields: values)
        let captured = Set(capture.map(\.name))
        for template in hosts where captured.isDisjoint(with: template.holes) {
            for entry in HostName.entries(template.filled(values)) where HostName.normalized(entry) == nil {
                problems.append("The host '\(entry)' is none: give names such as api.example.com, set apart by commas.")
            }
        }
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        return .success(
            Provider(
                name: name, title: title, kind: kind, authorizationServer: server, discoveryIssuer: discoveryIssuer,
                dialect: dialect(values), defaultScopes: defaultScopes.map { $0.filled(values) }.filter { !$0.isEmpty },
                remedies: errors, expiry: expiry, refreshTokenPolicy: refreshToken, capture: capture, apply: apply,
                hostTemplates: hosts))
    }

    private func server(
        _ values: [String: String], waiting: Set<String>, allowHTTP: Bool, _ problems: inout [String]
    ) -> (AuthorizationServer, discoveryIssuer: String?) {
        var server = AuthorizationServer()
        var given: Set<String> = []
        var hasUnjudged = false
        for (name, template) in endpoints {
            guard waiting.isDisjoint(with: template.holes) else {
                hasUnjudged = true
                continue
            }
            do throws(Template.Misfit) {
                guard let url = try template.filledEndpoint(name, values, allowHTTP: allowHTTP) else { continue }
                given.insert(name)
                Self.set(name, url, in: &server)
            } catch {
                problems.append(error.message)
            }
        }
        server.tokenEndpointAuthMethodsSupported = tokenEndpointAuthMethodsSupported
        server.codeChallengeMethodsSupported = codeChallengeMethodsSupported
        server.grantTypesSupported = grantTypesSupported
        server.authorizationResponseIssParameterSupported = authorizationResponseIssParameterSupported

        guard kind == .oauth2, !hasUnjudged, problems.isEmpty else { return (server, nil) }
        if given.isSuperset(of: ["authorization_endpoint", "token_endpoint"]) { return (server, nil) }
        guard given.contains("issuer") else {
            problems.append("Give issuer, or authorization_endpoint and token_endpoint.")
            return (server, nil)
        }
        return (server, server.issuer)
    }

    private func entries(
        _ entries: [Entry], _ values: [String: String], in place: String, _ problems: inout [String]
    ) -> [Apply.Entry] {
        entries.compactMap { entry in
            let name = entry.name.filled(values)
            guard !name.isEmpty else { return nil }
            if place != "query parameter", !Apply.isToken(name) || Apply.isFraming(name) {
                problems.append("The \(place) '\(name)' is not one that a credential may go into.")
            }
            return Apply.Entry(name: name, value: entry.value)
        }
    }

    private func dialect(_ values: [String: String]) -> Dialect {
        var dialect = Dialect()
        dialect.scopeSeparator = scopeSeparator
        let fill = { (list: [(name: String, template: Template)]) in
            Parameters(list.map { ($0.name, $0.template.filled(values)) }.filter { !$0.1.isEmpty })
        }
        dialect.authorizationParameters = fill(authorizationParameters)
        dialect.tokenParameters = fill(tokenParameters)
        dialect.refreshParameters = fill(refreshParameters)
        for departure in departures { departure.apply(to: &dialect) }
        return dialect
    }

    private static func set(_ name: String, _ url: EndpointURL, in server: inout AuthorizationServer) {
        switch name {
        case "issuer": server.issuer = url.string
        case "authorization_endpoint": server.authorizationEndpoint = url
        case "token_endpoint": server.tokenEndpoint = url
        case "revocation_endpoint": server.revocationEndpoint = url
        case "introspection_endpoint": server.introspectionEndpoint = url
        case "device_authorization_endpoint": server.deviceAuthorizationEndpoint = url
        case "pushed_authorization_request_endpoint": server.pushedAuthorizationRequestEndpoint = url
        case "userinfo_endpoint": server.userinfoEndpoint = url
        case "jwks_uri": server.jwksURI = url
        default: return
        }
    }
}
