import Broker
import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer as customer records")
struct ProviderModesRecordsTests {
    private static let scope = "api refresh_token"

    @Test("S1: a refresh token is good at the host only where the user was")
    func hosts() async throws {
        try await App.withServer(.customerRecords()) { app in
            let token = try await app.tokens(scope: Self.scope).json("refresh_token") ?? ""
            let other = app.server.url(\.token).replacing("127.0.0.1", with: "localhost")
            let refused = try await Wire.post(
                other,
                [
                    ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app"),
                    ("client_secret", "app-secret"),
                ])
            #expect(refused.status == 400)
            #expect(refused.json("error") == "invalid_grant")
            #expect(try await app.refresh(token).status == 200)
        }
    }

    @Test("S2: no lifetime, a time of issue as text, an API elsewhere, and tokens with an exclamation mark")
    func answer() async throws {
        try await App.withServer(.customerRecords(instances: ["http://127.0.0.1:81"])) { app in
            let answer = try await app.tokens(scope: Self.scope)
            #expect(!answer.body.contains("expires_in"))
            #expect(answer.json("issued_at") == "1800000000000")
            #expect(answer.json("instance_url") == "http://127.0.0.1:81")
            #expect(answer.json("id")?.hasPrefix(app.server.issuer + "/id/00Dxx0000001gPFEAY/005xx") == true)
            #expect(answer.json("access_token")?.contains("!") == true)
            #expect(answer.json("refresh_token")?.hasPrefix("5Aep") == true)
            #expect(answer.json("token_type") == "Bearer" && answer.json("signature") != nil)
            #expect(answer.json("scope") == "refresh_token api")
        }
    }

    @Test("S3: the API moves with a later refresh")
    func instances() async throws {
        let behaviour = FakeAuthorizationServer.Behaviour.customerRecords(
            instances: ["http://127.0.0.1:81", "http://127.0.0.1:81", "http://127.0.0.1:82"])
        let clock = ManualClock()
        try await App.withServer(behaviour, clock: clock) { app in
            let token = try await app.tokens(scope: Self.scope).json("refresh_token")
            #expect(try await app.refresh(token).json("instance_url") == "http://127.0.0.1:81")
            clock.advance(by: .seconds(1))
            let moved = try await app.refresh(token)
            #expect(moved.json("instance_url") == "http://127.0.0.1:82")
            #expect(moved.json("issued_at") == "1800000001000")
            #expect(try await app.refresh(token).json("instance_url") == "http://127.0.0.1:82")
        }
    }

    @Test("S4: a session ends two hours after its last use, and the API says so in an array")
    func session() async throws {
        let clock = ManualClock()
        try await App.withServer(.customerRecords(), clock: clock) { app in
            let tokens = try await app.tokens(scope: Self.scope)
            for _ in 0..<2 {
                clock.advance(by: .seconds(7199))
                #expect(try await app.me(tokens.json("access_token")).status == 200)
            }
            clock.advance(by: .seconds(7200))
            let ended = try await app.me(tokens.json("access_token"))
            #expect(ended.status == 401)
            #expect(ended.body == #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
            let next = try await app.refresh(tokens.json("refresh_token")).json("access_token")
            #expect(try await app.me(next).status == 200)
        }
    }

    @Test("S5: introspection tells the end, or says inactive of all, or is not allowed")
    func introspection() async throws {
        try await App.withServer(.customerRecords()) { app in
            let token = try await app.tokens(scope: Self.scope).json("access_token") ?? ""
            func ask() async throws -> Wire.Answer {
                try await Wire.post(
                    app.server.url(\.introspection),
                    [("token", token), ("client_id", "app"), ("client_secret", "app-secret")])
            }
            #expect(try await ask().body.contains(#""exp":1800007200"#))
            app.server.change { $0.introspection = .alwaysInactive }
            #expect(try await ask().body == #"{"active":false}"#)
            app.server.change { $0.introspection = .refused(401) }
            #expect(try await ask().status == 401)
        }
    }

    @Test("S6: without rotation a refresh has no refresh token, and can give the same access token again")
    func refresh() async throws {
        try await App.withServer(.customerRecords()) { app in
            let first = try await app.tokens(scope: Self.scope)
            let second = try await app.refresh(first.json("refresh_token"))
            #expect(second.json("refresh_token") == nil)
            #expect(second.json("access_token") != first.json("access_token"))
            app.server.change { $0.repeatsAccessToken = true }
            let third = try await app.refresh(first.json("refresh_token"))
            let fourth = try await app.refresh(first.json("refresh_token"))
            #expect(third.json("access_token") != nil)
            #expect(fourth.json("access_token") == third.json("access_token"))
        }
    }

    @Test("S6: with rotation the old token used again ends the new one and the access tokens")
    func rotation() async throws {
        try await App.withServer(.customerRecords(rotating: true)) { app in
            let first = try await app.tokens(scope: Self.scope).json("refresh_token")
            let second = try await app.refresh(first)
            #expect(second.json("refresh_token") != nil && second.json("refresh_token") != first)
            #expect(try await app.refresh(first).json("error") == "invalid_grant")
            #expect(try await app.refresh(second.json("refresh_token")).status == 400)
            #expect(try await app.me(second.json("access_token")).status == 401)
        }
    }

