import HTTPTypes
import Testing

@testable import OAuth

@Suite("Discovery")
struct DiscoveryTests {
    static let issuer = "https://as.example/K"
    static let document =
        #"{"issuer":"https://as.example/K","authorization_endpoint":"https://as.example/a","token_endpoint":"https://as.example/t"}"#

    static func judge(_ body: String, _ status: Int = 200, allowHTTP: Bool = false) -> DiscoveryVerdict {
        Discovery.judge(EndpointResponse(status, "application/json", body), issuer: issuer, allowHTTP: allowHTTP)
    }

    static func isMalformed(_ verdict: DiscoveryVerdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    @Test(
        "RFC 8414 §3.1 and OpenID Connect Discovery §4: both forms of the address",
        arguments: [
            (
                "https://as.example", "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration"
            ),
            (
                "https://as.example/", "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration"
            ),
            (
                "https://example.com/issuer1", "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration"
            ),
            (
                "https://as.example:8443/a/b/", "https://as.example:8443/.well-known/oauth-authorization-server/a/b",
                "https://as.example:8443/a/b/.well-known/openid-configuration"
            ),
            (
                "https://[::1]/t", "https://[::1]/.well-known/oauth-authorization-server/t",
                "https://[::1]/t/.well-known/openid-configuration"
            ),
        ])
    func addresses(_ issuer: String, _ oauth: String, _ openID: String) throws {
        let requests = try Discovery.requests(issuer: issuer, allowHTTP: false)
        #expect(requests.map(\.url.string) == [oauth, openID])
        #expect(
            requests.allSatisfy {
                $0.method == .get && $0.body.isEmpty && $0.headerFields[.accept] == "application/json"
            })
    }

