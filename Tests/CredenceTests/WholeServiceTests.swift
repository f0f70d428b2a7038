import BrokerTesting
import Foundation
import NIOHTTP1
import Testing

/// The product as a stranger meets it: the binary, a folder, a browser and an authorization server.
@Suite("The whole service")
struct WholeServiceTests {
    static let secrets = (
        client: "canary-client-secret-7f3a", apiKey: "canary-api-key-91bc", password: "canary-password-d20e"
    )

    /// Registers a client at the server, connects `crm` through a browser, and returns a runtime's key.
    func connected(_ credence: Credence, _ server: FakeAuthorizationServer) async throws -> String {
        try await credence.run("init")
        try await credence.serve()
        let client = try await credence.run(
            "clients", "add", "app", "--provider", "oauth2", "--client-id", "app", "--secret-stdin", "--scope", "read",
            "--field", "issuer=\(server.issuer)", "--json", input: Self.secrets.client)
        #expect(client.status == 0, "\(client.complaint)")
        server.register(
            client: "app", secret: Self.secrets.client, redirectURIs: ["\(credence.url)/callback/app"])
        server.decide(.approve(user: "alice"))
        #expect(try await credence.run("connections", "add", "crm", "--client", "app").status == 0)
        try await consent(credence, server, "crm")
        return try await credence.run("callers", "add", "rt", "--role", "runtime").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func consent(_ credence: Credence, _ server: FakeAuthorizationServer, _ id: String) async throws {
        let link = try await credence.run("connections", "connect", id).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let browser = Browser()
        let page = try await browser.get(link)
        #expect(page.status == 200)
        let token = try #require(page.hidden("form_token"))
        let start = try await browser.post(link, form: "form_token=\(token)")
        #expect(start.status == 303, "\(start.text)")
        let location = try #require(start.location)
        let visited = await server.visit(location)
        let callback = try #require(visited)
        let done = try await browser.get(callback)
        #expect(done.status == 200, "\(done.text)")
        #expect(done.text.contains("Connected"))
    }

    @Test("consent, credential, expiry, refresh with rotation, revocation, reconnect under the same ID")
    func wholeRound() async throws {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.accessTokenLifetime = 2
        behaviour.rotation = .rotateWithReuseDetection
        try await FakeAuthorizationServer.withServer(behaviour: behaviour) { server in
            let credence = try Credence()
            let key = try await connected(credence, server)
            let path = "\(credence.url)/v1/connections/crm/credential"
            let first = try await Wire.call(.GET, path, key: key)
            #expect(first.status == 200, "\(first.text)")

            // The token lives for two seconds: ask until it is another one.
            var second = first
            let deadline = ContinuousClock.now + .seconds(15)
            while token(second) == token(first), ContinuousClock.now < deadline {
                second = try await Wire.call(.GET, path, key: key)
                #expect(second.status == 200, "\(second.text)")
            }
            #expect(token(second) != token(first))
            #expect(server.counters.replays == 0, "a refresh token is presented once")

            server.revoke(user: "alice")
            let refused = try await Wire.call(.POST, path + "/refresh", key: key)
            #expect(refused.status == 409)
            #expect(refused.text.contains("reauthorization_required") && refused.text.contains("revoked"))
            #expect(try await credence.run("connections", "status", "crm").output == "reauthorization_required\n")
            #expect(try await credence.run("credential", "crm").status == 4)

            try await consent(credence, server, "crm")
            #expect(try await credence.run("connections", "status", "crm").output == "active\n")
            #expect(try await Wire.call(.GET, path, key: key).status == 200)
            let status = try await credence.stop()
            #expect(status == 0)
        }
    }

    private func token(_ answer: Wire.Answer) -> String? {
        (try? JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])?["access_token"] as? String
    }

