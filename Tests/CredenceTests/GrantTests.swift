import BrokerTesting
import Crypto
import Foundation
import NIOHTTP1
import Testing

/// Every grant and what protects it, through the real binary, against an authorization server that judges what it gets.
@Suite("Every grant, through the real binary")
struct GrantTests {
    private static let secret = "canary-grant-secret-5d1c"

    /// A service with its admin key.
    private struct Running {
        let credence: Credence
        let key: String

        func call(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> [String: Any] {
            let answer = try await Wire.call(method, credence.url + path, key: key, body: body)
            #expect((200..<300).contains(answer.status), "\(method) \(path): \(answer.text)")
            return (try? JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]) ?? [:]
        }

        func credential(_ id: String) async throws -> [String: Any] {
            try await call(.GET, "/v1/connections/\(id)/credential")
        }

        /// Asks until the connection is what it should be.
        func connection(_ id: String, reaches status: String) async throws -> [String: Any] {
            let deadline = ContinuousClock.now + .seconds(20)
            var shown: [String: Any] = [:]
            repeat {
                shown = try await call(.GET, "/v1/connections/\(id)")
            } while shown["status"] as? String != status && ContinuousClock.now < deadline
            #expect(shown["status"] as? String == status, "\(shown)")
            return shown
        }

        /// Goes through a consent as a browser does.
        func consent(
            _ id: String, at server: FakeAuthorizationServer, in browser: Browser = Browser()
        ) async throws -> Browser.Page {
            let link = try #require(try await call(.POST, "/v1/connections/\(id)/consent")["url"] as? String)
            let token = try #require(try await browser.get(link).hidden("form_token"))
            let start = try await browser.post(link, form: "form_token=\(token)")
            let visited = await server.visit(try #require(start.location, "\(start.text)"))
            return try await browser.get(try #require(visited))
        }
    }

    private func start() async throws -> Running {
        let credence = try Credence()
        let output = try await credence.run("init").output
        let key = try #require(output.split(separator: "\n").first { $0.hasPrefix("crd_m_") })
        try await credence.serve()
        return Running(credence: credence, key: String(key))
    }

    private func addClient(_ running: Running, _ id: String, at server: FakeAuthorizationServer, _ more: String = "")
        async throws
    {
        _ = try await running.call(
            .POST, "/v1/clients",
            #"{"id":"\#(id)","provider":"oauth2","client_id":"\#(id)","fields":{"issuer":"\#(server.issuer)"}\#(more)}"#
        )
    }

    private static func pem(_ key: P256.Signing.PrivateKey) -> String {
        key.pemRepresentation.split(separator: "\n").joined(separator: "\\n")
    }

    @Test("RFC 6749 §4.4, RFC 8693, RFC 8628: client credentials, token exchange and a device, each active and used")
    func withoutBrowser() async throws {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.accessTokenLifetime = 5
        try await FakeAuthorizationServer.withServer(behaviour: behaviour) { server in
            let running = try await start()
            server.register(client: "jobs", secret: Self.secret, redirectURIs: [])
            try await addClient(running, "jobs", at: server, #","secret":"\#(Self.secret)""#)

            let made = try await running.call(
                .POST, "/v1/connections",
                #"{"id":"nightly","client":"jobs","grant":"client_credentials","scopes":["read"]}"#)
            #expect((made["connection"] as? [String: Any])?["status"] as? String == "active")
            #expect(made["consent"] == nil)
            let first = try #require(try await running.credential("nightly")["access_token"] as? String)
            #expect(server.isLive(accessToken: first))
            var second = first
            let deadline = ContinuousClock.now + .seconds(15)
            while second == first, ContinuousClock.now < deadline {
                second = try #require(try await running.credential("nightly")["access_token"] as? String)
            }
            #expect(second != first, "it is asked for anew when it runs out")

            server.change { $0.accessTokenLifetime = 3600 }
            let exchanged = try await running.call(
                .POST, "/v1/connections",
                #"{"id":"downstream","client":"jobs","grant":"token-exchange","secret":{"subject_token":"\#(second)"}}"#
            )
            let status = (exchanged["connection"] as? [String: Any])?["status"] as? String
            #expect(status == "active" || status == "reauthorization_required")

            _ = try await running.call(
                .POST, "/v1/connections", #"{"id":"tv","client":"jobs","grant":"device_code","scopes":["read"]}"#)
            let device = try await running.call(.POST, "/v1/connections/tv/device")
            #expect(server.enter(userCode: try #require(device["user_code"] as? String), as: "alice"))
            _ = try await running.connection("tv", reaches: "active")
            let token = try #require(try await running.credential("tv")["access_token"] as? String)
            #expect(server.isLive(accessToken: token))

            _ = try await running.call(.POST, "/v1/connections/tv/device")
            let denied = try await running.call(.POST, "/v1/connections/tv/device")
            #expect(server.enter(userCode: try #require(denied["user_code"] as? String), as: nil))
            let end = ContinuousClock.now + .seconds(20)
            var said: String?
            while said != "access_denied", ContinuousClock.now < end {
                let shown = try await running.call(.GET, "/v1/connections/tv")
                said = (shown["device"] as? [String: Any])?["status"] as? String
            }
            #expect(said == "access_denied")
            #expect(try await running.call(.GET, "/v1/connections/tv")["status"] as? String == "active")
            let introspected = try await running.call(.POST, "/v1/connections/tv/introspect")
            #expect(introspected["active"] as? Bool == true)
            #expect(introspected["sub"] as? String == "alice")
            #expect(try await running.credence.stop() == 0)
        }
    }

    @Test("RFC 8693: a live subject token is exchanged for one of the same user's")
    func exchange() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let running = try await start()
            server.register(client: "jobs", secret: Self.secret, redirectURIs: [])
            try await addClient(running, "jobs", at: server, #","secret":"\#(Self.secret)""#)
            _ = try await running.call(
                .POST, "/v1/connections", #"{"id":"source","client":"jobs","grant":"client_credentials"}"#)
            let subject = try #require(try await running.credential("source")["access_token"] as? String)
            _ = try await running.call(
                .POST, "/v1/connections",
                #"{"id":"target","client":"jobs","grant":"token-exchange","secret":{"subject_token":"\#(subject)"}}"#)
            let token = try #require(try await running.credential("target")["access_token"] as? String)
            #expect(token != subject)
            #expect(server.isLive(accessToken: token))
            #expect(try await running.credence.stop() == 0)
        }
    }

    @Test("RFC 7523: a client's key authenticates it, and speaks for a subject; the wrong key does neither")
    func assertions() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let running = try await start()
            let key = P256.Signing.PrivateKey()
            var client = FakeAuthorizationServer.Client(id: "robot", secrets: [], redirectURIs: [])
            client.publicKey = Array(key.publicKey.rawRepresentation)
            server.register(client)
            try await addClient(
                running, "robot", at: server,
                #","auth":"private_key_jwt","key":{"pem":"\#(Self.pem(key))","kid":"k1"}"#)
            _ = try await running.call(
                .POST, "/v1/connections", #"{"id":"own","client":"robot","grant":"client_credentials"}"#)
            let own = try #require(try await running.credential("own")["access_token"] as? String)
            #expect(server.isLive(accessToken: own))
            _ = try await running.call(
                .POST, "/v1/connections",
                #"{"id":"theirs","client":"robot","grant":"jwt-bearer","fields":{"subject":"alice"}}"#)
            let theirs = try #require(try await running.credential("theirs")["access_token"] as? String)
            #expect(server.isLive(accessToken: theirs))

            client.publicKey = Array(P256.Signing.PrivateKey().publicKey.rawRepresentation)
            server.register(client)
            let refused = try await running.call(
                .POST, "/v1/connections", #"{"id":"late","client":"robot","grant":"client_credentials"}"#)
            let shown = try #require(refused["connection"] as? [String: Any])
            #expect(shown["status"] as? String == "unavailable")
            #expect(shown["reason"] as? String == "invalid_client")
            #expect(try await running.credence.stop() == 0)
        }
    }

    @Test("OpenID Connect, RFC 9126, RFC 9449, F19: a pushed, proved consent names its account, and guards it")
    func pushedAndProved() async throws {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.requiresPushedRequests = true
        behaviour.requiresProofs = true
        behaviour.proofNonce = "n-1"
        let users = ["alice": "a", "bob": "b"]
        try await FakeAuthorizationServer.withServer(behaviour: behaviour, users: users) { server in
            let running = try await start()
            server.register(
                client: "web", secret: Self.secret, redirectURIs: ["\(running.credence.url)/callback/web"])
            try await addClient(
                running, "web", at: server, #","secret":"\#(Self.secret)","dpop":true,"scopes":["openid"]"#)
            _ = try await running.call(.POST, "/v1/connections", #"{"id":"mail","client":"web"}"#)
            server.decide(.approve(user: "alice"))
            let done = try await running.consent("mail", at: server)
            #expect(done.status == 200 && done.text.contains("Connected"), "\(done.text)")
            #expect(try await running.call(.GET, "/v1/connections/mail")["account"] as? String == "alice@example.com")

            let credential = try await running.credential("mail")
            #expect(credential["token_type"] as? String == "DPoP")
            let proof = try await running.call(
                .POST, "/v1/connections/mail/credential/proof",
                #"{"method":"GET","url":"https://api.example.com/me","nonce":"r"}"#)
            #expect((proof["proof"] as? String)?.split(separator: ".").count == 3)
            let refreshed = try await running.call(.POST, "/v1/connections/mail/credential/refresh")
            #expect(refreshed["access_token"] as? String != credential["access_token"] as? String)

            server.decide(.approve(user: "bob"))
            let answers = [
                (Browser?.none, "replace", "alice@example.com"), (Browser(), "keep", "alice@example.com"),
                (Browser(), "replace", "bob@example.com"),
            ]
            for (browser, decision, account) in answers {
                let asked = try await running.consent("mail", at: server, in: browser ?? Browser())
                #expect(asked.text.contains("another account"), "\(asked.text)")
                let shown = try await running.call(.GET, "/v1/connections/mail")
                #expect(
                    shown["account"] as? String == "alice@example.com", "nothing has changed before the owner says so")
                let form = try #require(asked.text.firstMatch(of: /action="(\/confirm\/[^"]+)"/)).1
                let answer = try await (browser ?? Browser()).post(
                    running.credence.url + form, form: "decision=\(decision)")
                #expect(answer.text.contains("another browser") == (browser == nil), "\(answer.text)")
                let after = try await running.call(.GET, "/v1/connections/mail")
                #expect(after["account"] as? String == account)
            }
            #expect(try await running.credence.stop() == 0)
            #expect(try !running.credence.logText().contains(Self.secret))
        }
    }
}
