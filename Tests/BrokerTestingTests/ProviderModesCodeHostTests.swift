import Broker
import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer as a code host")
struct ProviderModesCodeHostTests {
    private static let accept = ["Accept": "application/json"]

    private static func json(
        _ behaviour: FakeAuthorizationServer.Behaviour = .codeHost
    ) -> FakeAuthorizationServer.Behaviour {
        var behaviour = behaviour
        behaviour.answerFormat = .json
        return behaviour
    }

    @Test("H1: a form, unless the request accepts JSON")
    func format() async throws {
        try await App.withServer(.codeHost) { app in
            let form = [
                ("code", try await app.code()), ("redirect_uri", App.callback), ("code_verifier", App.verifier),
            ]
            let plain = try await app.token(form)
            #expect(plain.body.hasPrefix("access_token=gho_"))
            let refused = try await app.token(form, headerFields: Self.accept)
            #expect(refused["content-type"] == "application/json; charset=utf-8")
            #expect(refused.json("error") == "bad_verification_code")
        }
    }

    @Test("H2: an error is status 200 and holds no token", arguments: ["code", "client_secret", "grant_type"])
    func errors(_ name: String) async throws {
        try await App.withServer(Self.json()) { app in
            let answer = try await app.exchange(code: app.code()) { $0.set(name, "wrong") }
            #expect(answer.status == 200)
            #expect(answer.json("error") != nil)
            #expect(answer.json("access_token") == nil)
        }
    }

    @Test("H2: scripted errors are status 200 too")
    func scripted() async throws {
        try await App.withServer(Self.json()) { app in
            app.server.script(.fail(.init("unverified_user_email", "verify it")), on: .codeExchange)
            let answer = try await app.tokens()
            #expect(answer.status == 200)
            #expect(answer.json("error") == "unverified_user_email")
        }
    }

    @Test("H3: HTTP Basic is not taken, though ID and secret are right")
    func basic() async throws {
        try await App.withServer(Self.json()) { app in
            let code = try await app.code()
            let form = [("code", code), ("redirect_uri", App.callback), ("code_verifier", App.verifier)]
            let refused = try await app.bare(form, headerFields: ["Authorization": App.basic])
            #expect(refused.status == 200)
            #expect(refused.json("error") == "incorrect_client_credentials")
            #expect(try await app.token(form).json("access_token") != nil)
        }
    }

    @Test("H3: a challenge does not stand for the secret, nor does a request without grant_type")
    func secret() async throws {
        try await App.withServer(Self.json()) { app in
            let code = try await app.code()
            for name in ["nothing", "grant_type"] {
                let refused = try await app.exchange(code: code) { form in
                    form.remove("client_secret")
                    form.remove(name)
                }
                #expect(refused.json("error") == "incorrect_client_credentials")
            }
            app.server.register(client: "app", secret: nil, redirectURIs: [App.callback])
            let refused = try await app.exchange(code: code) { $0.remove("client_secret") }
            #expect(refused.json("error") == "incorrect_client_credentials")
        }
    }

    @Test("H4: scopes come with commas, without those that others hold, and fewer where the user said so")
    func scope() async throws {
        try await App.withServer(Self.json()) { app in
            let all = try await app.tokens(scope: "repo gist repo:status")
            #expect(all.json("scope") == "repo,gist")
            app.server.decide(.approve(user: "alice", scope: ["gist"]))
            #expect(try await app.tokens(scope: "repo gist").json("scope") == "gist")
        }
    }

    @Test("H5: S256 only; an own code host reads the challenge over")
    func pkce() async throws {
        let plain = { (query: inout Parameters) in query.set("code_challenge_method", "plain") }
        try await App.withServer(Self.json()) { app in
            #expect(try await app.authorize(plain)["error"] == "invalid_request")
            let wrong = try await app.exchange(code: app.code()) { $0.set("code_verifier", "wrong") }
            #expect(wrong.json("error") == "bad_verification_code")
        }
        try await App.withServer(Self.json(.ownCodeHost)) { app in
            #expect(try await app.authorize(plain)["code"] != nil)
            let answer = try await app.exchange(code: app.code()) { $0.remove("code_verifier") }
            #expect(answer.json("access_token") != nil)
        }
    }

