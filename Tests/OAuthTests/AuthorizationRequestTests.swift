import Testing

@testable import OAuth

@Suite("The authorization request")
struct AuthorizationRequestTests {
    static func query(
        scope: [String] = ["read", "write"], challenge: String? = "ch",
        endpoint: String = "https://as.example/authorize",
        dialect: Dialect = Dialect(), additional: Parameters = Parameters()
    ) throws -> Parameters {
        let request = AuthorizationRequest(
            clientID: "c 1", redirectURI: "https://credence.example/oauth/callback", scope: scope, state: Secret("st"),
            codeChallenge: challenge, additional: additional)
        let url = try EndpointURL(request.url(at: try EndpointURL(endpoint), dialect: dialect))
        return try Parameters(formURLEncoded: url.query ?? "")
    }

    @Test("RFC 6749 §4.1.1, F8: it holds what the standard says, PKCE with S256, each once")
    func standard() throws {
        #expect(
            try Self.query()
                == Parameters([
                    ("response_type", "code"), ("client_id", "c 1"),
                    ("redirect_uri", "https://credence.example/oauth/callback"),
                    ("scope", "read write"), ("state", "st"), ("code_challenge", "ch"),
                    ("code_challenge_method", "S256"),
                ]))
    }

    @Test("F8: without a challenge it names no method either")
    func withoutPKCE() throws {
        let query = try Self.query(challenge: nil)
        #expect(query["code_challenge"] == nil)
        #expect(query["code_challenge_method"] == nil)
    }

    @Test("An empty scope is left out")
    func emptyScope() throws { #expect(try Self.query(scope: [])["scope"] == nil) }

    @Test("The profile's separator stands between scopes")
    func separator() throws {
        var dialect = Dialect()
        dialect.scopeSeparator = ","
        #expect(try Self.query(dialect: dialect)["scope"] == "read,write")
    }

    @Test("The profile's parameters are added or replace, the request's own go last, the dropped go")
    func dialectParameters() throws {
        var dialect = Dialect()
        dialect.authorizationParameters = Parameters([
            ("access_type", "offline"), ("prompt", "consent"), ("response_type", "code id_token"),
        ])
        dialect.droppedAuthorizationParameters = ["redirect_uri"]
        let query = try Self.query(
            dialect: dialect, additional: Parameters([("prompt", "login"), ("login_hint", "a@b")]))
        #expect(query["access_type"] == "offline")
        #expect(query["prompt"] == "login")
        #expect(query["login_hint"] == "a@b")
        #expect(query["response_type"] == "code id_token")
        #expect(query["redirect_uri"] == nil)
        #expect(query.duplicatedNames.isEmpty)
    }

    @Test("RFC 6749 §3.1: the endpoint's own query stays")
    func ownQuery() throws {
        let query = try Self.query(endpoint: "https://as.example/authorize?tenant=t%201")
        #expect(query.pairs.first == Parameters.Pair("tenant", "t 1"))
        #expect(query["client_id"] == "c 1")
    }
}
