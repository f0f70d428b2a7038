import Broker
import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("FakeAuthorizationServer as a file store")
struct ProviderModesFileStoreTests {
    private static let offline = [("token_access_type", "offline")]

    private func tokens(_ app: App, _ type: String? = "offline") async throws -> Wire.Answer {
        try await app.tokens(scope: "files.read", authorization: type.map { [("token_access_type", $0)] } ?? [])
    }

    @Test(
        "D1: a refresh token for offline, four hours without for online and for nothing, neither for legacy",
        arguments: [("offline", true, true), ("online", false, true), (nil, false, true), ("legacy", false, false)]
            as [(String?, Bool, Bool)])
    func accessTypes(_ type: String?, _ isRefreshable: Bool, _ expires: Bool) async throws {
        let clock = ManualClock()
        try await App.withServer(.fileStore(), clock: clock) { app in
            let answer = try await tokens(app, type)
            let token = answer.json("access_token") ?? ""
            #expect(token.hasPrefix("sl.") && token.utf8.count > 1024)
            #expect((answer.json("refresh_token") != nil) == isRefreshable)
            #expect(answer.body.contains(#""expires_in":14400"#) == expires)
            clock.advance(by: .seconds(14_400))
            #expect(app.server.isLive(accessToken: token) == !expires)
        }
    }

    @Test("D2: a refresh answers with a token and its lifetime, and says no more of the account")
    func refreshAnswer() async throws {
        try await App.withServer(.fileStore()) { app in
            let first = try await tokens(app)
            #expect(first.json("account_id") == "dbid:alice" && first.json("uid") != nil)
            #expect(first.json("scope") == "files.read")
            let second = try await app.refresh(first.json("refresh_token"))
            #expect(second.json("access_token") != nil && second.body.contains(#""expires_in":14400"#))
            for name in ["refresh_token", "account_id", "uid", "scope"] {
                #expect(!second.body.contains("\"\(name)\""))
            }
        }
    }