    @Test("H6: expiry by app, by offline_access, and never where that means nothing")
    func expiry() async throws {
        let scope = "repo offline_access"
        try await App.withServer(Self.json(.codeHost(expiring: .always))) { app in
            let body = try await app.tokens(scope: "repo").body
            #expect(body.contains(#""expires_in":28800"#) && body.contains(#""refresh_token_expires_in":15897600"#))
        }
        for behaviour in [FakeAuthorizationServer.Behaviour.codeHost, .ownCodeHost] {
            try await App.withServer(Self.json(behaviour)) { app in
                let answer = try await app.tokens(scope: scope)
                #expect(answer.json("scope") == "repo")
                #expect(!answer.body.contains("expires_in") && !answer.body.contains("refresh_token"))
            }
        }
        try await App.withServer(Self.json(.codeHost(expiring: .withScope("offline_access")))) { app in
            let asked = try await app.tokens(scope: scope)
            #expect(asked.json("refresh_token")?.hasPrefix("ghr_") == true)
            #expect(try await app.tokens(scope: "repo").json("refresh_token") == nil)
        }
    }

    @Test("H7: a refresh ends the old tokens at once, even one whose answer was lost")
    func refresh() async throws {
        try await App.withServer(Self.json(.codeHost(expiring: .always))) { app in
            let first = try await app.tokens()
            app.server.script(.dropAfterProcessing, on: .refresh)
            #expect(try await app.refresh(first.json("refresh_token")).status == nil)
            #expect(try await app.me(first.json("access_token")).status == 401)
            let again = try await app.refresh(first.json("refresh_token"))
            #expect(again.status == 200)
            #expect(again.json("error") == "bad_refresh_token")
        }
    }

    @Test("H8: the eleventh token for a user, a client and a scope ends the first")
    func limit() async throws {
        try await App.withServer(Self.json()) { app in
            let other = try await app.tokens(scope: "gist").json("access_token") ?? ""
            var tokens: [String] = []
            for _ in 0..<10 { tokens.append(try await app.tokens(scope: "repo").json("access_token") ?? "") }
            #expect(tokens.allSatisfy { app.server.isLive(accessToken: $0) })
            tokens.append(try await app.tokens(scope: "repo").json("access_token") ?? "")
            #expect(!app.server.isLive(accessToken: tokens[0]))
            #expect(tokens.dropFirst().allSatisfy { app.server.isLive(accessToken: $0) })
            #expect(app.server.isLive(accessToken: other))
        }
    }

    @Test("H9: a device is answered in a form, errors are status 200, and slow_down has the new interval")
    func device() async throws {
        let clock = ManualClock()
        try await App.withServer(.codeHost, clock: clock) { app in
            let begun = try await Wire.post(app.server.url(\.deviceAuthorization), [("client_id", "app")])
            let answer = try Parameters(formURLEncoded: begun.body)
            #expect(answer["expires_in"] == "900" && answer["interval"] == "5")
            #expect(answer["device_code"]?.count == 40)
            #expect(answer["user_code"]?.count == 9 && answer["user_code"]?.contains("-") == true)
            // No secret: a device has none.
            let form = [
                ("grant_type", GrantType.deviceCode.rawValue), ("client_id", "app"),
                ("device_code", answer["device_code"] ?? ""),
            ]
            let fast = try await app.bare(form, headerFields: Self.accept)
            #expect(fast.status == 200)
            #expect(fast.json("error") == "slow_down")
            #expect(fast.body.contains(#""interval":10"#))
            clock.advance(by: .seconds(10))
            #expect(try await app.bare(form, headerFields: Self.accept).json("error") == "authorization_pending")
            app.server.enter(userCode: answer["user_code"] ?? "", as: "alice")
            clock.advance(by: .seconds(10))
            #expect(try await app.bare(form, headerFields: Self.accept).json("access_token") != nil)
            #expect(try await app.bare(form, headerFields: Self.accept).json("error") == "incorrect_device_code")
        }
    }

    @Test("H9: devices can be switched off, refused by the user, and too late")
    func deviceRefusals() async throws {
        let clock = ManualClock()
        try await App.withServer(Self.json(), clock: clock) { app in
            func begin() async throws -> Wire.Answer {
                try await Wire.post(app.server.url(\.deviceAuthorization), [("client_id", "app")])
            }
            func poll(_ begun: Wire.Answer) async throws -> Wire.Answer {
                try await app.bare([
                    ("grant_type", GrantType.deviceCode.rawValue), ("client_id", "app"),
                    ("device_code", begun.json("device_code") ?? ""),
                ])
            }
            let denied = try await begin()
            app.server.enter(userCode: denied.json("user_code") ?? "", as: nil)
            #expect(try await poll(denied).json("error") == "access_denied")
            let late = try await begin()
            clock.advance(by: .seconds(900))
            #expect(try await poll(late).json("error") == "expired_token")
            app.server.change { $0.devicesAreBlocked = true }
            let blocked = try await begin()
            #expect(blocked.status == 200)
            #expect(blocked.json("error") == "device_flow_disabled")
        }
    }

