import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer: authorization endpoint and pages")
struct AuthorizationTests {
    @Test("G5: state comes back to the letter, with the issuer")
    func approve() async throws {
        try await App.withServer { app in
            let response = try await app.authorize()
            #expect(response["state"] == "st+a%te=ü")
            #expect(response["iss"] == app.server.issuer)
            #expect(response["code"] != nil)
        }
    }

    @Test("G5: state and issuer can be left out, and the issuer can be another's")
    func withoutState() async throws {
        let behaviour = App.behaviour {
            $0.echoesState = false
            $0.iss = .other("https://other.example")
        }
        try await App.withServer(behaviour) { app in
            let response = try await app.authorize()
            #expect(response["state"] == nil)
            #expect(response["iss"] == "https://other.example")
        }
    }

    @Test("G5: a refusal returns at once with its error")
    func refusals() async throws {
        try await App.withServer { app in
            app.server.decide(.deny)
            let denied = try await app.authorize()
            #expect(denied["error"] == "access_denied")
            app.server.decide(.refuse(code: "temporarily_unavailable"))
            let unavailable = try await app.authorize()
            #expect(unavailable["error"] == "temporarily_unavailable")
        }
    }

    @Test("approval by another user and of fewer scopes")
    func otherUser() async throws {
        try await App.withServer { app in
            app.server.decide(.approve(user: "bob", scope: ["read"]))
            let tokens = try await app.tokens()
            #expect(tokens.json("scope") == "read")
            #expect(try await app.me(tokens.json("access_token")).json("user") == "bob")
        }
    }

    @Test(
        "a request that is out of order returns with its error",
        arguments: [
            ("code_challenge", nil, "invalid_request"), ("code_challenge_method", "plain", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"), ("response_type", nil, "invalid_request"),
        ] as [(String, String?, String)])
    func problems(_ name: String, _ value: String?, _ error: String) async throws {
        try await App.withServer { app in
            let response = try await app.authorize { query in
                query.remove(name)
                if let value { query.append(name, value) }
            }
            #expect(response["error"] == error)
            #expect(response["code"] == nil)
        }
    }

    @Test("nobody is sent to a redirect URI that is not registered to the letter")
    func redirectURI() async throws {
        try await App.withServer { app in
            var query = app.authorization
            query.set("redirect_uri", App.callback + "/..")
            let answer = try await Wire.get(app.server.url(\.authorization) + "?" + query.formURLEncoded)
            #expect(answer.status == 400)
            #expect(answer["location"] == nil)
        }
    }

    @Test("G3: where PKCE is unknown its parameters are refused like any other")
    func unknownParameters() async throws {
        let behaviour = App.behaviour {
            $0.pkce = .unknown
            $0.refusesUnknownParameters = true
        }
        try await App.withServer(behaviour) { app in
            let refused = try await app.authorize()
            #expect(refused["error"] == "invalid_request")
            let response = try await app.authorize { query in
                query.remove("code_challenge")
                query.remove("code_challenge_method")
            }
            let code = response["code"] ?? ""
            #expect(try await app.exchange(code: code).json("error") == "invalid_request")
            #expect(try await app.exchange(code: code) { $0.remove("code_verifier") }.status == 200)
        }
    }

    @Test("a person signs in, sees who asks for what, and allows it")
    func pages() async throws {
        try await App.withServer { app in
            app.server.decide(.ask)
            let url = app.server.url(\.authorization) + "?" + app.authorization.formURLEncoded
            #expect(try await Wire.get(url).body.contains(#"<form method="post">"#))
            #expect(try await Wire.post(url, [("user", "alice"), ("password", "wrong")]).status == 403)
            let consent = try await Wire.post(url, [("user", "alice"), ("password", "alice-password")])
            #expect(consent.body.contains("<code>read</code>"))
            let start = try #require(consent.body.firstRange(of: #"name="ticket" value=""#)?.upperBound)
            let ticket = String(consent.body[start...].prefix { $0 != "\"" })
            let done = try await Wire.post(url, [("ticket", ticket), ("decision", "approve")])
            #expect(done.status == 303)
            #expect(done["location"]?.hasPrefix(App.callback + "?code=") == true)
            // A ticket is good for one decision.
            #expect(try await Wire.post(url, [("ticket", ticket), ("decision", "approve")]).status == 403)
        }
    }

    @Test("pages escape what was sent")
    func escaping() async throws {
        try await App.withServer { app in
            app.server.decide(.ask)
            var query = app.authorization
            query.set("scope", "<script>alert(1)</script>")
            let url = app.server.url(\.authorization) + "?" + query.formURLEncoded
            let consent = try await Wire.post(url, [("user", "alice"), ("password", "alice-password")])
            #expect(consent.body.contains("&lt;script&gt;"))
            #expect(!consent.body.contains("<script"))
        }
    }

    @Test("visit follows an authorization URL without a browser")
    func visit() async throws {
        try await App.withServer { app in
            let url = app.server.url(\.authorization) + "?" + app.authorization.formURLEncoded
            #expect(await app.server.visit(url)?.hasPrefix(App.callback + "?code=") == true)
        }
    }
}
