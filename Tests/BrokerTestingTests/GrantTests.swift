import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer: codes and refresh tokens")
struct GrantTests {
    @Test("a code buys an access token that opens the resource")
    func happyPath() async throws {
        try await App.withServer { app in
            let tokens = try await app.tokens()
            #expect(tokens.status == 200)
            #expect(tokens["cache-control"] == "no-store")
            let me = try await app.me(tokens.json("access_token"))
            #expect(me.body == #"{"user":"alice","client":"app","scope":"read write"}"#)
        }
    }

    @Test("G4: a code used twice is refused and ends the tokens it was exchanged for")
    func codeReuse() async throws {
        try await App.withServer { app in
            let code = try await app.code()
            let tokens = try await app.exchange(code: code)
            let again = try await app.exchange(code: code)
            #expect(again.status == 400)
            #expect(again.json("error") == "invalid_grant")
            #expect(try await app.me(tokens.json("access_token")).status == 401)
            #expect(app.server.liveRefreshToken(user: "alice") == nil)
        }
    }

    @Test("G4: a code lives for 60 seconds")
    func codeLifetime() async throws {
        let clock = ManualClock()
        try await App.withServer(clock: clock) { app in
            let code = try await app.code()
            clock.advance(by: .seconds(60))
            #expect(try await app.exchange(code: code).json("error") == "invalid_grant")
        }
    }

    @Test("G4: another redirect_uri in the token request is refused")
    func redirectURI() async throws {
        try await App.withServer { app in
            let answer = try await app.exchange(code: app.code()) { $0.set("redirect_uri", App.callback + "/") }
            #expect(answer.json("error") == "invalid_grant")
        }
    }

    @Test("G3: a wrong or missing code_verifier is invalid_grant", arguments: ["wrong", nil])
    func verifier(_ verifier: String?) async throws {
        try await App.withServer { app in
            let answer = try await app.exchange(code: app.code()) { form in
                form.remove("code_verifier")
                if let verifier { form.append("code_verifier", verifier) }
            }
            #expect(answer.status == 400)
            #expect(answer.json("error") == "invalid_grant")
        }
    }

    @Test("G8: rotation with reuse detection: the old refresh token ends the family")
    func reuseDetection() async throws {
        try await App.withServer { app in
            let first = try await app.tokens().json("refresh_token")
            let second = try await app.refresh(first).json("refresh_token")
            #expect(second != nil && second != first)
            #expect(app.server.liveRefreshToken(user: "alice") == second)
            #expect(try await app.refresh(first).json("error") == "invalid_grant")
            #expect(try await app.refresh(second).json("error") == "invalid_grant")
            #expect(app.server.counters.replays == 1)
            #expect(app.server.counters.grantsEndedByReuse == 1)
        }
    }

    @Test("G8: within the grace an old refresh token works, after it no more")
    func grace() async throws {
        let clock = ManualClock()
        try await App.withServer(App.behaviour { $0.rotationGrace = 10 }, clock: clock) { app in
            let first = try await app.tokens().json("refresh_token")
            _ = try await app.refresh(first)
            clock.advance(by: .seconds(9))
            #expect(try await app.refresh(first).status == 200)
            clock.advance(by: .seconds(1))
            #expect(try await app.refresh(first).status == 400)
        }
    }

    @Test(
        "G8: what each rotation gives and what it leaves of the old token",
        arguments: [
            (FakeAuthorizationServer.Rotation.none, "absent", 200), (.same, "same", 200),
            (.rotateKeepingOld, "new", 200), (.rotate, "new", 400), (.rotateWithReuseDetection, "new", 400),
        ])
    func rotations(_ rotation: FakeAuthorizationServer.Rotation, _ given: String, _ again: Int) async throws {
        try await App.withServer(App.behaviour { $0.rotation = rotation }) { app in
            let first = try await app.tokens().json("refresh_token")
            let next = try await app.refresh(first).json("refresh_token")
            #expect((next == nil ? "absent" : next == first ? "same" : "new") == given)
            #expect(try await app.refresh(first).status == again)
        }
    }

    @Test("G8: plain rotation refuses the old token and spares the new one")
    func plainRotation() async throws {
        try await App.withServer(App.behaviour { $0.rotation = .rotate }) { app in
            let first = try await app.tokens().json("refresh_token")
            let second = try await app.refresh(first).json("refresh_token")
            _ = try await app.refresh(first)
            #expect(try await app.refresh(second).status == 200)
        }
    }

    @Test("access and refresh tokens expire by the clock they were given")
    func expiry() async throws {
        let clock = ManualClock()
        let behaviour = App.behaviour {
            $0.accessTokenLifetime = 20
            $0.refreshTokenLifetime = 100
        }
        try await App.withServer(behaviour, clock: clock) { app in
            let tokens = try await app.tokens()
            clock.advance(by: .seconds(19))
            #expect(try await app.me(tokens.json("access_token")).status == 200)
            clock.advance(by: .seconds(1))
            let late = try await app.me(tokens.json("access_token"))
            #expect(late.status == 401)
            #expect(late["www-authenticate"]?.contains(#"error="invalid_token""#) == true)
            clock.advance(by: .seconds(80))
            #expect(try await app.refresh(tokens.json("refresh_token")).status == 400)
        }
    }

    @Test("a user who revokes at the server ends refresh and access tokens")
    func revokedByUser() async throws {
        try await App.withServer { app in
            let tokens = try await app.tokens()
            app.server.revoke(user: "alice")
            #expect(try await app.refresh(tokens.json("refresh_token")).json("error") == "invalid_grant")
            #expect(try await app.me(tokens.json("access_token")).status == 401)
        }
    }

    @Test("G8: scope is narrowed on refresh, and more than was granted is invalid_scope")
    func scope() async throws {
        try await App.withServer(App.behaviour { $0.scopeAfterRefresh = { Array($0.prefix(1)) } }) { app in
            let token = try await app.tokens().json("refresh_token")
            let more = try await Wire.post(
                app.server.url(\.token),
                [
                    ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("scope", "read admin"),
                    ("client_id", "app"), ("client_secret", "app-secret"),
                ])
            #expect(more.json("error") == "invalid_scope")
            #expect(try await app.refresh(token).json("scope") == "read")
        }
    }
}
