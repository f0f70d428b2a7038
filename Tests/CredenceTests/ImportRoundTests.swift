import BrokerTesting
import Foundation
import NIOHTTP1
import Testing

/// From a connector in a folder to a credential, by the commands of docs/import.md: one of each class.
@Suite("Rounds with imported connectors")
struct ImportRoundTests {
    private let credence: Credence
    private let folder: String

    init() throws {
        credence = try Credence()
        folder = NSTemporaryDirectory() + "credence-import-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder + "/connectors", withIntermediateDirectories: true)
    }

    // MARK: The steps

    private func write(_ name: String, parameters: String, policies: String = "[]", swagger: String = "{}") throws {
        let place = "\(folder)/connectors/\(name)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let properties =
            #"{"properties": {"connectionParameters": \#(parameters), "policyTemplateInstances": \#(policies)}}"#
        try properties.write(toFile: "\(place)/apiProperties.json", atomically: true, encoding: .utf8)
        try swagger.write(toFile: "\(place)/apiDefinition.swagger.json", atomically: true, encoding: .utf8)
    }

    /// Imports what was written, with `https://login.example` at the server, and starts the service with it.
    private func serve(at origin: String? = nil) async throws {
        if !FileManager.default.fileExists(atPath: "\(folder)/providers") {
            try await importing("power-platform", "\(folder)/connectors")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/providers")
        #expect(!files.isEmpty)
        for file in files {
            let path = "\(folder)/providers/\(file)"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            if let origin {
                try text.replacingOccurrences(of: "https://login.example", with: origin)
                    .write(toFile: path, atomically: true, encoding: .utf8)
            }
            let checked = try await Credence.run(["providers", "check", path, "--development"])
            #expect(checked.status == 0, "\(checked.output)")
        }
        try await credence.run("init")
        try await credence.serve("--providers", "\(folder)/providers")
    }

    private func importing(_ arguments: String...) async throws {
        let made = try await Credence.run(
            ["providers", "import"] + arguments + ["--output-dir", "\(folder)/providers"])
        #expect(made.status == 0, "\(made.complaint)")
    }

    private func written(_ text: String, to name: String) throws -> String {
        let path = "\(folder)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func add(_ arguments: String..., secret: String? = nil) async throws {
        let made = try await credence.run(arguments, input: secret)
        #expect(made.status == 0, "\(arguments): \(made.complaint)")
    }

    private func credential(_ id: String) async throws -> [String: Any] {
        let shown = try await credence.run("credential", id, "--format", "json")
        #expect(shown.status == 0, "\(shown.complaint)")
        return try #require(try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
    }

    private static func key(_ name: String, required: Bool = true) -> String {
        #"{"type": "securestring", "uiDefinition": {"displayName": "\#(name)", "constraints": {"required": "\#(required)"}}}"#
    }

    private static func text(_ name: String) -> String {
        #"{"type": "string", "uiDefinition": {"displayName": "\#(name)", "constraints": {"required": "true"}}}"#
    }

    // MARK: Keys

    @Test("an API key in a header of its own, at a host that the connection names: the text analytics connector")
    func keyInHeader() async throws {
        try write(
            "text-analytics",
            parameters: #"{"api_key": \#(Self.key("Account Key")), "siteUrl": \#(Self.text("Site URL"))}"#,
            policies: """
                [{"templateId": "dynamichosturl", "title": "Host", "parameters": {
                  "x-ms-apimTemplateParameter.urlTemplate": "https://@connectionParameters('siteUrl')/text"}}]
                """,
            swagger: """
                {"swagger": "2.0", "host": "westus.acme.test", "securityDefinitions": {
                  "api_key": {"type": "apiKey", "in": "header", "name": "Ocp-Apim-Subscription-Key"}}}
                """)
        try await serve()
        try await add("connections", "add", "t", "--provider", "text-analytics", "--field", "siteUrl=eu.api.example")
        try await add("secrets", "set", "t", "--secret-stdin", secret: "k-1")
        let got = try await credential("t")
        #expect(got["headers"] as? [String: String] == ["Ocp-Apim-Subscription-Key": "k-1"])
        #expect((got["hosts"] as? [String] ?? []).contains("eu.api.example"))
        let routes = got["routes"] as? [[String: Any]] ?? []
        #expect(routes.first?["url"] as? String == "https://eu.api.example/text")
        try await credence.stop()
    }

    @Test("a key in the query, Basic, several secrets by policies, a key in the path, and an API that asks nobody")
    func otherKeys() async throws {
        let query =
            #"{"securityDefinitions": {"k": {"type": "apiKey", "in": "query", "name": "appid"}}, "host": "a.acme.test"}"#
        try write("weather", parameters: #"{"api_key": \#(Self.key("Key"))}"#, swagger: query)
        try write(
            "billing", parameters: #"{"username": \#(Self.text("User")), "password": \#(Self.key("Password"))}"#,
            swagger: #"{"securityDefinitions": {"b": {"type": "basic"}}, "host": "b.acme.test"}"#)
        let header = { (name: String, value: String) in
            #"{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "\#(name)", "x-ms-apimTemplateParameter.value": "\#(value)", "x-ms-apimTemplate-policySection": "Request"}}"#
        }
        try write(
            "pair", parameters: #"{"app-key": \#(Self.key("App key")), "user-key": \#(Self.key("User key"))}"#,
            policies:
                "[\(header("X-App", "@connectionParameters('app-key')")), \(header("X-User", "Token @connectionParameters('user-key')"))]",
            swagger: #"{"host": "c.acme.test"}"#)
        try write(
            "node", parameters: #"{"project": \#(Self.key("Project"))}"#,
            policies: """
                [{"templateId": "routerequesttoendpoint", "parameters": {
                  "x-ms-apimTemplateParameter.newPath": "/v3/@connectionParameters('project')"}}]
                """, swagger: #"{"host": "d.acme.test"}"#)
        try write("open", parameters: "{}", swagger: #"{"host": "e.acme.test"}"#)
        try await serve()

        for name in ["weather", "billing"] { try await add("connections", "add", name, "--provider", name) }
        try await add("secrets", "set", "weather", "--secret-stdin", secret: "w&1")
        #expect(try await credential("weather")["query"] as? [String: String] == ["appid": "w&1"])
        try await add("secrets", "set", "billing", "--username", "svc", "--secret-stdin", secret: "p-1")
        let basic = Data("svc:p-1".utf8).base64EncodedString()
        #expect(try await credential("billing")["headers"] as? [String: String] == ["Authorization": "Basic \(basic)"])

        try await add("connections", "add", "pair", "--provider", "pair")
        let halved = try await credence.run(
            "secrets", "set", "pair", "--secret-stdin", input: #"{"app-key": "a-1"}"#)
        #expect(halved.status != 0 && halved.complaint.contains("user-key"), "\(halved.complaint)")
        try await add(
            "secrets", "set", "pair", "--secret-stdin", secret: #"{"app-key": "a-1", "user-key": "u-1"}"#)
        let pair = try await credential("pair")
        #expect(pair["headers"] as? [String: String] == ["X-App": "a-1", "X-User": "Token u-1"])
        #expect(pair["kind"] as? String == "secret")

        try await add("connections", "add", "node", "--provider", "node")
        try await add("secrets", "set", "node", "--secret-stdin", secret: "p/1")
        let node = try await credential("node")
        #expect((node["routes"] as? [[String: Any]])?.first?["path"] as? String == "/v3/p%2F1")

        try await add("connections", "add", "open", "--provider", "open")
        #expect(try await credential("open")["hosts"] as? [String] == ["e.acme.test"])
        try await credence.stop()
    }

    // MARK: Consents

    private func consent(_ id: String, _ server: FakeAuthorizationServer) async throws {
        let link = try await credence.run("connections", "connect", id).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let browser = Browser()
        let page = try await browser.get(link)
        let token = try #require(page.hidden("form_token"), "\(page.text)")
        let location = try #require(try await browser.post(link, form: "form_token=\(token)").location)
        let callback = try #require(await server.visit(location), "no way back from \(location)")
        let done = try await browser.get(callback)
        #expect(done.status == 200 && done.text.contains("Connected"), "\(done.text)")
    }

    /// Consent, credential, two refreshes.
    private func round(
        _ name: String, _ server: FakeAuthorizationServer, fields: [String] = []
    ) async throws {
        let origin = String(server.url(\.token).split(separator: "/").prefix(2).joined(separator: "//"))
        try await serve(at: origin)
        let made = try await credence.run(
            ["clients", "add", "app", "--provider", name, "--client-id", "app", "--secret-stdin"]
                + fields.flatMap { ["--field", $0] }, input: "client-secret")
        #expect(made.status == 0, "\(made.complaint)")
        server.register(client: "app", secret: "client-secret", redirectURIs: ["\(credence.url)/callback/app"])
        server.decide(.approve(user: "alice"))
        try await add("connections", "add", "c", "--client", "app")
        try await consent("c", server)
        var token = try #require(try await credential("c")["access_token"] as? String)
        #expect(server.isLive(accessToken: token))
        let key = try await credence.run("callers", "add", "root", "--role", "admin").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for _ in 0..<2 {
            let answer = try await Wire.call(
                .POST, "\(credence.url)/v1/connections/c/credential/refresh", key: key)
            #expect(answer.status == 200, "\(answer.text)")
            let next = try #require(try await credential("c")["access_token"] as? String)
            #expect(next != token && server.isLive(accessToken: next))
            token = next
        }
        #expect(try await credential("c")["headers"] as? [String: String] == ["Authorization": "Bearer \(token)"])
        try await credence.stop()
    }

    /// A server as the files know them: none of them speaks of PKCE.
    private static var plain: FakeAuthorizationServer.Behaviour {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.pkce = .optional
        return behaviour
    }

    private static func oauth(_ provider: String, _ custom: [String: String], more: String = "") -> String {
        let parameters = custom.map { #""\#($0)": {"value": "\#($1)"}"# }.joined(separator: ", ")
        return """
            {"token": {"type": "oauthSetting", "oAuthSettings": {"identityProvider": "\(provider)", "clientId": "theirs",
              "scopes": ["read"], "customParameters": {\(parameters)}}}\(more)}
            """
    }

    @Test("OAuth with fixed requests: consent, refreshes, use")
    func fixed() async throws {
        try await FakeAuthorizationServer.withServer(behaviour: Self.plain) { server in
            try write(
                "crm",
                parameters: Self.oauth(
                    "oauth2",
                    [
                        "authorizationUrl": "https://login.example/authorize",
                        "tokenUrl": "https://login.example/token",
                        "refreshUrl": "https://login.example/token",
                    ]), swagger: #"{"host": "api.acme.test"}"#)
            try await round("crm", server)
        }
    }

    @Test("OAuth as its author wrote the requests: consent, refreshes, use")
    func templated() async throws {
        try await FakeAuthorizationServer.withServer(behaviour: Self.plain) { server in
            try write(
                "desk",
                parameters: Self.oauth(
                    "oauth2generic",
                    [
                        "authorizationUrlTemplate": "https://login.example/authorize",
                        "authorizationUrlQueryStringTemplate":
                            "?client_id={ClientId}&response_type=code&redirect_uri={RedirectUrl}&scope={Scopes}&state={State}&audience=desk",
                        "tokenUrlTemplate": "https://login.example/token",
                        "tokenBodyTemplate":
                            "grant_type=authorization_code&code={Code}&redirect_uri={RedirectUrl}&client_id={ClientId}&client_secret={ClientSecret}",
                        "refreshUrlTemplate": "https://login.example/token",
                        "refreshBodyTemplate":
                            "grant_type=refresh_token&refresh_token={RefreshToken}&client_id={ClientId}&client_secret={ClientSecret}&redirect_uri={RedirectUrl}",
                    ]), swagger: #"{"host": "api.acme.test"}"#)
            try await round("desk", server)
            let refresh = try #require(server.journal.last { $0.endpoint == .refresh })
            #expect(
                String(decoding: refresh.body, as: UTF8.self).contains("redirect_uri="),
                "the author's own parameter goes along")
        }
    }

    @Test("a directory's older endpoints, with a resource: consent, refreshes, use")
    func directory() async throws {
        try await FakeAuthorizationServer.withServer(behaviour: .olderDirectory(tenant: "tenant1")) { server in
            try write(
                "office",
                parameters: Self.oauth(
                    "aad",
                    ["loginUri": "https://login.example", "tenantId": "tenant1", "resourceUri": "https://api.example/"]),
                swagger: #"{"host": "api.acme.test"}"#)
            try await round("office", server)
        }
    }

    @Test("an OpenAPI description: consent, refreshes, use")
    func openAPI() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let file = try written(
                """
                openapi: 3.1.0
                info: {title: CRM, version: "1"}
                servers: [{url: "https://api.acme.test/v1"}]
                components:
                  securitySchemes:
                    login:
                      type: oauth2
                      flows:
                        authorizationCode:
                          authorizationUrl: https://login.example/authorize
                          tokenUrl: https://login.example/token
                          scopes: {read: ""}
                """, to: "crm.yaml")
            try await importing("openapi", file)
            try await round("crm", server)
        }
    }

    @Test("a Postman collection: consent, refreshes, use")
    func postman() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let file = try written(
                """
                {"info": {"name": "Desk"}, "item": [{"request": {"url": "https://api.acme.test/me"}}],
                 "auth": {"type": "oauth2", "oauth2": [
                   {"key": "grant_type", "value": "authorization_code_with_pkce"},
                   {"key": "authUrl", "value": "https://login.example/authorize"},
                   {"key": "accessTokenUrl", "value": "https://login.example/token"},
                   {"key": "scope", "value": "read"}]}}
                """, to: "desk.postman_collection.json")
            try await importing("postman", file)
            try await round("desk", server)
        }
    }

    @Test("what an issuer publishes: consent, refreshes, use")
    func discovery() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let origin = String(server.url(\.token).split(separator: "/").prefix(2).joined(separator: "//"))
            try await importing("discovery", origin, "--development", "--name", "found")
            // The one question of an issuer's profile: where the API is.
            let path = "\(folder)/providers/found.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains("add hosts"))
            try text.split(separator: "\n").map { $0.contains("\"needs\"") ? "  \"hosts\": [\"api.acme.test\"]," : $0 }
                .joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            try await round("found", server)
        }
    }

    @Test("what only a person knows is asked for: the profile passes its check, and nothing is made of it")
    func unfinished() async throws {
        try write(
            "unknown", parameters: Self.oauth("oauth2", ["tokenUrl": "https://login.example/token"]),
            swagger: #"{"host": "api.acme.test"}"#)
        let made = try await Credence.run([
            "providers", "import", "power-platform", "\(folder)/connectors/unknown", "--output-dir",
            "\(folder)/providers",
        ])
        #expect(made.status == 0 && made.complaint.contains("needs: Where is the authorization endpoint?"))
        try await serve()
        let refused = try await credence.run(
            "clients", "add", "app", "--provider", "unknown", "--client-id", "app", "--secret-stdin", input: "s")
        #expect(refused.status != 0 && refused.complaint.contains("not finished"), "\(refused.complaint)")
        try await credence.stop()
    }
}