    @Test("The shared path rules are met", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func pathRules() throws {
        let rules = try Shared.json("vectors/rfc/as_metadata_rfc8414.json")[path: "path_rules"]?.elements ?? []
        #expect(rules.count >= 2)
        for rule in rules {
            guard let issuer = rule[path: "issuer"]?.text else { continue }
            let addresses = try Discovery.requests(issuer: issuer, allowHTTP: false).map(\.url.string)
            #expect(addresses[0] == rule[path: "rfc8414"]?.text)
            if let openID = rule[path: "oidc"]?.text { #expect(addresses[1] == openID) }
        }
    }

    @Test(
        "N4: an issuer that is no https URL without query and fragment is refused",
        arguments: [
            "http://as.example", "as.example", "https://as.example?x=1", "https://as.example/#x",
            "https://u@as.example", "",
        ])
    func badIssuer(_ issuer: String) {
        #expect(throws: EndpointURL.Invalid.self) { try Discovery.requests(issuer: issuer, allowHTTP: false) }
    }

    @Test("http is for development alone")
    func http() throws {
        #expect(try Discovery.requests(issuer: "http://127.0.0.1:9", allowHTTP: true).count == 2)
        let document = #"{"issuer":"https://as.example/K","token_endpoint":"http://127.0.0.1:9/t"}"#
        #expect(Self.isMalformed(Self.judge(document)))
        #expect(!Self.isMalformed(Self.judge(document, allowHTTP: true)))
        let afar = #"{"issuer":"https://as.example/K","token_endpoint":"http://as.example/t"}"#
        #expect(Self.isMalformed(Self.judge(afar, allowHTTP: true)))
    }

    @Test("RFC 8414 §3.2: its example is read", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func example() throws {
        let metadata = try #require(try Shared.json("vectors/rfc/as_metadata_rfc8414.json")[path: "metadata"])
        let response = EndpointResponse(200, nil, metadata.serialized())
        guard
            case .found(let server) = Discovery.judge(response, issuer: "https://server.example.com", allowHTTP: false)
        else {
            Issue.record("not found")
            return
        }
        #expect(server.authorizationEndpoint?.string == "https://server.example.com/authorize")
        #expect(server.tokenEndpoint?.string == "https://server.example.com/token")
        #expect(server.jwksURI?.string == "https://server.example.com/jwks.json")
        #expect(server.tokenEndpointAuthMethodsSupported == ["client_secret_basic", "private_key_jwt"])
        #expect(server.codeChallengeMethodsSupported == nil)
        #expect(!server.authorizationResponseIssParameterSupported)
    }

    @Test("Every member that is used is read")
    func members() throws {
        var text = #"{"issuer":"https://as.example/K","unknown":{"a":[1]}"#
        let endpoints = [
            "authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint",
            "device_authorization_endpoint",
            "pushed_authorization_request_endpoint", "userinfo_endpoint", "jwks_uri",
        ]
        for name in endpoints { text += #","\#(name)":"https://as.example/\#(name)""# }
        text += #","grant_types_supported":["refresh_token",7],"code_challenge_methods_supported":["S256"],"#
        text += #""authorization_response_iss_parameter_supported":true}"#
        guard case .found(let server) = Self.judge(text) else {
            Issue.record("not found")
            return
        }
        let found = [
            server.authorizationEndpoint, server.tokenEndpoint, server.revocationEndpoint, server.introspectionEndpoint,
            server.deviceAuthorizationEndpoint, server.pushedAuthorizationRequestEndpoint, server.userinfoEndpoint,
            server.jwksURI,
        ]
        #expect(found.map { $0?.string } == endpoints.map { "https://as.example/\($0)" })
        #expect(server.grantTypesSupported == ["refresh_token"])
        #expect(server.codeChallengeMethodsSupported == ["S256"])
        #expect(server.authorizationResponseIssParameterSupported)
        #expect(server.issuer == Self.issuer)
    }

    @Test(
        "F20: a document of another issuer must not be used",
        arguments: [
            "https://evil.example", "https://as.example", "https://as.example/K/", "https://AS.example/K",
            "https://as.example/k", "https://as.example/\u{212A}",
        ])
    func mismatch(_ found: String) {
        #expect(Self.judge(Self.document.replacing(Self.issuer, with: found)) == .mismatch)
    }

    @Test("A document that is not there is absent", arguments: [404, 410, 400, 401, 403, 301, 302, 204])
    func absent(_ status: Int) { #expect(Self.judge("", status) == .absent) }

    @Test("A server in trouble is not taken for one without a document", arguments: [429, 500, 502, 503])
    func trouble(_ status: Int) { #expect(Self.isMalformed(Self.judge(Self.document, status))) }

    @Test(
        "What is no metadata is malformed",
        arguments: [
            "", "<html>", "[]", "{}", #"{"issuer":7}"#, #"{"issuer":null}"#,
            #"{"issuer":"https://as.example/K","issuer":"https://as.example/K"}"#,
            #"{"issuer":"https://as.example/K","token_endpoint":7}"#,
            #"{"issuer":"https://as.example/K","token_endpoint":"/t"}"#,
            #"{"issuer":"https://as.example/K","token_endpoint":""}"#,
            #"{"issuer":"https://as.example/K","jwks_uri":"file:///etc/passwd"}"#,
            #"{"issuer":"https://as.example/K","token_endpoint":"https://as.example\\@evil.example/"}"#,
        ])
    func malformed(_ body: String) { #expect(Self.isMalformed(Self.judge(body))) }
}

@Suite("Discovered metadata and configured endpoints")
struct CompletedServerTests {
    @Test("an endpoint that is configured takes the place of the discovered one, and nothing else does")
    func completed() throws {
        var configured = AuthorizationServer()
        configured.issuer = "https://as.example.com"
        configured.revocationEndpoint = try EndpointURL("https://as.example.com/own/revoke")
        var discovered = AuthorizationServer()
        discovered.issuer = "https://as.example.com"
        discovered.tokenEndpoint = try EndpointURL("https://as.example.com/token")
        discovered.revocationEndpoint = try EndpointURL("https://as.example.com/revoke")
        discovered.tokenEndpointAuthMethodsSupported = ["client_secret_post"]
        let server = configured.completed(by: discovered)
        #expect(server.revocationEndpoint == configured.revocationEndpoint)
        #expect(server.tokenEndpoint == discovered.tokenEndpoint)
        #expect(server.tokenEndpointAuthMethodsSupported == ["client_secret_post"])
    }

    static var endpoints: [WritableKeyPath<AuthorizationServer, EndpointURL?>] {
        [
            \.authorizationEndpoint, \.tokenEndpoint, \.revocationEndpoint, \.introspectionEndpoint,
            \.deviceAuthorizationEndpoint, \.pushedAuthorizationRequestEndpoint, \.userinfoEndpoint, \.jwksURI,
        ]
    }

    @Test("every endpoint that can be configured is kept", arguments: endpoints.indices)
    func kept(_ index: Int) throws {
        let endpoint = Self.endpoints[index]
        var configured = AuthorizationServer()
        configured[keyPath: endpoint] = try EndpointURL("https://as.example.com/own")
        var discovered = AuthorizationServer()
        for each in Self.endpoints { discovered[keyPath: each] = try EndpointURL("https://as.example.com/found") }
        let server = configured.completed(by: discovered)
        for each in Self.endpoints {
            #expect(server[keyPath: each]?.path == (each == endpoint ? "/own" : "/found"))
        }
    }
}