    @Test("S6: a rotation that was committed and not answered loses the grant at the next try")
    func droppedRotation() async throws {
        try await App.withServer(.customerRecords(rotating: true)) { app in
            let first = try await app.tokens(scope: Self.scope).json("refresh_token")
            app.server.script(.dropAfterProcessing, on: .refresh)
            #expect(try await app.refresh(first).status == nil)
            #expect(try await app.refresh(first).status == 400)
            #expect(app.server.liveRefreshToken(user: "alice") == nil)
        }
    }

    @Test("S7: of two refreshes at a time the later is told of an expired authorization code")
    func race() async throws {
        try await App.withServer(.customerRecords()) { app in
            let token = try await app.tokens(scope: Self.scope).json("refresh_token")
            let gate = Gate()
            app.server.script(.hold(gate), on: .refresh)
            async let winner = app.refresh(token)
            try await gate.arrivals(reach: 1)
            let loser = try await app.refresh(token)
            #expect(loser.status == 400)
            #expect(loser.json("error") == "invalid_grant")
            #expect(loser.json("error_description") == "expired authorization code")
            gate.open()
            #expect(try await winner.status == 200)
            #expect(try await app.refresh(token).status == 200)
        }
    }

    @Test(
        "S8: a refresh token for its scope by either name, and not for full",
        arguments: [("api refresh_token", true), ("api offline_access", true), ("api", false), ("full", false)])
    func scopes(_ scope: String, _ isRefreshable: Bool) async throws {
        try await App.withServer(.customerRecords()) { app in
            let answer = try await app.tokens(scope: scope)
            #expect((answer.json("refresh_token") != nil) == isRefreshable)
        }
    }

    @Test("S9: the sixth approval of a user ends the first, whatever its scope")
    func limit() async throws {
        try await App.withServer(.customerRecords()) { app in
            var tokens: [String?] = []
            for scope in ["api", "id", "web", "api id", "api web"] {
                tokens.append(try await app.tokens(scope: scope + " refresh_token").json("refresh_token"))
            }
            #expect(try await app.refresh(tokens[0]).status == 200)
            tokens.append(try await app.tokens(scope: Self.scope).json("refresh_token"))
            let ended = try await app.refresh(tokens[0])
            #expect(ended.json("error_description") == "expired access/refresh token")
            for token in tokens.dropFirst() { #expect(try await app.refresh(token).status == 200) }
        }
    }

    @Test("S14: revocation is 200 and empty, and of a dead token 400")
    func revocation() async throws {
        try await App.withServer(.customerRecords()) { app in
            let tokens = try await app.tokens(scope: Self.scope)
            func revoke(_ token: String?) async throws -> Wire.Answer {
                try await Wire.post(
                    app.server.url(\.revocation),
                    [("token", token ?? ""), ("client_id", "app"), ("client_secret", "app-secret")])
            }
            #expect(try await revoke(tokens.json("access_token")).status == 200)
            #expect(try await app.refresh(tokens.json("refresh_token")).status == 200)
            let ended = try await revoke(tokens.json("refresh_token"))
            #expect(ended.status == 200 && ended.body.isEmpty)
            let again = try await revoke(tokens.json("refresh_token"))
            #expect(again.status == 400)
            #expect(again.json("error") == "invalid_token")
            app.server.change { $0.revocableTokens = [] }
            let live = try await app.tokens(scope: Self.scope).json("access_token")
            #expect(try await revoke(live).json("error") == "unsupported_token_type")
        }
    }

    @Test("S15: format=urlencoded makes the answer a form")
    func format() async throws {
        try await App.withServer(.customerRecords()) { app in
            let answer = try await app.tokens(scope: Self.scope, exchange: [("format", "urlencoded")])
            #expect(answer["content-type"] == "application/x-www-form-urlencoded")
            let form = try Parameters(formURLEncoded: answer.body)
            #expect(form["instance_url"] == app.server.issuer && form["access_token"]?.contains("!") == true)
        }
    }

    @Test("S16: secret and PKCE are required or optional")
    func requirements() async throws {
        try await App.withServer(.customerRecords()) { app in
            func bare() async throws -> Wire.Answer {
                try await app.exchange(code: app.code()) { $0.remove("client_secret") }
            }
            let refused = try await bare()
            #expect(refused.status == 400 && refused.json("error") == "invalid_client")
            app.server.change { $0.secretless = [.code, .refresh, .assertion] }
            #expect(try await bare().status == 200)
            let without = { (query: inout Parameters) in
                query.remove("code_challenge")
                query.remove("code_challenge_method")
            }
            #expect(try await app.authorize(without)["code"] != nil)
            app.server.change { $0.pkce = .required }
            #expect(try await app.authorize(without)["error"] == "invalid_request")
            // The method need not be named.
            let code = try await app.authorize { $0.remove("code_challenge_method") }["code"]
            #expect(try await app.exchange(code: code ?? "").status == 200)
        }
    }

    @Test("S17: a maintenance page at 503, and then the server is itself again")
    func maintenance() async throws {
        try await App.withServer(.customerRecords()) { app in
            let token = try await app.tokens(scope: Self.scope).json("refresh_token")
            app.server.script(.answer(.html()), on: .refresh)
            let page = try await app.refresh(token)
            #expect(page.status == 503)
            #expect(page["content-type"]?.hasPrefix("text/html") == true)
            #expect(try await app.refresh(token).status == 200)
        }
    }
}
