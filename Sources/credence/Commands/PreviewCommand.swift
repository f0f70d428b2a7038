import ArgumentParser
import HTTPTypes
import OAuth
import ProviderProfiles

/// What a profile makes of the standard's requests, with words in capitals where a value comes at run time.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Show the requests that a profile makes. Nothing is sent.",
        discussion: """
            Words in capitals stand for what comes at run time.
            Example: credence providers preview oauth2 --field token_endpoint=https://login.example.com/token
            Example: credence providers preview ./my-crm.json --field tenant=acme
            """)
    @Argument(help: "A profile's name, or its file.") var profile: String
    @Option(name: .customLong("field"), help: ArgumentHelp("A field of the profile.", valueName: "k=v"))
    var fields: [String] = []
    @Option(name: .customLong("scope"), help: "A scope to ask for.") var scopes: [String] = []
    @Option(help: "client_secret_basic, client_secret_post or none; else what the profile prefers.") var auth: String?
    @OptionGroup var common: CommonOptions

    func run() async throws {
        if let auth, !Preview.authentications.contains(auth) {
            throw CommandFailure(.usage, "--auth is one of \(Preview.authentications.joined(separator: ", ")).")
        }
        let provider: Provider
        switch try found().provider(fields: try keyValues(fields, option: "--field"), allowHTTP: common.development) {
        case .success(let filled): provider = filled
        case .failure(let problems): throw CommandFailure(.usage, "\(problems)")
        }
        let preview = Preview(provider: provider, scopes: scopes, auth: auth)
        let parts = preview.parts
        guard common.json else {
            return Terminal.say(
                parts.map { name, lines in "\(name)\n" + lines.map { "  \($0)" }.joined(separator: "\n") }
                    .joined(separator: "\n\n"))
        }
        Terminal.say(
            JSONValue.object(JSONObject(parts.map { ($0, .strings($1)) })).serialized())
    }

    private func found() throws -> ProviderProfile {
        guard profile.hasSuffix(".json") || profile.contains("/") else {
            guard let known = try Profiles.catalog(common)[profile] else {
                throw CommandFailure(
                    .notFound, "There is no provider \(Terminal.printable(profile)). See: credence providers list")
            }
            return known
        }
        switch ProviderProfile.decode(
            try Profiles.bytes(of: profile), file: profile, allowHTTP: common.development)
        {
        case .success(let read): return read
        case .failure(let problems): throw CommandFailure(.failed, "\(problems)")
        }
    }
}

/// The pure half.
private struct Preview {
    let provider: Provider
    let scopes: [String]
    let auth: String?

    static let authentications = ["client_secret_basic", "client_secret_post", "none"]
    private static let redirectURI = "https://credence.example/callback/CLIENT"

    var parts: [(String, [String])] {
        guard provider.kind == .oauth2 else { return [("API request", applied)] }
        var parts: [(String, [String])] = []
        if let issuer = provider.discoveryIssuer { parts.append(("endpoints", ["found at \(issuer) (RFC 8414)"])) }
        if let endpoint = provider.authorizationServer.authorizationEndpoint {
            parts.append(("authorization request", authorization(at: endpoint)))
        }
        if let endpoint = provider.authorizationServer.tokenEndpoint {
            let code = AuthorizationCodeGrant.parameters(
                code: Secret("CODE"), redirectURI: Self.redirectURI,
                verifier: provider.dialect.pkce ? Secret("CODE_VERIFIER") : nil)
            parts.append(("token request", token(code, .grant, at: endpoint)))
            let refresh = RefreshTokenGrant.parameters(refreshToken: Secret("REFRESH_TOKEN"), scope: [])
            parts.append(
                ("refresh request", token(refresh, .refresh, at: provider.dialect.refreshEndpoint ?? endpoint)))
        }
        if let endpoint = provider.authorizationServer.revocationEndpoint {
            let request = Revocation.request(
                token: Secret("REFRESH_TOKEN"), hint: "refresh_token", at: endpoint, client: client,
                dialect: provider.dialect, freshness: freshness)
            parts.append(("revocation", lines(of: request)))
        } else if let call = provider.revocation(clientID: client.id),
            let request = call.request(accessToken: Secret("ACCESS_TOKEN"), client: client, dialect: provider.dialect)
        {
            parts.append(("revocation", lines(of: request)))
        }
        return parts + [("API request", applied)]
    }

    private let freshness = Freshness(now: 0, jti: "JTI")

    private var client: Client {
        let supported = provider.authorizationServer.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        let method = auth ?? supported.first { Self.authentications.contains($0) } ?? "client_secret_basic"
        let authentication: ClientAuthentication =
            switch method {
            case "client_secret_post": .clientSecretPost(Secret("CLIENT_SECRET"))
            case "none": .none
            default: .clientSecretBasic(Secret("CLIENT_SECRET"))
            }
        return Client(id: "CLIENT_ID", authentication: authentication)
    }

    private func authorization(at endpoint: EndpointURL) -> [String] {
        let request = AuthorizationRequest(
            clientID: "CLIENT_ID", redirectURI: Self.redirectURI,
            scope: scopes.isEmpty ? provider.defaultScopes : scopes, state: Secret("STATE"),
            codeChallenge: provider.dialect.pkce ? "CODE_CHALLENGE" : nil)
        return ["GET \(endpoint)"]
            + request.parameters(dialect: provider.dialect).pairs.map { "\($0.name)=\($0.value)" }
    }

    private func token(_ grant: Parameters, _ purpose: TokenRequest.Purpose, at endpoint: EndpointURL) -> [String] {
        lines(
            of: TokenRequest.make(
                grant, at: endpoint, client: client, dialect: provider.dialect, purpose: purpose, freshness: freshness))
    }

    private func lines(of request: EndpointRequest) -> [String] {
        var lines = [request.description]
        for field in request.headerFields {
            // What Basic encodes is easier to read before.
            let value =
                field.name == .authorization && field.value.hasPrefix("Basic ")
                ? "Basic CLIENT_ID:CLIENT_SECRET" : field.value
            lines.append("\(field.name): \(value)")
        }
        if let form = try? Parameters(formURLEncoded: request.body),
            request.headerFields[.contentType] == "application/x-www-form-urlencoded"
        {
            lines += form.pairs.map { "\($0.name)=\($0.value)" }
        } else if !request.body.isEmpty {
            lines.append(String(decoding: request.body, as: UTF8.self))
        }
        return lines
    }

    private var applied: [String] {
        var values = [
            "access_token": "ACCESS_TOKEN", "token_type": "Bearer", "api_key": "API_KEY", "username": "USERNAME",
            "password": "PASSWORD",
        ]
        for capture in provider.capture { values[capture.name] = capture.name.uppercased() }
        let hosts = provider.hosts(values: values)
        let place = hosts.isEmpty ? [] : ["to \(hosts.joined(separator: ", "))"]
        switch provider.apply.render(values) {
        case .success(let rendered):
            return place + rendered.headers.map { "\($0.0): \($0.1)" } + rendered.query.map { "?\($0.0)=\($0.1)" }
        case .failure(let refused): return place + ["cannot be made: \(refused)"]
        }
    }
}
