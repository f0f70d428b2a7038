import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer: token requests and answers")
struct TokenEndpointTests {
    @Test("G2: two ways of client authentication at once are invalid_request")
    func bothMethods() async throws {
        try await App.withServer { app in
            let answer = try await app.refresh("any", headerFields: ["Authorization": "Basic YXBwOmFwcC1zZWNyZXQ="])
            #expect(answer.status == 400)
            #expect(answer.json("error") == "invalid_request")
        }
    }

    // "we ird:id" and "se%cr+et:/é", form-urlencoded and then base64; the second is the same pair raw.
    @Test(
        "G2: HTTP Basic carries ID and secret form-urlencoded, or raw where the server is so",
        arguments: [
            ("d2UlMjBpcmQlM0FpZDpzZSUyNWNyJTJCZXQlM0ElMkYlQzMlQTk=", true, "we ird:id"),
            ("d2VpcmQ6c2UlY3IrZXQ6L8Op", false, "weird"),
        ])
    func basic(_ credentials: String, _ encoded: Bool, _ id: String) async throws {
        try await App.withServer(App.behaviour { $0.basicIsFormEncoded = encoded }) { app in
            app.server.register(client: id, secret: "se%cr+et:/é", redirectURIs: [])
            let answer = try await Wire.post(
                app.server.url(\.token), [("grant_type", "refresh_token"), ("refresh_token", "any")],
                headerFields: ["Authorization": "Basic " + credentials])
            #expect(answer.json("error") == "invalid_grant")
            app.server.register(client: id, secret: "another", redirectURIs: [])
            let refused = try await Wire.post(
                app.server.url(\.token), [("grant_type", "refresh_token"), ("refresh_token", "any")],
                headerFields: ["Authorization": "Basic " + credentials])
            #expect(refused.status == 401)
            #expect(refused.json("error") == "invalid_client")
            #expect(refused["www-authenticate"]?.hasPrefix("Basic") == true)
        }
    }

    @Test("G2: a public client needs no secret, a confidential one cannot go without")
    func publicClient() async throws {
        try await App.withServer { app in
            let form = [("grant_type", "refresh_token"), ("refresh_token", "any"), ("client_id", "app")]
            let confidential = try await Wire.post(app.server.url(\.token), form)
            #expect(confidential.json("error") == "invalid_client")
            app.server.register(client: "app", secret: nil, redirectURIs: [])
            #expect(try await Wire.post(app.server.url(\.token), form).json("error") == "invalid_grant")
        }
    }

    @Test("duplicate parameters are invalid_request, and so are other content types")
    func malformed() async throws {
        try await App.withServer { app in
            let twice = [("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b")]
            #expect(try await Wire.post(app.server.url(\.token), twice).json("error") == "invalid_request")
            let json = try await Wire.send(
                "POST", app.server.url(\.token), headerFields: ["Content-Type": "application/json"], body: "{}")
            #expect(json.json("error") == "invalid_request")
        }
    }

    @Test(
        "G6: the same tokens in every shape",
        arguments: [
            (FakeAuthorizationServer.AnswerFormat.json, "application/json", "{\"access_token\":\"at_"),
            (.jsonWithCharset, "application/json;charset=UTF-8", "{\"access_token\":\"at_"),
            (.jsonAsPlainText, "text/plain; charset=utf-8", "{\"access_token\":\"at_"),
            (.jsonWithByteOrderMark, "application/json", "\u{FEFF}{\"access_token\":\"at_"),
            (.form, "application/x-www-form-urlencoded", "access_token=at_"),
            (.formAsPlainText, "text/plain;charset=UTF-8", "access_token=at_"),
            (.html, "text/html; charset=utf-8", "<!DOCTYPE html>"),
            (.garbage, "application/json", "\u{0}"),
        ])
    func shapes(_ format: FakeAuthorizationServer.AnswerFormat, _ type: String, _ start: String) async throws {
        try await App.withServer(App.behaviour { $0.answerFormat = format }) { app in
            let answer = try await app.tokens()
            #expect(answer.status == 200)
            #expect(answer["content-type"] == type)
            #expect(answer.body.unicodeScalars.starts(with: start.unicodeScalars))
            #expect(app.server.counters.accessTokens == 1)
        }
    }