    @Test("D3: twenty refreshes at a time all succeed with the one token")
    func parallel() async throws {
        try await App.withServer(.fileStore()) { app in
            let token = try await tokens(app).json("refresh_token")
            let gate = Gate()
            app.server.script(.hold(gate), on: .refresh, times: 20)
            let statuses = try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<20 { group.addTask { try await app.refresh(token).status } }
                try await gate.arrivals(reach: 20)
                gate.open()
                return try await group.reduce(into: [Int?]()) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 20))
            #expect(app.server.counters.maximumParallelRefreshes == 20)
            #expect(app.server.counters.rotations == 0)
            #expect(app.server.liveRefreshToken(user: "alice") == token)
        }
    }

    @Test("D4: Basic and body credentials together are invalid_request; each alone is taken")
    func both() async throws {
        try await App.withServer(.fileStore()) { app in
            let token = try await tokens(app).json("refresh_token") ?? ""
            let refused = try await app.refresh(token, headerFields: ["Authorization": App.basic])
            #expect(refused.status == 400)
            #expect(refused.json("error") == "invalid_request")
            let form = [("grant_type", "refresh_token"), ("refresh_token", token)]
            #expect(try await app.bare(form, headerFields: ["Authorization": App.basic]).status == 200)
            #expect(try await app.token(form).status == 200)
        }
    }

    @Test(
        "D4: what a verifier proved is refreshed without the secret, or with it; without a challenge the secret is due")
    func pkce() async throws {
        try await App.withServer(.fileStore()) { app in
            let proven = try await app.exchange(code: app.authorize { $0.set("token_access_type", "offline") }["code"]!)
            { $0.remove("client_secret") }
            #expect(proven.status == 200)
            func bare(_ token: String?) async throws -> Wire.Answer {
                try await app.bare([
                    ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("client_id", "app"),
                ])
            }
            #expect(try await bare(proven.json("refresh_token")).status == 200)
            #expect(try await app.refresh(proven.json("refresh_token")).status == 200)
            let code = try await app.authorize { query in
                query.set("token_access_type", "offline")
                query.remove("code_challenge")
                query.remove("code_challenge_method")
            }["code"]
            let secret = try await app.exchange(code: code ?? "") { $0.remove("code_verifier") }
            #expect(secret.status == 200)
            let refused = try await bare(secret.json("refresh_token"))
            #expect(refused.status == 400)
            #expect(refused.json("error") == "invalid_client")
        }
    }

    @Test("D5: a wrong secret is 400 invalid_client; revoked and malformed refresh tokens differ in words")
    func errors() async throws {
        try await App.withServer(.fileStore()) { app in
            let token = try await tokens(app).json("refresh_token")
            let wrong = try await app.bare([
                ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("client_id", "app"),
                ("client_secret", "wrong"),
            ])
            #expect(wrong.status == 400)
            #expect(wrong.json("error") == "invalid_client")
            app.server.revoke(user: "alice")
            let revoked = try await app.refresh(token)
            #expect(revoked.status == 400)
            #expect(revoked.json("error") == "invalid_grant")
            #expect(revoked.json("error_description") == "refresh token is invalid or revoked")
            let malformed = try await app.refresh("nonsense")
            #expect(malformed.json("error") == "invalid_grant")
            #expect(malformed.json("error_description") == "refresh token is malformed")
        }
    }

    @Test("D6: expired and revoked tokens have tags of their own")
    func tags() async throws {
        let clock = ManualClock()
        try await App.withServer(.fileStore(), clock: clock) { app in
            let token = try await tokens(app).json("access_token")
            clock.advance(by: .seconds(14_400))
            let expired = try await app.me(token)
            #expect(expired.status == 401)
            #expect(expired.body.contains(#"{".tag":"expired_access_token"}"#))
            let unknown = try await app.me("unknown")
            #expect(unknown.status == 401)
            #expect(unknown.json("error_summary") == "invalid_access_token/..")
            let missing = try await Wire.get(app.server.url(\.resource))
            #expect(missing.status == 400)
            #expect(missing["content-type"] == "text/plain")
        }
    }

    @Test("D6: the other words of the API are there to script")
    func scripted() async throws {
        try await App.withServer(.fileStore()) { app in
            let token = try await tokens(app).json("access_token")
            app.server.script(
                .answer(.tagged("missing_scope", members: #","required_scope":"files.write""#)), on: .resource)
            app.server.script(.answer(.tagged("user_suspended")), on: .resource)
            app.server.script(.answer(.tagged("path", status: 409)), on: .resource)
            app.server.script(.answer(.taggedTooManyRequests(retryAfter: 3)), on: .resource)
            #expect(try await app.me(token).json("required_scope") == "files.write")
            #expect(try await app.me(token).json(".tag") == "user_suspended")
            #expect(try await app.me(token).status == 409)
            let slowed = try await app.me(token)
            #expect(slowed.status == 429 && slowed["retry-after"] == "3")
            #expect(slowed.body.contains(#""retry_after":3"#))
        }
    }

    @Test("D7: revocation ends the access token, its siblings and the refresh token; the second call is 401")
    func revocation() async throws {
        try await App.withServer(.fileStore()) { app in
            let first = try await tokens(app)
            let sibling = try await app.refresh(first.json("refresh_token")).json("access_token") ?? ""
            let header = "Bearer \(first.json("access_token") ?? "")"
            let ended = try await app.call("POST", "/2/auth/token/revoke", authorization: header)
            #expect(ended.status == 200)
            #expect(ended.body == "null")
            #expect(!app.server.isLive(accessToken: sibling))
            #expect(try await app.refresh(first.json("refresh_token")).json("error") == "invalid_grant")
            #expect(try await app.call("POST", "/2/auth/token/revoke", authorization: header).status == 401)
        }
    }

    @Test("D8: a team's tokens name the team, and its calls must name a user")
    func team() async throws {
        let header = try #require(HTTPField.Name("X-Select-User"))
        try await App.withServer(.fileStore(teamHeader: header)) { app in
            let answer = try await tokens(app)
            #expect(answer.json("team_id") == "dbtid:alice" && answer.json("account_id") == nil)
            let token = answer.json("access_token")
            #expect(try await app.me(token).status == 400)
            let selected = try await Wire.get(
                app.server.url(\.resource),
                headerFields: ["Authorization": "Bearer \(token ?? "")", "X-Select-User": "dbmid:1"])
            #expect(selected.status == 200)
        }
    }

    @Test(
        "D9: the account takes no body or null, and no other JSON", arguments: [("", 200), ("null", 200), ("{}", 400)])
    func account(_ body: String, _ status: Int) async throws {
        try await App.withServer(.fileStore()) { app in
            let header = "Bearer \(try await tokens(app).json("access_token") ?? "")"
            let answer = try await app.call(
                "POST", "/2/users/get_current_account", authorization: header, json: body)
            #expect(answer.status == status)
            #expect((answer["content-type"] == "text/plain") == (status == 400))
            #expect((answer.json("account_id") == "dbid:alice") == (status == 200))
        }
    }

    @Test("D10: without redirect_uri a page shows the code, which is exchanged without one")
    func shownCode() async throws {
        try await App.withServer(.fileStore()) { app in
            var query = app.authorization
            query.remove("redirect_uri")
            let page = try await Wire.get(app.server.url(\.authorization) + "?" + query.formURLEncoded)
            #expect(page.status == 200)
            #expect(page["location"] == nil)
            let start = try #require(page.body.firstRange(of: "<code>")?.upperBound)
            let code = String(page.body[start...].prefix { $0 != "<" })
            #expect(try await app.exchange(code: code) { $0.remove("redirect_uri") }.status == 200)
        }
    }
}
