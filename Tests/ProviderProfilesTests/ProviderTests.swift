import OAuth
import Testing

@testable import ProviderProfiles

@Suite("A profile with its holes filled")
struct ProviderTests {
    @Test("The issuer alone leads to discovery")
    func issuerAlone() throws {
        let provider = try bundled("oauth2").filled(["issuer": "https://as.example/t"])
        #expect(provider.discoveryIssuer == "https://as.example/t")
        #expect(provider.authorizationServer.issuer == "https://as.example/t")
        #expect(provider.authorizationServer.tokenEndpoint == nil)
    }

    @Test("Endpoints need no discovery, with an issuer or without")
    func endpoints() throws {
        let given = [
            "authorization_endpoint": "https://as.example/a", "token_endpoint": "https://as.example/t",
            "revocation_endpoint": "https://as.example/r",
            "introspection_endpoint": "https://as.example/i", "userinfo_endpoint": "https://as.example/u",
        ]
        let provider = try bundled("oauth2").filled(given)
        #expect(provider.discoveryIssuer == nil)
        let server = provider.authorizationServer
        #expect(server.authorizationEndpoint?.path == "/a")
        #expect(server.tokenEndpoint?.path == "/t")
        #expect(server.revocationEndpoint?.path == "/r")
        #expect(server.introspectionEndpoint?.path == "/i")
        #expect(server.userinfoEndpoint?.path == "/u")
        let both = try bundled("oauth2").filled(given.merging(["issuer": "https://as.example"]) { $1 })
        #expect(both.discoveryIssuer == nil)
        #expect(both.authorizationServer.issuer == "https://as.example")
    }

    @Test(
        "One endpoint is not enough, and neither is none",
        arguments: [
            [:], ["token_endpoint": "https://as.example/t"], ["authorization_endpoint": "https://as.example/a"],
        ])
    func tooLittle(_ given: [String: String]) throws {
        #expect(
            try bundled("oauth2").problems(with: given)
                == "Give the field issuer, or authorization_endpoint and token_endpoint.")
    }

    @Test("N4: http is refused, and allowed for development alone")
    func http() throws {
        let given = ["issuer": "http://127.0.0.1:9/t"]
        #expect(try bundled("oauth2").problems(with: given) == "issuer must be https; http is for --development alone.")
        #expect(try bundled("oauth2").filled(given, allowHTTP: true).discoveryIssuer == "http://127.0.0.1:9/t")
    }

    @Test(
        "What is not the URL of an endpoint is told by name",
        arguments: [
            "as.example", #"https://as.example\@evil.example/"#, "https://u@as.example/", "https://as.example/#x",
        ])
    func badURL(_ url: String) throws {
        #expect(
            try bundled("oauth2").problems(with: ["issuer": url]).hasPrefix("issuer is not the URL of an endpoint: "))
    }

    @Test(
        "A field cannot lead an endpoint's host elsewhere",
        arguments: ["evil.example/x?", "evil@as.example", "as.example#", #"evil\x"#, "a b", "evil.example/"])
    func injection(_ host: String) throws {
        #expect(try bundled("github").problems(with: ["host": host]).isEmpty == false)
    }

    @Test("What the profile says arrives")
    func whole() throws {
        let profile = try Sample.profile(
            Sample.oauth2,
            [
                (
                    "authorization_server",
                    #"{"authorization_endpoint":"https://{host}/a","token_endpoint":"https://{host}/t","jwks_uri":"https://{host}/j","device_authorization_endpoint":"https://{host}/d","pushed_authorization_request_endpoint":"https://{host}/p","token_endpoint_auth_methods_supported":["none"],"code_challenge_methods_supported":["S256"],"grant_types_supported":["refresh_token"],"authorization_response_iss_parameter_supported":true}"#
                ),
                ("scopes", #"{"default":["a","b"],"separator":","}"#), ("errors", #"{"oops":"retry"}"#),
                ("expiry", #"{"default_lifetime":60,"refresh_margin":5}"#),
                ("refresh_token", #"{"rotates":false,"grace":30,"lifetime":90}"#),
                ("authorization_parameters", #"{"audience":"https://{host}/","empty":""}"#),
                ("token_parameters", #"{"t":"1"}"#),
                ("refresh_parameters", #"{"r":"2"}"#), ("documentation", #""https://docs.example""#),
                ("checked", #""2026-11-22""#),
                ("$schema", #""../docs/provider-profile.schema.json""#),
            ])
        let provider = try profile.filled(["host": "b.example"])
        let server = provider.authorizationServer
        #expect(server.jwksURI?.string == "https://b.example/j")
        #expect(server.deviceAuthorizationEndpoint?.string == "https://b.example/d")
        #expect(server.pushedAuthorizationRequestEndpoint?.string == "https://b.example/p")
        #expect(server.tokenEndpointAuthMethodsSupported == ["none"])
        #expect(server.codeChallengeMethodsSupported == ["S256"])
        #expect(server.grantTypesSupported == ["refresh_token"])
        #expect(server.authorizationResponseIssParameterSupported)
        #expect(provider.defaultScopes == ["a", "b"])
        #expect(provider.dialect.scopeSeparator == ",")
        #expect(provider.dialect.authorizationParameters == Parameters([("audience", "https://b.example/")]))
        #expect(provider.dialect.tokenParameters == Parameters([("t", "1")]))
        #expect(provider.dialect.refreshParameters == Parameters([("r", "2")]))
        #expect(provider.remedies == ["oops": .retry])
        #expect((provider.expiry.defaultLifetime, provider.expiry.refreshMargin) == (60, 5))
        let policy = provider.refreshTokenPolicy
        #expect((policy.rotates, policy.grace, policy.lifetime) == (false, 30, 90))
    }

    @Test("What a profile leaves out is the standard")
    func standard() throws {
        let provider = try Sample.profile().filled()
        #expect(provider.dialect == Dialect())
        #expect(provider.expiry.defaultLifetime == nil)
        #expect(provider.refreshTokenPolicy.rotates)
        #expect(provider.defaultScopes.isEmpty)
    }

    @Test("A key needs no endpoints")
    func noEndpoints() throws {
        #expect(try bundled("api-key").filled().discoveryIssuer == nil)
        #expect(try bundled("basic").filled().authorizationServer == AuthorizationServer())
    }
}
