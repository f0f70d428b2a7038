import HTTPTypes
import OAuth
import ProviderProfiles

/// What a profile makes of the standard's requests: the pure half of `providers preview`.
struct Preview {
    let profile: ProviderProfile
    let provider: Provider
    var scopes: [String] = []
    /// One of `authentications`; nil for what the profile prefers.
    var authentication: String?
    var clientID = "CLIENT_ID"
    var clientSecret = "CLIENT_SECRET"
    var redirectURI = "https://credence.example/callback/CLIENT"
    var state = "STATE"
    var code = "CODE"
    var refreshToken = "REFRESH_TOKEN"

    static let authentications = ["client_secret_basic", "client_secret_post", "none"]

    private var server: AuthorizationServer { provider.authorizationServer }
    private var dialect: Dialect { provider.dialect }
    private let freshness = Freshness(now: 0, jti: "JTI")

    // MARK: Requests

    private var method: String {
        let supported = server.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        return authentication ?? supported.first { Self.authentications.contains($0) } ?? "client_secret_basic"
    }

    private var client: Client {
        let authentication: ClientAuthentication =
            switch method {
            case "client_secret_post": .clientSecretPost(Secret(clientSecret))
            case "none": .none
            default: .clientSecretBasic(Secret(clientSecret))
            }
        return Client(id: clientID, authentication: authentication)
    }

    private var authorizationRequest: AuthorizationRequest {
        AuthorizationRequest(
            clientID: clientID, redirectURI: redirectURI, scope: scopes.isEmpty ? provider.defaultScopes : scopes,
            state: Secret(state), codeChallenge: dialect.pkce ? "CODE_CHALLENGE" : nil)
    }

    private var context: TokenRequest.Context {
        TokenRequest.Context(redirectURI: redirectURI, scope: scopes.isEmpty ? provider.defaultScopes : scopes)
    }

    private func token(at endpoint: EndpointURL) -> EndpointRequest {
        var grant = AuthorizationCodeGrant.parameters(
            code: Secret(code), redirectURI: redirectURI, verifier: dialect.pkce ? Secret("CODE_VERIFIER") : nil)
        if dialect.repeatsState { grant.append("state", state) }
        return TokenRequest.make(
            grant, at: endpoint, client: client, dialect: dialect, purpose: .grant, freshness: freshness,
            context: context)
    }

    private func refresh(at endpoint: EndpointURL) -> EndpointRequest {
        TokenRequest.make(
            RefreshTokenGrant.parameters(refreshToken: Secret(refreshToken), scope: []),
            at: dialect.refreshEndpoint ?? endpoint, client: client, dialect: dialect, purpose: .refresh,
            freshness: freshness, context: context)
    }

    /// By RFC 7009, or by the provider's own call.
    private var revocation: EndpointRequest? {
        if let endpoint = server.revocationEndpoint {
            return Revocation.request(
                token: Secret(refreshToken), hint: "refresh_token", at: endpoint, client: client, dialect: dialect,
                freshness: freshness)
        }
        return provider.revocation(clientID: clientID)?.request(
            accessToken: Secret("ACCESS_TOKEN"), client: client, dialect: dialect)
    }

    // MARK: For machines

    /// As the contract has it; a part that the profile does not say is not there.
    var json: JSONObject {
        var members = JSONObject([("kind", .string(profile.kind.rawValue)), ("fields", Self.fields(of: profile))])
        if provider.kind == .oauth2 {
            if let issuer = provider.discoveryIssuer { members["discovery"] = .string(issuer) }
            if let endpoint = server.authorizationEndpoint { members["authorize"] = authorization(at: endpoint) }
            if let endpoint = server.tokenEndpoint {
                members["token"] = Self.json(token(at: endpoint))
                members["refresh"] = Self.json(refresh(at: endpoint))
            }
            members["revocation"] = revocation.map(Self.json)
            members["client_authentication"] = .string(method)
        }
        members["apply"] = .array(applied)
        if !routes.isEmpty { members["host"] = .array(routes) }
        members["hosts"] = .strings(provider.hosts(values: [:]))
        members["needs"] = .strings(profile.unanswered)
        if !profile.imported.isEmpty {
            members["imported"] = .object(JSONObject(profile.imported.map { ($0.name, .string($0.value)) }))
        }
        return members
    }

