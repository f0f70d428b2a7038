import Broker
import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("The API, from outside")
struct InterfaceTests {
    /// Every route of contract.md, and who may call it.
    static let matrix: [(HTTPRequest.Method, String, Set<Caller.Role>)] = [
        (.get, "/v1/connections/x/credential", [.runtime, .admin]),
        (.post, "/v1/connections/x/credential/refresh", [.runtime, .admin]),
        (.post, "/v1/connections", [.app, .admin]),
        (.get, "/v1/connections", [.app, .admin]),
        (.get, "/v1/connections/x", [.app, .admin]),
        (.patch, "/v1/connections/x", [.app, .admin]),
        (.delete, "/v1/connections/x", [.app, .admin]),
        (.post, "/v1/connections/x/disable", [.app, .admin]),
        (.post, "/v1/connections/x/enable", [.app, .admin]),
        (.post, "/v1/connections/x/consent", [.app, .admin]),
        (.put, "/v1/connections/x/secret", [.app, .admin]),
        (.get, "/v1/clients", [.admin]),
        (.post, "/v1/clients", [.admin]),
        (.get, "/v1/clients/x", [.admin]),
        (.delete, "/v1/clients/x", [.admin]),
        (.get, "/v1/clients/x/secrets", [.admin]),
        (.post, "/v1/clients/x/secrets", [.admin]),
        (.delete, "/v1/clients/x/secrets/1", [.admin]),
        (.get, "/v1/callers", [.admin]),
        (.post, "/v1/callers", [.admin]),
        (.post, "/v1/callers/x/rotate", [.admin]),
        (.delete, "/v1/callers/x", [.admin]),
        (.get, "/v1/providers", [.app, .admin]),
        (.get, "/v1/providers/oauth2", [.app, .admin]),
        (.get, "/v1/audit", [.admin]),
        (.get, "/v1/audit/verification", [.admin]),
        (.get, "/v1/verification", [.admin]),
        (.get, "/v1/hold", [.admin]),
        (.post, "/v1/backup", [.admin]),
        (.post, "/v1/claim", [.admin]),
        (.get, "/v1/secrets/expiring", [.admin]),
        (.get, "/v1/connections/x/secret", [.app, .admin]),
        (.post, "/v1/connections/x/secret/rotate", [.app, .admin]),
        (.post, "/v1/connections/x/secret/rollback", [.app, .admin]),
        (.post, "/v1/clients/x/secrets/1/verify", [.admin]),
        (.post, "/v1/clients/x/secrets/1/prefer", [.admin]),
        (.get, "/v1/webhooks", [.admin]),
        (.post, "/v1/webhooks", [.admin]),
        (.get, "/v1/webhooks/x", [.admin]),
        (.delete, "/v1/webhooks/x", [.admin]),
        (.post, "/v1/webhooks/x/rotate", [.admin]),
        (.post, "/v1/webhooks/x/enable", [.admin]),
        (.post, "/v1/webhooks/x/test", [.admin]),
        (.get, "/v1/keys", [.admin]),
        (.get, "/v1/keys/progress", [.admin]),
        (.post, "/v1/keys/rotate", [.admin]),
        (.post, "/v1/keys/rewrap", [.admin]),
    ]

    @Test("I3: every route refuses the roles it is not for, and nobody", arguments: matrix.indices)
    func roles(index: Int) async throws {
        let (method, path, allowed) = Self.matrix[index]
        try await TestService.run { service in
            #expect(try await service.call(method, path).status == 401)
            for role in Caller.Role.allCases {
                let answer = try await service.call(method, path, as: role)
                if allowed.contains(role) {
                    #expect(answer.status != 401 && answer.status != 403, "\(role) \(answer.text)")
                } else {
                    #expect(answer.status == 403, "\(role)")
                    #expect(answer["code"] == "forbidden")
                }
            }
        }
    }