    @Test("H12: the user has a number and a name, the scopes stand in a header, and a dead token is told")
    func user() async throws {
        try await App.withServer(Self.json()) { app in
            let token = try await app.tokens(scope: "repo gist").json("access_token")
            let alice = try await app.me(token)
            #expect(alice.json("login") == "alice")
            #expect(alice["x-oauth-scopes"] == "repo, gist")
            app.server.decide(.approve(user: "bob"))
            let bob = try await app.me(app.tokens().json("access_token"))
            func number(_ answer: Wire.Answer) -> Int? {
                Int(answer.body.split(separator: "\"id\":").last?.prefix { $0.isNumber } ?? "")
            }
            #expect(number(alice) != nil && number(bob) != nil && number(alice) != number(bob))
            app.server.revoke(user: "alice")
            let refused = try await app.me(token)
            #expect(refused.status == 401)
            #expect(refused.body.contains("Bad credentials"))
        }
    }

    @Test("H13: an own code host has its API below a path")
    func path() async throws {
        try await App.withServer(Self.json(.ownCodeHost)) { app in
            let token = try await app.tokens().json("access_token") ?? ""
            let answer = try await app.call("GET", "/api/v3/user", authorization: "Bearer \(token)")
            #expect(answer.json("login") == "alice")
            let check = try await app.call(
                "POST", "/api/v3/applications/app/token", authorization: App.basic,
                json: #"{"access_token":"\#(token)"}"#)
            #expect(check.status == 200)
        }
    }

    @Test(
        "H14: a redirect URI to the letter, or at the same host and below the same path",
        arguments: [
            ("https://a.example/cb", false), ("https://a.example/cb/x", true), ("https://b.a.example/cb", true),
            ("http://127.0.0.1:77/callback", true),
        ])
    func redirectURIs(_ uri: String, _ needsRule: Bool) async throws {
        let client = FakeAuthorizationServer.Client(
            id: "app", secrets: ["app-secret"], redirectURIs: ["https://a.example/cb", App.callback])
        try await App.withServer(Self.json()) { app in
            app.server.register(client)
            let exact = try await visit(app, uri)
            #expect(exact.status == (needsRule ? 400 : 302))
            app.server.change { $0.redirectRule = .below }
            #expect(try await visit(app, uri).status == 302)
        }
    }

    @Test(
        "H14: what is beside the registered URI is refused under either rule",
        arguments: [
            "https://a.example/cbx", "https://a.example/other", "https://xa.example/cb", "http://a.example/cb",
            "https://a.example:444/cb", "https://a.example/cb/../x", "https://x@a.example/cb",
        ])
    func otherRedirectURIs(_ uri: String) async throws {
        let client = FakeAuthorizationServer.Client(
            id: "app", secrets: ["app-secret"], redirectURIs: ["https://a.example/cb"])
        try await App.withServer(Self.json()) { app in
            app.server.register(client)
            app.server.change { $0.redirectRule = .below }
            let answer = try await visit(app, uri)
            #expect(answer.status == 400)
        }
    }

    private func visit(_ app: App, _ uri: String) async throws -> Wire.Answer {
        var query = app.authorization
        query.set("redirect_uri", uri)
        return try await Wire.get(app.server.url(\.authorization) + "?" + query.formURLEncoded)
    }

    @Test("H15: the API's word for too many requests, with the reset or with Retry-After")
    func rateLimits() async throws {
        try await App.withServer(Self.json()) { app in
            app.server.script(.answer(.usedUp(reset: 1_800_000_060)), on: .resource)
            app.server.script(.answer(.tooManyRequests(retryAfter: "60")), on: .resource)
            let usedUp = try await app.me("any")
            #expect(usedUp.status == 403)
            #expect(usedUp["x-ratelimit-remaining"] == "0" && usedUp["x-ratelimit-reset"] == "1800000060")
            let slowed = try await app.me("any")
            #expect(slowed.status == 429 && slowed["retry-after"] == "60")
        }
    }
}
