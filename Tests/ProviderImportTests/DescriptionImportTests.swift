import Foundation
import OAuth
import ProviderImport
import ProviderProfiles
import Testing

@Suite("API descriptions, collections and metadata")
struct DescriptionImportTests {
    private static func checked(_ profiles: [ImportedProfile]) -> [ImportedProfile] {
        for profile in profiles {
            let problems = ProfileCheck.problems(
                in: Array(profile.file.utf8), file: "\(profile.name).json", allowHTTP: false)
            #expect(problems.isEmpty, "\(problems) of \(profile.file)")
        }
        return profiles
    }

    private static func openAPI(_ text: String) throws -> [ImportedProfile] {
        checked(try OpenAPIImport.read(Array(text.utf8), name: "acme").profiles)
    }

    private static func postman(_ auth: String, more: String = "") throws -> [ImportedProfile] {
        let text = #"""
            {"info": {"name": "Acme"}\#(more), "auth": \#(auth),
             "item": [{"request": {"url": {"raw": "https://api.acme.test/v1/me"}}}]}
            """#
        return checked(try PostmanImport.read(Array(text.utf8), name: "acme").profiles)
    }

    private static let code = """
        openapi: 3.1.0
        info: {title: Acme, version: "1"}
        servers:
          - url: https://{region}.api.acme.test/v1
            variables: {region: {default: eu, enum: [eu, us]}}
        components:
          securitySchemes:
            login:
              type: oauth2
              flows:
                authorizationCode:
                  authorizationUrl: https://login.acme.test/authorize
                  tokenUrl: https://login.acme.test/token
                  refreshUrl: https://login.acme.test/refresh
                  scopes: {read: "", write: ""}
            key: {type: apiKey, in: query, name: appid}
        security:
          - login: [read]
          - key: []
        """

    // MARK: OpenAPI

    @Test("each alternative of the requirements is a profile; server variables are fields")
    func alternatives() throws {
        let profiles = try Self.openAPI(Self.code)
        #expect(profiles.map(\.name) == ["acme-login", "acme-key"])
        #expect(profiles[0].file.contains(#""refresh_endpoint":"https://login.acme.test/refresh""#))
        #expect(profiles[0].file.contains(#""default":["read"]"#))
        #expect(profiles[0].file.contains(#""hosts": ["{region}.api.acme.test"]"#))
        #expect(profiles[1].file.contains(#""query":{"appid":"{api_key}"}"#))
        for profile in profiles { #expect(profile.needs.isEmpty) }
    }

    @Test("what goes together goes into one profile: two keys are a secret of two fields")
    func together() throws {
        let profiles = try Self.openAPI(
            #"""
            {"swagger": "2.0", "host": "api.acme.test", "security": [{"a": [], "b": []}], "securityDefinitions": {
              "a": {"type": "apiKey", "in": "header", "name": "X-A"}, "b": {"type": "apiKey", "in": "header", "name": "X-B"}}}
            """#)
        #expect(profiles.count == 1 && profiles[0].file.contains(#""kind": "secret""#))
        #expect(profiles[0].file.contains(#""X-A":"{a}","X-B":"{b}""#))
    }

    @Test(
        "every kind of scheme: what it becomes, or what is asked",
        arguments: [
            (#"{"type": "http", "scheme": "Basic"}"#, "\"kind\": \"basic\"", false),
            (#"{"type": "http", "scheme": "bearer"}"#, "Bearer {api_key}", false),
            (#"{"type": "apiKey", "in": "cookie", "name": "sid"}"#, #""cookies":{"sid":"{api_key}"}"#, false),
            (
                #"{"type": "openIdConnect", "openIdConnectUrl": "https://login.acme.test/.well-known/openid-configuration"}"#,
                #""issuer":"https://login.acme.test""#, false
            ),
            (
                #"{"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}}"#,
                #""token_endpoint":"https://api.acme.test/token""#, false
            ),
            (#"{"type": "mutualTLS"}"#, "not spoken", true),
            (
                #"{"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://l.acme.test/a", "scopes": {}}}}"#,
                "implicit", true
            ),
            (
                #"{"type": "oauth2", "flows": {"authorizationCode": {"authorizationUrl": "<url>", "tokenUrl": "x", "scopes": {}}}}"#,
                "token_endpoint", true
            ),
            (##"{"$ref": "#/components/securitySchemes/s"}"##, "another file", true),
            (#"{"$ref": "other.yaml#/x"}"#, "another file", true),
        ])
    func schemes(scheme: String, expected: String, isAsked: Bool) throws {
        let profiles = try Self.openAPI(
            #"{"openapi": "3.0.3", "servers": [{"url": "https://api.acme.test/v1"}], "components": {"securitySchemes": {"s": \#(scheme)}}}"#
        )
        #expect(profiles.count == 1)
        #expect(profiles[0].file.contains(expected), "\(profiles[0].file)")
        #expect(profiles[0].needs.isEmpty != isAsked, "\(profiles[0].needs)")
    }

    @Test(
        "hostile descriptions end in a refusal, and soon",
        arguments: [
            "", "openapi", "- a\n- b", "\u{0}", String(repeating: "[", count: 100_000),
            String(repeating: "a: {", count: 100_000),
            "openapi: 3.0.0\nx: " + String(repeating: "9", count: 500_000),
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                + (1...9).map {
                    "\(Character(UnicodeScalar(97 + $0)!)): &\(Character(UnicodeScalar(97 + $0)!)) ["
                        + Array(repeating: "*\(Character(UnicodeScalar(96 + $0)!))", count: 10).joined(separator: ",")
                        + "]"
                }
                .joined(separator: "\n") + "\nopenapi: 3.0.0",
        ])
    func hostile(text: String) {
        let start = ContinuousClock.now
        _ = try? OpenAPIImport.read(Array(text.utf8), name: "acme")
        _ = try? PostmanImport.read(Array(text.utf8), name: "acme")
        #expect(start.duration(to: .now) < .seconds(20))
    }

    // MARK: Postman

    @Test(
        "both forms of a collection, and what each type becomes",
        arguments: [
            (
                #"{"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": "live-secret"}]}"#,
                #""X-Key":"{api_key}""#, false
            ),
            (
                #"{"type": "apikey", "apikey": {"key": "appid", "value": "live-secret", "in": "query"}}"#,
                #""query":{"appid":"{api_key}"}"#, false
            ),
            (#"{"type": "basic", "basic": [{"key": "password", "value": "live-secret"}]}"#, "Basic {basic}", false),
            (#"{"type": "bearer", "bearer": {"token": "live-secret"}}"#, "Bearer {api_key}", false),
            (#"{"type": "hawk", "hawk": {"authKey": "live-secret"}}"#, "signs", true),
            (
                #"{"type": "oauth2", "oauth2": [{"key": "authUrl", "value": "{{base}}/authorize"}, {"key": "accessTokenUrl", "value": "{{base}}/token"}, {"key": "headerPrefix", "value": "Token"}, {"key": "clientSecret", "value": "live-secret"}, {"key": "accessToken", "value": "live-secret"}, {"key": "scope", "value": "a b"}]}"#,
                "Token {access_token}", false
            ),
            (
                #"{"type": "oauth2", "oauth2": [{"key": "grant_type", "value": "password_credentials"}, {"key": "accessTokenUrl", "value": "https://l.acme.test/t"}]}"#,
                "password_credentials", true
            ),
        ])
    func collections(auth: String, expected: String, isAsked: Bool) throws {
        let profiles = try Self.postman(
            auth, more: #", "variable": [{"key": "base", "value": "https://login.acme.test"}]"#)
        #expect(profiles.count == 1)
        #expect(profiles[0].file.contains(expected), "\(profiles[0].file)")
        #expect(profiles[0].needs.isEmpty != isAsked, "\(profiles[0].needs)")
        #expect(!profiles[0].file.contains("live-secret"))
    }

    @Test("a collection whose requests hold the key in a header")
    func headers() throws {
        let text = #"""
            {"info": {"name": "Acme"}, "item": [{"item": [{"request": {"url": "https://api.acme.test/me",
              "header": [{"key": "Ocp-Apim-Subscription-Key", "value": "live-secret"}]}}]}]}
            """#
        let profiles = Self.checked(try PostmanImport.read(Array(text.utf8), name: "acme").profiles)
        #expect(profiles.first?.file.contains(#""Ocp-Apim-Subscription-Key":"{api_key}""#) == true)
    }

    // MARK: Discovery

    @Test("metadata becomes a profile of the issuer, with the resource's scopes and host")
    func metadata() throws {
        var server = AuthorizationServer()
        server.issuer = "https://login.acme.test"
        server.authorizationEndpoint = try EndpointURL("https://login.acme.test/authorize")
        server.tokenEndpoint = try EndpointURL("https://login.acme.test/token")
        server.codeChallengeMethodsSupported = ["S256"]
        let profile = DiscoveryImport.profile(
            of: server, issuer: "https://login.acme.test", name: "mcp.acme.test", scopes: ["mcp"], host: "mcp.acme.test"
        )
        #expect(Self.checked([profile])[0].needs.isEmpty)
        #expect(profile.file.contains(#""default":["mcp"]"#) && profile.file.contains(#""hosts": ["mcp.acme.test"]"#))
    }
}