    @Test("G6: a body as large as asked for")
    func padded() async throws {
        try await App.withServer(App.behaviour { $0.answerFormat = .padded(bytes: 3_000_000) }) { app in
            let answer = try await app.tokens()
            #expect(answer.body.utf8.count > 3_000_000)
        }
    }

    @Test(
        "G7: the lifetime in every form it is sent in",
        arguments: [
            (FakeAuthorizationServer.ExpiryFormat.seconds, "\"expires_in\":93600,"), (.float, ":93600.5,"),
            (.string, ":\"93600\","), (.milliseconds, ":93600000,"), (.epochSeconds, ":1800093600,"),
            (.epochMilliseconds, ":1800093600000,"), (.iso8601, ":\"2027-01-16T10:00:00Z\","),
            (.clock, ":\"1:02:00\","), (.literal("null"), "\"expires_in\":null,"),
        ])
    func lifetimes(_ expiry: FakeAuthorizationServer.ExpiryFormat, _ expected: String) async throws {
        let behaviour = App.behaviour {
            $0.accessTokenLifetime = 93_600
            $0.expiry = expiry
        }
        try await App.withServer(behaviour) { app in
            let answer = try await app.tokens()
            #expect(answer.body.contains(expected))
        }
    }

    @Test("members of the answer are replaced, added and left out")
    func members() async throws {
        let changes: [String: String?] = ["token_type": nil, "scope": "null", "instance_url": "\"https://x\""]
        try await App.withServer(App.behaviour { $0.answerMembers = changes }) { app in
            let body = try await app.tokens().body
            #expect(!body.contains("token_type"))
            #expect(body.hasSuffix(#""scope":null,"instance_url":"https://x"}"#))
        }
    }

    @Test("H1, H3, H6: a code host answers forms, takes body credentials only, and its tokens do not expire")
    func codeHost() async throws {
        try await App.withServer(.codeHost) { app in
            let form = try await app.tokens()
            #expect(form["content-type"]?.hasPrefix("application/x-www-form-urlencoded") == true)
            #expect(form.body.hasSuffix("&token_type=bearer&scope=read%2Cwrite"))
            let basic = try await Wire.post(
                app.server.url(\.token), [("grant_type", "refresh_token"), ("refresh_token", "x")],
                headerFields: ["Authorization": "Basic YXBwOmFwcC1zZWNyZXQ=", "Accept": "application/json"])
            #expect(basic.status == 200)
            #expect(basic.json("error") == "incorrect_client_credentials")
        }
    }

    @Test("H2, H7: a used refresh token is an error at status 200, and the old access token is dead at once")
    func codeHostRefresh() async throws {
        try await App.withServer(.codeHost(expiring: .always)) { app in
            let accept = ["Accept": "application/json"]
            _ = try await app.tokens()
            let first = app.server.liveRefreshToken(user: "alice")
            let second = try await app.refresh(first, headerFields: accept)
            #expect(second.body.contains("\"expires_in\":28800"))
            #expect(second.body.contains("\"refresh_token_expires_in\":15897600"))
            let third = try await app.refresh(second.json("refresh_token"), headerFields: accept)
            #expect(try await app.me(second.json("access_token")).status == 401)
            #expect(try await app.me(third.json("access_token")).status == 200)
            let again = try await app.refresh(first, headerFields: accept)
            #expect(again.status == 200)
            #expect(again.json("error") == "bad_refresh_token")
        }
    }

    @Test("H6: expiry for whoever asks for offline_access, which the answer does not report")
    func codeHostOffline() async throws {
        try await App.withServer(.codeHost(expiring: .withScope("offline_access"))) { app in
            #expect(try await !app.tokens().body.contains("expires_in"))
            let code = try await app.authorize { $0.set("scope", "read offline_access") }["code"] ?? ""
            let body = try await app.exchange(code: code).body
            #expect(body.contains("expires_in=28800"))
            #expect(body.hasSuffix("&scope=read"))
        }
    }
}