    @Test("S10, I9, I24: a secret that goes in by any door is found in no file, log, process list or environment")
    func canary() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let credence = try Credence()
            let key = try await connected(credence, server)
            _ = try await credence.run("connections", "add", "k", "--provider", "api-key")
            _ = try await credence.run("secrets", "set", "k", "--secret-stdin", input: Self.secrets.apiKey)
            _ = try await credence.run("connections", "add", "b", "--provider", "basic")
            _ = try await credence.run(
                "secrets", "set", "b", "--username", "svc", "--secret-stdin", input: Self.secrets.password)
            let answer = try await Wire.call(.GET, "\(credence.url)/v1/connections/crm/credential", key: key)
            let refreshToken = try #require(server.liveRefreshToken(user: "alice", client: "app"))
            for id in ["k", "b"] {
                #expect(
                    try await Wire.call(.GET, "\(credence.url)/v1/connections/\(id)/credential", key: key).status == 200
                )
            }
            _ = try await Wire.call(.GET, "\(credence.url)/callback/app?code=canary-code-1&state=canary-state-1")
            let canaries = [
                Self.secrets.client, Self.secrets.apiKey, Self.secrets.password, try #require(token(answer)),
                refreshToken,
                key, "canary-code-1", "canary-state-1",
            ]
            func search(_ bytes: Data, _ place: String) {
                for canary in canaries where bytes.range(of: Data(canary.utf8)) != nil {
                    Issue.record("\(canary.prefix(12))… stands in \(place)")
                }
            }
            // The files of a running service, its write-ahead log too; then those of one that has stopped.
            for round in ["running", "stopped"] {
                let files = try FileManager.default.contentsOfDirectory(atPath: credence.data)
                #expect(files.contains("credence.db") && files.contains("audit.log"))
                for file in files {
                    // The socket has no bytes.
                    guard let bytes = FileManager.default.contents(atPath: "\(credence.data)/\(file)") else { continue }
                    search(bytes, "\(file) (\(round))")
                }
                if round == "running" {
                    for file in ["cmdline", "environ"] {
                        guard let bytes = FileManager.default.contents(atPath: "/proc/\(credence.processID)/\(file)")
                        else { continue }
                        search(bytes, "/proc/\(file)")
                    }
                    let status = try await credence.stop()
                    #expect(status == 0)
                }
            }
            search(Data(try credence.logText().utf8), "the log")
        }
    }

    @Test("I25: a crash leaves no core file and prints no memory")
    func crash() async throws {
        let credence = try Credence()
        try await credence.run("init")
        try await credence.serve()
        let limits = try String(contentsOfFile: "/proc/\(credence.processID)/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
        try await credence.stop(signal: SIGSEGV)
        #expect(try !credence.logText().contains("Registers"))
    }

    @Test("S17: a second process is refused on the same folder, and verbs go through the one that runs")
    func oneProcess() async throws {
        let credence = try Credence()
        try await credence.run("init")
        try await credence.serve()
        let second = try await credence.run(
            "serve", "--development", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0")
        #expect(second.status == 5)
        #expect(second.complaint.contains(credence.data))
        #expect(try await credence.run("connections", "add", "k", "--provider", "api-key").status == 0)
        #expect(try await credence.run("connections", "list").output.contains("pending"))
        try await credence.stop()
        #expect(try await credence.run("connections", "list").output.contains("pending"), "and without it")
    }

    @Test("S6, S16, S18: what is not in order is refused with one line, and nothing is lost")
    func refusals() async throws {
        let credence = try Credence()
        try await credence.run("init")
        _ = try await credence.run("connections", "add", "k", "--provider", "api-key")
        _ = try await credence.run("secrets", "set", "k", "--secret-stdin", input: "the-key")
        let (database, masterKey) = (credence.data + "/credence.db", credence.data + "/master.key")
        let files = FileManager.default
        let goodKey = try #require(files.contents(atPath: masterKey))
        let goodDatabase = try #require(files.contents(atPath: database))

        func refused(_ expected: String, _ what: Comment) async throws {
            let outcome = try await credence.run("credential", "k")
            #expect(outcome.status != 0, what)
            #expect(outcome.output.isEmpty, what)
            #expect(outcome.complaint.contains(expected), "\(outcome.complaint)")
            #expect(outcome.complaint.split(separator: "\n").count == 1, "\(outcome.complaint)")
        }
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: credence.data)
        try await refused("chmod 700", "an open folder")
        try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: credence.data)

        try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: masterKey)
        try await refused("chmod 0400", "an open master key")
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: masterKey)
        try Data((String(repeating: "ab", count: 32) + "\n").utf8).write(to: URL(fileURLWithPath: masterKey))
        try files.setAttributes([.posixPermissions: 0o400], ofItemAtPath: masterKey)
        try await refused("master key", "a wrong master key")
        let again = try await credence.run("init")
        #expect(again.status != 0, "init never makes a new key over data it cannot open")
        try files.removeItem(atPath: masterKey)
        try await refused("master key", "no master key")
        #expect(files.createFile(atPath: masterKey, contents: goodKey, attributes: [.posixPermissions: 0o400]))

        var damaged = goodDatabase
        for index in 0..<200 { damaged[4096 + index] = 0xFF }
        try damaged.write(to: URL(fileURLWithPath: database))
        try await refused("damaged", "a damaged database")
        try goodDatabase.write(to: URL(fileURLWithPath: database))
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: database)

        #expect(try await credence.run("credential", "k", "--format", "token").output == "the-key\n")
        #expect(try await credence.run("init").output.isEmpty, "safe to repeat, and the key is shown once")
    }

    @Test("verbs end with the exit codes of contract.md")
    func exitCodes() async throws {
        let credence = try Credence()
        #expect(try await credence.run("connections", "list").status == 1, "no folder yet")
        try await credence.run("init")
        #expect(try await credence.run("nonsense").status == 2)
        #expect(try await credence.run("connections", "add").status == 2)
        #expect(try await credence.run("connections", "show", "none").status == 3)
        #expect(try await credence.run("connections", "add", "a", "--provider", "none").status == 2)
        #expect(try await credence.run("connections", "add", "k", "--provider", "api-key").status == 0)
        #expect(try await credence.run("connections", "add", "k", "--provider", "api-key").status == 4)
        #expect(try await credence.run("credential", "k").status == 4, "nothing set yet")
        #expect(try await credence.run("secrets", "set", "k").status == 2, "no secret given")
        #expect(try await credence.run("--help").status == 0)
    }

    @Test("a profile's requests can be looked at before anything is sent")
    func preview() async throws {
        let credence = try Credence()
        let shown = try await credence.run(
            "providers", "preview", "dropbox", "--scope", "files.metadata.read", "--text")
        #expect(shown.status == 0)
        for line in [
            "GET https://www.dropbox.com/oauth2/authorize", "scope=files.metadata.read", "token_access_type=offline",
            "client_secret=CLIENT_SECRET", "refresh_token=REFRESH_TOKEN", "header Authorization: Bearer {access_token}",
        ] { #expect((shown.output + "\n").contains("  \(line)\n"), "\(line)") }
        let bare = try await credence.run("providers", "preview", "azure-ad", "--text")
        #expect(bare.status == 2 && bare.complaint.contains("tenant"))
        #expect(try await credence.run("providers", "preview", "nobody").status == 3)
    }

    @Test("the preview of a profile is JSON: query and form as pairs, what is needed by name")
    func previewForMachines() async throws {
        let credence = try Credence()
        let shown = try await credence.run(
            "providers", "preview", "azure-ad", "--field", "tenant=acme.example", "--client-id", "CID",
            "--client-secret-stdin", "--redirect-uri", "https://b.example/cb", "--state", "S", "--code", "C",
            "--refresh-token", "R", input: "CSECRET")
        #expect(shown.status == 0)
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
        #expect(json["kind"] as? String == "oauth2")
        let authorize = try #require(json["authorize"] as? [String: Any])
        #expect(authorize["url"] as? String == "https://login.microsoftonline.com/acme.example/oauth2/v2.0/authorize")
        #expect((authorize["query"] as? [[String]])?.contains(["redirect_uri", "https://b.example/cb"]) == true)
        let token = try #require((json["token"] as? [String: Any])?["form"] as? [[String]])
        for pair in [["code", "C"], ["client_id", "CID"], ["client_secret", "CSECRET"]] {
            #expect(token.contains(pair))
        }
        let refresh = try #require((json["refresh"] as? [String: Any])?["form"] as? [[String]])
        #expect(refresh.contains(["refresh_token", "R"]) && refresh.contains(["grant_type", "refresh_token"]))
        #expect(json["client_authentication"] as? String == "client_secret_post")
        #expect(
            json["apply"] as? [[String: String]] == [
                ["in": "header", "name": "Authorization", "value": "Bearer {access_token}", "ops": "all"]
            ])
        #expect(json["hosts"] as? [String] == ["graph.microsoft.com"] && (json["needs"] as? [String])?.isEmpty == true)
        let bare = try await credence.run("providers", "preview", "azure-ad")
        #expect(bare.status == 0)
        let needs = try JSONSerialization.jsonObject(with: Data(bare.output.utf8)) as? [String: Any]
        #expect((needs?["needs"] as? [String])?.first?.contains("tenant") == true)
    }

    @Test(
        "a setting of the wrong kind is refused by name, and not left out",
        arguments: [
            ("provider-timeout: abc", "provider-timeout"), ("allow-ports: [a]", "allow-ports"),
            ("return-to: https://app.example/done", "return-to"), ("listen: 8400", "listen"), ("colour: red", "colour"),
        ])
    func wrongSetting(line: String, name: String) async throws {
        let credence = try Credence()
        try await credence.run("init")
        let path = (credence.data as NSString).deletingLastPathComponent + "/credence.yaml"
        try Data(line.utf8).write(to: URL(fileURLWithPath: path))
        let refused = try await credence.run("serve", "--config", path)
        #expect(refused.status == 1)
        #expect(refused.complaint.contains(name) && refused.complaint.split(separator: "\n").count == 1)
    }

    @Test("a profile that is wrong stops the service, with file and path")
    func wrongProfile() async throws {
        let credence = try Credence()
        try await credence.run("init")
        let folder = credence.data + "-profiles"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(
            #"{"provider":"x","title":"X","kind":"oauth2","colour":1,"authorization_server":{"authorization_endpoint":"http://x.test/a","token_endpoint":"https://x.test/t"},"apply":{"headers":{"Authorization":"Bearer {access_token}"}}}"#
                .utf8
        )
        .write(to: URL(fileURLWithPath: folder + "/x.json"))
        let outcome = try await credence.run("serve", "--listen", "127.0.0.1:0", "--providers", folder)
        #expect(outcome.status == 1)
        for text in ["x.json", "colour", "/authorization_server/authorization_endpoint", "must be https"] {
            #expect(outcome.complaint.contains(text), "\(outcome.complaint)")
        }
        let check = try await credence.run("providers", "check", folder + "/x.json", "--data", "unused")
        #expect(check.status != 0)
    }
}
