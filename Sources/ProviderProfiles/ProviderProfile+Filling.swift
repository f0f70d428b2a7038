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
        let problems = unready + problems(in: client, of: .client) + problems(in: connection, of: .connection)
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        return provider(fields: client.merging(connection) { _, own in own }, allowHTTP: allowHTTP)
    }

    /// Why nothing can be made of it yet, for people.
    var unready: [String] {
        unanswered.isEmpty
            ? []
            : [
                "The profile \(name) is not finished: \(unanswered.joined(separator: " ")) "
                    + "Write the answer into the profile, and take the question out of needs."
            ]
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
        let problems = unready + problems(in: given, of: .client) + missing(in: values, of: .client)
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        let waiting = Set(fields.filter { $0.of == .connection && (values[$0.name] ?? "").isEmpty }.map(\.name))
        return filled(values, waiting: waiting, allowHTTP: allowHTTP).map { _ in }
    }

    /// - Parameter waiting: fields that are filled in later: what mentions them is left out unjudged.
    private func filled(
        _ values: [String: String], waiting: Set<String>, allowHTTP: Bool
    ) -> Result<Provider, FieldProblems> {
        var filling = Filling(
            values: values, waiting: waiting, allowHTTP: allowHTTP,
            chosen: Set(fields.filter { $0.allowedValues != nil }.map(\.name)))
        var dialect = dialect(values)
        let (server, discoveryIssuer) = server(&filling, &dialect)
        let apply = Apply(
            headers: entries(headers, values, in: "header", &filling.problems),
            query: entries(query, values, in: "query parameter", &filling.problems),
            cookies: entries(cookies, values, in: "cookie", &filling.problems), placed: placements, fields: values,
            meanings: Dictionary(
                fields.compactMap { field in field.meaning.map { (field.name, $0.rawValue) } }, uniquingKeysWith: { $1 }
            ))
        let identity = identity(&filling)
        let followUp = followUp.flatMap { filling.url($0, of: "follow_up") }
        if let audience = audience(&filling) { dialect.assertionAudience = audience }
        if let revocation { filling.judge(revocation.url, named: "revocation") }
        for template in idTokenIssuers { filling.judge(issuer: template) }
        var expiry = expiry
        if let field = defaultLifetimeField, let text = values[field], !text.isEmpty {
            expiry.defaultLifetime = Int(text).flatMap { (1...Int(Int32.max)).contains($0) ? $0 : nil }
            if expiry.defaultLifetime == nil {
                filling.problems.append("The field \(field) is a lifetime: give whole seconds.")
            }
        }
        let captured = Set(capture.map(\.name))
        for template in hosts where captured.isDisjoint(with: template.holes) {
            for entry in HostName.entries(template.filled(values)) where HostName.normalized(entry) == nil {
                filling.problems.append(
                    "The host '\(entry)' is none: give names such as api.example.com, set apart by commas.")
            }
        }
        guard filling.problems.isEmpty else { return .failure(FieldProblems(problems: filling.problems)) }
        return .success(
            Provider(
                name: name, title: title, kind: kind, authorizationServer: server, discoveryIssuer: discoveryIssuer,
                dialect: dialect, defaultScopes: defaultScopes.map { $0.filled(values) }.filter { !$0.isEmpty },
                remedies: errors, expiry: expiry, refreshTokenPolicy: refreshToken, capture: capture, apply: apply,
                identity: identity, followUp: followUp, isDPoPBound: isDPoPBound,
                pushesAuthorizationRequests: !departures.contains(.flag(.noPAR)),
                jwtBearerForm: jwtBearer, revocationForm: revocation, idTokenIssuerForms: idTokenIssuers,
                hostTemplates: hosts, routeForms: routes))
    }

    private func server(
        _ filling: inout Filling, _ dialect: inout Dialect
    ) -> (AuthorizationServer, discoveryIssuer: String?) {
        var server = AuthorizationServer()
        var given: Set<String> = []
        for (name, template) in endpoints {
            guard let url = filling.url(template, of: name) else { continue }
            given.insert(name)
            if name == "refresh_endpoint" { dialect.refreshEndpoint = url } else { Self.set(name, url, in: &server) }
        }
        server.tokenEndpointAuthMethodsSupported = tokenEndpointAuthMethodsSupported
        server.tokenEndpointAuthSigningAlgValuesSupported = tokenEndpointAuthSigningAlgValuesSupported
        server.codeChallengeMethodsSupported = codeChallengeMethodsSupported
        server.grantTypesSupported = grantTypesSupported
        server.authorizationResponseIssParameterSupported = authorizationResponseIssParameterSupported
        server.requirePushedAuthorizationRequests = requirePushedAuthorizationRequests
        server.dpopSigningAlgValuesSupported = dpopSigningAlgValuesSupported
        server.idTokenSigningAlgValuesSupported = idTokenSigningAlgValuesSupported

        let hasUnjudged = endpoints.contains { filling.isWaiting($0.template) }
        guard kind == .oauth2, !hasUnjudged, filling.problems.isEmpty else { return (server, nil) }
        if given.isSuperset(of: ["authorization_endpoint", "token_endpoint"]) { return (server, nil) }
        guard given.contains("issuer") else {
            // Who gets tokens without a browser needs no more than where they are.
            if given.contains("token_endpoint") || !unanswered.isEmpty { return (server, nil) }
            filling.problems.append(
                "Give issuer, or the endpoints: token_endpoint, and authorization_endpoint for consents.")
            return (server, nil)
        }
        return (server, server.issuer)
    }

    private func identity(_ filling: inout Filling) -> Provider.Identity? {
        guard let identity else { return nil }
        let source: Provider.Identity.Source
        switch identity.source {
        case .idToken: source = .idToken
        case .userinfo: source = .userinfo
        case .tokenResponse: source = .tokenResponse
        case .endpoint(let template):
            guard let url = filling.url(template, of: "identity") else { return nil }
            source = .endpoint(url)
        }
        return Provider.Identity(source: source, id: identity.id, name: identity.name)
    }

    private func audience(_ filling: inout Filling) -> AssertionAudience? {
        switch assertionAudience {
        case nil: nil
        case .issuer?: .issuer
        case .tokenEndpoint?: .tokenEndpoint
        case .fixed(let template)?:
            filling.url(template, of: "the audience of client_assertion").map { .fixed($0.string) }
        }
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
        dialect.authorizationParametersOfClientID = clientIDParameters["authorization_parameters"] ?? []
        dialect.tokenParametersOfClientID = clientIDParameters["token_parameters"] ?? []
        dialect.refreshParametersOfClientID = clientIDParameters["refresh_parameters"] ?? []
        dialect.authorizationTemplate = Self.requestTemplate(authorizationTemplate, values, fields: fields)
        dialect.tokenTemplate = Self.requestTemplate(tokenTemplate, values, fields: fields)
        dialect.refreshTemplate = Self.requestTemplate(refreshTemplate, values, fields: fields)
        for (name, template) in tokenHeaders {
            let value = template.filled(values)
            if !value.isEmpty, !value.unicodeScalars.contains(where: Apply.isControl) {
                dialect.setHeader(name, to: value)
            }
        }
        dialect.lifetimeUnit = expiry.unit
        dialect.errors = errors
        dialect.assertionCertificateHeaders = assertionCertificateHeaders
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
        case "registration_endpoint": server.registrationEndpoint = url
        default: return
        }
    }
}