    private var routes: [JSONValue] {
        provider.routeTemplates.map { route in
            var members = JSONObject()
            members["template"] = route.url.map { .string($0) }
            members["path"] = route.path.map { .string($0) }
            members["ops"] = route.operations.isEmpty ? .string("all") : .strings(route.operations)
            return .object(members)
        }
    }

    static func fields(of profile: ProviderProfile) -> JSONValue {
        .array(
            profile.fields.map { field in
                var members = JSONObject([
                    ("name", .string(field.name)), ("title", .string(field.title)), ("of", .string(field.of.rawValue)),
                    ("required", .bool(field.required)), ("secret", .bool(field.secret)),
                ])
                members["is"] = field.meaning.map { .string($0.rawValue) }
                members["default"] = field.default.map { .string($0) }
                members["allowed_values"] = field.allowedValues.map { .strings($0) }
                return .object(members)
            })
    }

    private func authorization(at endpoint: EndpointURL) -> JSONValue {
        var parameters = (try? Parameters(formURLEncoded: endpoint.query ?? "")) ?? Parameters()
        for pair in authorizationRequest.parameters(dialect: dialect).pairs { parameters.append(pair.name, pair.value) }
        let route = dialect.authorizationFragment.map { "#\($0)" } ?? ""
        return .object(
            JSONObject([("url", .string("\(endpoint)\(route)")), ("query", Self.pairs(parameters))]))
    }

    private static func json(_ request: EndpointRequest) -> JSONValue {
        let query = (try? Parameters(formURLEncoded: request.url.query ?? "")) ?? Parameters()
        var members = JSONObject([
            ("method", .string(request.method.rawValue)), ("url", .string("\(request.url)")), ("query", pairs(query)),
        ])
        if request.headerFields[.contentType] == "application/json",
            let body = try? JSONReader.read(request.body)
        {
            members["json"] = body
        } else {
            members["form"] = pairs((try? Parameters(formURLEncoded: request.body)) ?? Parameters())
        }
        members["headers"] = .array(
            request.headerFields.map { .strings([$0.name.rawName, $0.value]) })
        return .object(members)
    }

    private static func pairs(_ parameters: Parameters) -> JSONValue {
        .array(parameters.pairs.map { .strings([$0.name, $0.value]) })
    }

    /// The holes that only a credential fills stay holes.
    private var applied: [JSONValue] {
        provider.apply.placements.map { place, name, value, operations in
            .object(
                JSONObject([
                    ("in", .string(place)), ("name", .string(name)), ("value", .string(value)),
                    ("ops", operations.isEmpty ? .string("all") : .strings(operations)),
                ]))
        }
    }

    // MARK: For people

    var text: String {
        var parts: [(String, [String])] = []
        if provider.kind == .oauth2 {
            if let issuer = provider.discoveryIssuer { parts.append(("endpoints", ["found at \(issuer) (RFC 8414)"])) }
            if let endpoint = server.authorizationEndpoint {
                let parameters = authorizationRequest.parameters(dialect: dialect)
                parts.append(
                    ("authorization request", ["GET \(endpoint)"] + parameters.pairs.map { "\($0.name)=\($0.value)" }))
            }
            if let endpoint = server.tokenEndpoint {
                parts.append(("token request", Self.lines(token(at: endpoint))))
                parts.append(("refresh request", Self.lines(refresh(at: endpoint))))
            }
            if let revocation { parts.append(("revocation", Self.lines(revocation))) }
        }
        let hosts = provider.hosts(values: [:])
        let place = hosts.isEmpty ? [] : ["to \(hosts.joined(separator: ", "))"]
        parts.append(("API request", place + provider.apply.placements.map { "\($0.in) \($0.name): \($0.value)" }))
        return parts.map { name, lines in "\(name)\n" + lines.map { "  \($0)" }.joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    private static func lines(_ request: EndpointRequest) -> [String] {
        var lines = [request.description]
        if let query = try? Parameters(formURLEncoded: request.url.query ?? "") {
            lines += query.pairs.map { "?\($0.name)=\($0.value)" }
        }
        lines += request.headerFields.map { "\($0.name): \($0.value)" }
        if request.headerFields[.contentType] == "application/x-www-form-urlencoded",
            let form = try? Parameters(formURLEncoded: request.body)
        {
            lines += form.pairs.map { "\($0.name)=\($0.value)" }
        } else if !request.body.isEmpty {
            lines.append(String(decoding: request.body, as: UTF8.self))
        }
        return lines
    }
}