    @Test("I1: another's connection and one that does not exist get the same answer")
    func hidden() async throws {
        try await TestService.run { service in
            let secret = #"{"id":"mine","provider":"api-key","secret":{"api_key":"k"}}"#
            #expect(try await service.call(.post, "/v1/connections", as: .admin, body: secret).status == 201)
            let narrow = try await service.call(
                .post, "/v1/callers", as: .admin, body: #"{"id":"narrow","role":"runtime","connections":["other"]}"#)
            let key = try #require(narrow["key"])
            let others = try await service.call(.get, "/v1/connections/mine/credential", key: key)
            let absent = try await service.call(.get, "/v1/connections/none/credential", key: key)
            #expect(others.status == 404)
            #expect(others.text == absent.text)
            #expect(others.headers.map(\.name) == absent.headers.map(\.name))
            #expect(try await service.call(.get, "/v1/connections/mine/credential", as: .runtime).status == 200)
        }
    }

    @Test("a credential comes with everything that contract.md names, and no-store")
    func credential() async throws {
        try await TestService.run { service in
            let body =
                #"{"id":"k","provider":"api-key","fields":{"header":"Ocp-Apim-Subscription-Key"},"secret":{"api_key":"k3y"}}"#
            #expect(try await service.call(.post, "/v1/connections", as: .app, body: body).status == 201)
            for _ in 0..<2 {
                let answer = try await service.call(.get, "/v1/connections/k/credential", as: .runtime)
                #expect(answer.status == 200)
                #expect(answer.headers[.cacheControl] == "no-store")
                #expect(answer.json?[path: "headers.Ocp-Apim-Subscription-Key"] == .string("k3y"))
                #expect(answer["api_key"] == "k3y")
                #expect(answer["kind"] == "api_key")
                #expect(answer.json?[path: "version"] == .number(JSONNumber(1)))
                #expect(answer.json?[path: "warnings"] == nil)
                #expect(answer.json?[path: "expires_in"] == nil)
            }
        }
    }

    @Test(
        "bad input gets 400 with the member named",
        arguments: [
            (#"{"provider":"api-key","colour":1}"#, "colour"), (#"{"provider":7}"#, "provider"),
            (#"{"provider":"api-key","id":"../etc"}"#, "id"), (#"{"provider":"api-key","labels":{"a":1}}"#, "labels.a"),
            (#"{"provider":"none"}"#, "provider"), (#"{"provider":"oauth2"}"#, "client"),
            (#"{"provider":"api-key","secret":{"api_key":"a","password":"b"}}"#, "secret"),
            (#"{"provider":"basic","secret":{"api_key":"a"}}"#, "secret"),
            (#"{"provider":"basic","secret":{"username":"a:b","password":"c"}}"#, "secret.username"),
            (#"{"provider":"api-key","fields":{"nope":"1"}}"#, "fields"),
            (#"{"provider":"api-key","scopes":["a b"]}"#, "scopes"),
        ])
    func badInput(body: String, field: String) async throws {
        try await TestService.run { service in
            let answer = try await service.call(.post, "/v1/connections", as: .admin, body: body)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer["code"] == "invalid_request")
            #expect(answer["field"] == field, "\(answer.text)")
            #expect(answer.headers[.contentType] == "application/problem+json")
        }
    }

    @Test(
        "what is not JSON, and JSON that two readers read differently, is refused",
        arguments: [
            "", "{", "[]", #"{"provider":"api-key","provider":"basic"}"#, "{\"provider\":\"\u{FEFF}x\",}", "nonsense",
        ])
    func malformed(body: String) async throws {
        try await TestService.run { service in
            let answer = try await service.call(.post, "/v1/connections", as: .admin, body: body)
            #expect(answer.status == 400)
        }
    }

    @Test("I19: a body over 64 KiB gets 413")
    func oversize() async throws {
        try await TestService.run { service in
            let body = #"{"provider":"\#(String(repeating: "a", count: 70_000))"}"#
            let answer = try await service.call(.post, "/v1/connections", as: .admin, body: body)
            #expect(answer.status == 413)
            #expect(answer["code"] == "payload_too_large")
        }
    }

    @Test("a wrong method gets 405 with Allow; a wrong address 404")
    func wrongMethod() async throws {
        try await TestService.run { service in
            let answer = try await service.call(.post, "/v1/connections/x/credential", as: .runtime)
            #expect(answer.status == 405)
            #expect(answer.headers[.allow] == "GET")
            #expect(try await service.call(.put, "/v1/connections", as: .admin).headers[.allow] == "POST, GET")
            #expect(try await service.call(.get, "/v1/nothing", as: .admin).status == 404)
        }
    }

    @Test("I14: answers carry the security headers")
    func securityHeaders() async throws {
        try await TestService.run { service in
            let answer = try await service.call(.get, "/v1/connections", as: .admin)
            #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            #expect(answer.headers[.contentSecurityPolicy]?.contains("frame-ancestors 'none'") == true)
            #expect(answer.headers[.strictTransportSecurity] != nil)
            #expect(answer.headers[.cacheControl] == "no-store")
        }
    }

    @Test("I28: without an audit line no credential leaves")
    func noAuditNoSecret() async throws {
        try await TestService.run { service in
            let body = #"{"id":"k","provider":"api-key","secret":{"api_key":"k3y-canary"}}"#
            #expect(try await service.call(.post, "/v1/connections", as: .app, body: body).status == 201)
            #expect(try await service.call(.get, "/v1/connections/k/credential", as: .runtime).status == 200)
            service.audit.fail(with: AuditFailure("full"))
            let answer = try await service.call(.get, "/v1/connections/k/credential", as: .runtime)
            #expect(answer.status == 503)
            #expect(answer["code"] == "audit_unavailable")
            #expect(!answer.text.contains("canary"))
        }
    }

    @Test(
        "min_ttl and unknown parameters are checked",
        arguments: [
            "min_ttl=x", "min_ttl=-1", "min_ttl=1&min_ttl=2", "ttl=3", "min_ttl=999999",
        ])
    func minTTL(query: String) async throws {
        try await TestService.run { service in
            let answer = try await service.call(.get, "/v1/connections/k/credential?\(query)", as: .runtime)
            #expect(answer.status == 400)
        }
    }

    @Test("connections are listed by label and status, page by page")
    func list() async throws {
        try await TestService.run { service in
            for index in 0..<5 {
                let team = index < 3 ? "sales" : "it"
                let body =
                    #"{"id":"k\#(index)","provider":"api-key","labels":{"team":"\#(team)"},"secret":{"api_key":"x"}}"#
                #expect(try await service.call(.post, "/v1/connections", as: .app, body: body).status == 201)
            }
            let first = try await service.call(.get, "/v1/connections?label=team:sales&limit=2&status=active", as: .app)
            #expect(first.json?[path: "connections.1.id"] == .string("k1"))
            let cursor = try #require(first["next_cursor"])
            let second = try await service.call(
                .get, "/v1/connections?label=team:sales&limit=2&cursor=\(cursor)", as: .app)
            #expect(second.json?[path: "connections.0.id"] == .string("k2"))
            #expect(second["next_cursor"] == nil)
            #expect(!first.text.contains("api_key\":"), "a listing shows no secret")
        }
    }

    @Test("a client's secret and a caller's key are never shown again")
    func noSecretShown() async throws {
        try await TestService.run { service in
            _ = try await service.addConsentConnection()
            for path in [
                "/v1/clients", "/v1/clients/app-c1", "/v1/clients/app-c1/secrets", "/v1/callers", "/v1/connections",
            ] {
                let text = try await service.call(.get, path, as: .admin).text
                #expect(!text.contains("s3cret"))
                for key in service.keys.values { #expect(!text.contains(key)) }
            }
        }
    }
}