/// What the holes are filled with, and what did not fit.
private struct Filling {
    let values: [String: String]
    /// Fields that are filled in later.
    let waiting: Set<String>
    let allowHTTP: Bool
    /// Fields whose values the profile lists.
    let chosen: Set<String>
    /// For people.
    var problems: [String] = []

    func isWaiting(_ template: Template) -> Bool { !waiting.isDisjoint(with: template.holes) }

    /// nil when it must wait, does not fit, or is one hole that nobody filled.
    mutating func url(_ template: Template, of name: String) -> EndpointURL? {
        guard !isWaiting(template) else { return nil }
        do throws(Template.Misfit) {
            return try template.filledEndpoint(name, values, allowHTTP: allowHTTP, chosen: chosen)
        } catch {
            problems.append(error.message)
            return nil
        }
    }

    /// Whether the fields fit, whatever the client ID will be.
    mutating func judge(_ template: Template, named name: String) {
        guard !isWaiting(template) else { return }
        let values = values.merging([JWTBearerForm.clientIDHole: "1"]) { own, _ in own }
        do throws(Template.Misfit) {
            _ = try template.filledEndpoint(name, values, allowHTTP: allowHTTP)
        } catch {
            problems.append(error.message)
        }
    }

    /// Whether the fields fit, whatever the claims will be.
    mutating func judge(issuer template: Template) {
        guard !isWaiting(template) else { return }
        let claims = template.claims.map { (Template.hole(ofClaim: $0), "1") }
        do throws(Template.Misfit) {
            _ = try template.filledIssuer(
                values.merging(claims) { own, _ in own }, allowHTTP: allowHTTP)
        } catch {
            problems.append(error.message)
        }
    }
}
