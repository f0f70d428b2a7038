import OAuth
import Testing

@testable import ProviderProfiles

@Suite("What a profile says about its authorization server")
struct ServerTests {
    @Test("RFC 8414 §2, RFC 9126 §5, RFC 9449 §5.1: what the profile says arrives")
    func metadata() throws {
        let provider = try Sample.profile([
            "authorization_server": """
            {"authorization_endpoint":"https://{host}/a","token_endpoint":"https://{host}/t",
             "registration_endpoint":"https://{host}/r","pushed_authorization_request_endpoint":"https://{host}/p",
             "require_pushed_authorization_requests":true,"dpop_signing_alg_values_supported":["ES256"],
             "id_token_signing_alg_values_supported":["EdDSA","HS256"],"grant_types_supported":["client_credentials"]}
            """
        ]).filled()
        let server = provider.authorizationServer
        #expect(server.registrationEndpoint?.string == "https://as.example/r")
        #expect(server.pushedAuthorizationRequestEndpoint?.string == "https://as.example/p")
        #expect(server.requirePushedAuthorizationRequests)
        #expect(server.dpopSigningAlgValuesSupported == ["ES256"])
        #expect(server.idTokenSigningAlgValuesSupported == ["EdDSA", "HS256"])
        #expect(server.grantTypesSupported == ["client_credentials"])
    }

    @Test("What a profile leaves out is unknown, and off")
    func leftOut() throws {
        let provider = try Sample.profile().filled()
        let server = provider.authorizationServer
        #expect(server.registrationEndpoint == nil && !server.requirePushedAuthorizationRequests)
        #expect(server.dpopSigningAlgValuesSupported == nil && server.idTokenSigningAlgValuesSupported == nil)
        #expect(provider.dialect.refreshEndpoint == nil)
        #expect(!provider.isDPoPBound && provider.pushesAuthorizationRequests)
    }

    @Test("Every algorithm of the list is known")
    func algorithms() throws {
        let words =
            #"["RS256","RS384","RS512","PS256","PS384","PS512","ES256","ES384","ES512","EdDSA","HS256","HS384","HS512"]"#
        let provider = try Sample.profile([
            "authorization_server":
                #"{"issuer":"https://{host}","id_token_signing_alg_values_supported":\#(words)}"#
        ]).filled()
        #expect(provider.authorizationServer.idTokenSigningAlgValuesSupported?.count == 13)
    }

    @Test("Refreshes go elsewhere where the profile says so, under the same rules")
    func refreshEndpoint() throws {
        let profile = try Sample.profile([
            "authorization_server":
                #"{"authorization_endpoint":"https://{host}/a","token_endpoint":"https://{host}/t","refresh_endpoint":"https://{host}/{shop}/r"}"#
        ])
        let provider = try profile.filled(connection: ["shop": "s"])
        #expect(provider.dialect.refreshEndpoint?.string == "https://as.example/s/r")
        #expect(provider.authorizationServer.tokenEndpoint?.string == "https://as.example/t")
        #expect(profile.refusal(connection: ["shop": "a/b"]).contains("The field shop is part of refresh_endpoint"))
    }

    @Test("RFC 9449: a profile may bind its clients' tokens")
    func dpop() throws {
        #expect(try Sample.profile(["dpop": "true"]).filled().isDPoPBound)
        #expect(try !Sample.profile(["dpop": "false"]).filled().isDPoPBound)
    }

    @Test("RFC 9126: never to push is a departure, and contradicts a server that wants nothing else")
    func noPAR() throws {
        #expect(try !Sample.profile(["departures": #"["no_par"]"#]).filled().pushesAuthorizationRequests)
        let problems = ProfileCheck.problems(
            in: try Sample.changed([
                "departures": #"["no_par"]"#,
                "authorization_server": #"{"issuer":"https://{host}","require_pushed_authorization_requests":true}"#,
            ]), file: "f")
        #expect(problems.map(\.path) == ["/authorization_server/require_pushed_authorization_requests"])
    }

    @Test("A grant of another name, and what the authorization request may hold besides")
    func parameters() throws {
        let dialect = try Sample.profile([
            "token_parameters": #"{"grant_type":"account_credentials"}"#,
            "authorization_parameters": #"{"response_mode":"form_post","prompt":"consent","access_type":"offline"}"#,
        ]).filled().dialect
        #expect(dialect.tokenParameters == Parameters([("grant_type", "account_credentials")]))
        let request = TokenRequest.make(
            Parameters([("grant_type", "client_credentials")]), at: try EndpointURL("https://as.example/t"),
            client: Client(id: "abc", authentication: .none), dialect: dialect, purpose: .grant,
            freshness: Freshness(now: 0, jti: "1"))
        let form = try Parameters(formURLEncoded: request.body)
        #expect(form.values(of: "grant_type") == ["account_credentials"])
        #expect(dialect.authorizationParameters.pairs.map(\.name) == ["response_mode", "prompt", "access_type"])
    }

    @Test("A token type of two words is an alias as any other", arguments: ["User Token", "a:b c"])
    func alias(_ word: String) throws {
        let dialect = try Sample.profile(["departures": #"["token_type_alias:\#(word)"]"#]).filled().dialect
        let body = Array(#"{"access_token":"t","token_type":"\#(word)"}"#.utf8)
        let answer = EndpointResponse(status: 200, body: body)
        guard case .granted(let response) = TokenResponse.judge(answer, dialect: dialect) else {
            Issue.record("not granted")
            return
        }
        #expect(response.tokenType == "Bearer")
        if case .granted = TokenResponse.judge(answer, dialect: Dialect()) { Issue.record("granted without the alias") }
    }

    @Test("The generic profile: every endpoint is a field, and every grant is there")
    func generic() throws {
        let fields = [
            "authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint", "jwks_uri",
            "registration_endpoint",
        ]
        let server = try Sample.bundled("oauth2").filled(
            client: Dictionary(uniqueKeysWithValues: fields.map { ($0, "https://as.example/\($0)") })
        ).authorizationServer
        #expect(server.pushedAuthorizationRequestEndpoint?.path == "/pushed_authorization_request_endpoint")
        #expect(server.jwksURI?.path == "/jwks_uri")
        #expect(server.registrationEndpoint?.path == "/registration_endpoint")
        #expect(Set(server.grantTypesSupported ?? []) == Set(GrantType.allCases.map(\.rawValue)))
    }
}
