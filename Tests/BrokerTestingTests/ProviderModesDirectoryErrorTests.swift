import Broker
import BrokerTesting
import Foundation
import OAuth
import Testing

@Suite("FakeAuthorizationServer as a directory: clients, errors, devices, older endpoints")
struct ProviderModesDirectoryErrorTests {
    // MARK: Client assertions

    private static func register(_ server: FakeAuthorizationServer) throws {
        var client = FakeAuthorizationServer.Client(id: "app", secrets: [], redirectURIs: [App.callback])
        client.keys = [try #require(.init(certificate: App.keyPair.certificate))]
        server.register(client)
    }

    private static func assertion(
        _ app: App, header: String, isPSS: Bool, claims: [String: String] = [:]
    ) -> String {
        let all = [
            "iss": #""app""#, "sub": #""app""#, "aud": "\"\(app.server.url(\.token))\"", "jti": #""1""#,
            "exp": "1800000300",
        ].merging(claims) { $1 }
        let body = all.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return App.keyPair.token(header: header, claims: "{\(body)}", isPSS: isPSS)
    }

    private static func request(_ app: App, _ assertion: String) async throws -> Wire.Answer {
        try await app.bare([
            ("grant_type", "client_credentials"), ("scope", "https://api.example/.default"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ])
    }

    private static func header(_ algorithm: String, _ name: CertificateHeader) -> String {
        let hash =
            name == .sha256Thumbprint
            ? ProviderModesThumbprints.sha256(App.keyPair.certificate)
            : ProviderModesThumbprints.sha1(App.keyPair.certificate)
        return #"{"alg":"\#(algorithm)","typ":"JWT","\#(name.rawValue)":"\#(hash)"}"#
    }

    @Test("A8: PS256 with x5t#S256 and RS256 with x5t are taken, once each")
    func assertions() async throws {
        try await App.withServer(.directory()) { app in
            try Self.register(app.server)
            let new = Self.assertion(app, header: Self.header("PS256", .sha256Thumbprint), isPSS: true)
            #expect(try await Self.request(app, new).status == 200)
            let again = try await Self.request(app, new)
            #expect(again.status == 401)
            #expect(again.json("error") == "invalid_client")
            #expect(again.body.contains(#""error_codes":[700027]"#))
            let old = Self.assertion(
                app, header: Self.header("RS256", .sha1Thumbprint), isPSS: false, claims: ["jti": #""2""#])
            #expect(try await Self.request(app, old).status == 200)
        }
    }

    @Test(
        "A8: another audience, issuer, time or thumbprint, and a missing jti, are refused",
        arguments: [
            ["aud": #""https://other.example""#], ["iss": #""other""#], ["exp": "1799999999"], ["jti": "null"],
        ] as [[String: String]])
    func wrongClaims(_ claims: [String: String]) async throws {
        try await App.withServer(.directory()) { app in
            try Self.register(app.server)
            let header = Self.header("PS256", .sha256Thumbprint)
            let token = Self.assertion(app, header: header, isPSS: true, claims: claims)
            #expect(try await Self.request(app, token).body.contains(#""error_codes":[700027]"#))
        }
    }

    @Test("A8: the header must name the certificate as the algorithm wants it, and the signature must be of its key")
    func wrongHeaders() async throws {
        try await App.withServer(.directory()) { app in
            try Self.register(app.server)
            for header in [Self.header("PS256", .sha1Thumbprint), #"{"alg":"PS256","x5t#S256":"AAAA"}"#] {
                #expect(try await Self.request(app, Self.assertion(app, header: header, isPSS: true)).status == 401)
            }
            // RS256 in name, PSS in fact.
            let mixed = Self.assertion(app, header: Self.header("RS256", .sha1Thumbprint), isPSS: true)
            #expect(try await Self.request(app, mixed).status == 401)
        }
    }

    @Test("A8: what this project signs with a key and its certificate is taken")
    func ownAssertion() async throws {
        try await App.withServer(.directory()) { app in
            try Self.register(app.server)
            let key = try SigningKey(
                ClientKey(privateKey: App.keyPair.privateKey, certificates: [App.keyPair.certificate]))
            let token = ClientAssertion.make(
                ClientAssertion.claims(clientID: "app", audience: app.server.url(\.token)),
                signer: try AssertionSigner(key, algorithm: .ps256), certificateHeaders: [.sha256Thumbprint],
                freshness: Freshness(now: 1_800_000_000, jti: "fresh"))
            #expect(try await Self.request(app, token.reveal()).status == 200)
        }
    }

    @Test("A8: a public client that sends a secret, and a confidential one without, are told so")
    func needless() async throws {
        try await App.withServer(.directory()) { app in
            let missing = try await app.bare([("grant_type", "refresh_token"), ("client_id", "app")])
            #expect(missing.body.contains(#""error_codes":[7000218]"#))
            app.server.register(client: "app", secret: nil, redirectURIs: [App.callback])
            #expect(try await app.refresh("rt_any").body.contains(#""error_codes":[700025]"#))
        }
    }

    // MARK: Errors

    @Test(
        "A9: the description has lines, the number stands in it and beside it; a wrong secret is 401, a dead token 400")
    func errorBodies() async throws {
        try await App.withServer(.directory()) { app in
            let token = try await app.tokens(scope: "offline_access User.Read").json("refresh_token")
            app.server.revoke(user: "alice")
            let ended = try await app.refresh(token)
            #expect(ended.status == 400)
            #expect(ended.json("error") == "invalid_grant")
            #expect(
                ended.body.contains(#""error_description":"AADSTS50173: The grant has been revoked.\u000d\u000aTrace"#))
            #expect(ended.body.contains(#""error_codes":[50173]"#))
            #expect(ended.json("suberror") == "bad_token")
            #expect(ended.json("correlation_id") != nil && ended.json("trace_id") != nil)
            #expect(ended.json("timestamp") == "2027-01-15 08:00:00Z")
            let wrong = try await app.bare([("client_id", "app"), ("client_secret", "x")])
            #expect(wrong.status == 401)
            #expect(wrong.json("error") == "invalid_client")
            app.server.change { $0.errors[.client]?.status = 400 }
            #expect(try await app.bare([("client_id", "app"), ("client_secret", "x")]).status == 400)
        }
    }

    @Test("A9: a code used twice and one that is too old have numbers of their own")
    func codes() async throws {
        let clock = ManualClock()
        try await App.withServer(.directory(), clock: clock) { app in
            let code = try await app.code()
            _ = try await app.exchange(code: code)
            #expect(try await app.exchange(code: code).body.contains(#""error_codes":[54005]"#))
            let late = try await app.code()
            clock.advance(by: .seconds(600))
            #expect(try await app.exchange(code: late).body.contains(#""error_codes":[70008]"#))
            let wrong = try await app.exchange(code: app.code()) { $0.set("code_verifier", "wrong") }
            #expect(wrong.body.contains(#""error_codes":[501481]"#))
        }
    }

    @Test("A9: a refresh token that nobody used for 90 days says so")
    func unused() async throws {
        let clock = ManualClock()
        try await App.withServer(.directory(), clock: clock) { app in
            let token = try await app.tokens(scope: "offline_access User.Read").json("refresh_token")
            clock.advance(by: .seconds(7_776_000))
            #expect(try await app.refresh(token).body.contains(#""error_codes":[700082]"#))
        }
    }

    @Test(
        "A10: every named error comes with its status, number, suberror, claims and time to wait",
        arguments: FakeAuthorizationServer.ErrorBody.ofDirectory)
    func named(_ error: FakeAuthorizationServer.ErrorBody) async throws {
        try await App.withServer(.directory()) { app in
            app.server.script(.fail(error), on: .refresh)
            let answer = try await app.refresh("rt_any")
            #expect(answer.status == error.status ?? 400)
            #expect(answer.json("error") == error.code)
            #expect(answer.body.contains("\"error_codes\":[\(error.number ?? 0)]"))
            #expect(answer.json("suberror") == error.suberror)
            #expect(answer.body.contains("\"claims\":\"{") == (error.claims != nil))
            #expect(answer["retry-after"] == error.retryAfter)
        }
    }

    @Test("A10: the same request again and again is a loop, until the window has passed")
    func loop() async throws {
        let clock = ManualClock()
        var behaviour = FakeAuthorizationServer.Behaviour.directory()
        behaviour.requestLimits = [.init(.identicalRequests, count: 2, window: 300)]
        try await App.withServer(behaviour, clock: clock) { app in
            let token = try await app.tokens(scope: "offline_access User.Read").json("refresh_token")
            #expect(try await app.refresh(token).status == 200)
            #expect(try await app.refresh(token).status == 200)
            #expect(try await app.refresh(token).body.contains(#""error_codes":[50196]"#))
            clock.advance(by: .seconds(301))
            #expect(try await app.refresh(token).status == 200)
        }
    }

    // MARK: Older endpoints

    @Test("A13: every number is a string, and resource is needed")
    func older() async throws {
        try await App.withServer(.olderDirectory()) { app in
            #expect(app.server.url(\.token).hasSuffix("/tenant1/oauth2/token"))
            #expect(try await app.tokens().json("error") == "invalid_request")
            let tokens = try await app.tokens(
                scope: "ignored", authorization: [("resource", "https://api.example")])
            #expect(tokens.json("expires_in") == "4312")
            #expect(tokens.json("ext_expires_in") == "4312")
            #expect(tokens.json("expires_on") == "1800004312")
            #expect(tokens.json("not_before") == "1800000000")
            #expect(tokens.json("resource") == "https://api.example")
            #expect(tokens.json("scope") == "user_impersonation")
            let other = try await app.token([
                ("grant_type", "refresh_token"), ("refresh_token", tokens.json("refresh_token") ?? ""),
                ("resource", "https://other.example"),
            ])
            #expect(other.json("resource") == "https://other.example")
        }
    }

    @Test("A13: the newer endpoints refuse resource, and a code's resource cannot change at the older")
    func resource() async throws {
        let named = [("resource", "https://api.example")]
        try await App.withServer(.directory()) { app in
            #expect(
                try await app.authorize { $0.set("resource", "x") }["error_description"]?.contains("901002") == true)
            let refused = try await app.tokens(scope: "User.Read", exchange: named)
            #expect(refused.body.contains(#""error_codes":[901002]"#))
        }
        try await App.withServer(.olderDirectory()) { app in
            let changed = try await app.tokens(
                scope: "x", authorization: named, exchange: [("resource", "https://other.example")])
            #expect(changed.status == 400)
        }
    }

    // MARK: Devices

    @Test("A14: a device has 900 seconds and no complete URL; who declines is not denied")
    func device() async throws {
        let clock = ManualClock()
        try await App.withServer(.directory(), clock: clock) { app in
            let form = [("client_id", "app"), ("client_secret", "app-secret"), ("scope", "offline_access User.Read")]
            let begun = try await Wire.post(app.server.url(\.deviceAuthorization), form)
            #expect(begun.body.contains(#""expires_in":900"#) && begun.body.contains(#""interval":5"#))
            #expect(begun.json("message") != nil)
            #expect(begun.json("verification_uri_complete") == nil)
            func poll(_ code: String?) async throws -> Wire.Answer {
                clock.advance(by: .seconds(5))
                return try await app.token([
                    ("grant_type", GrantType.deviceCode.rawValue), ("device_code", code ?? ""),
                ])
            }
            let pending = try await poll(begun.json("device_code"))
            #expect(pending.status == 400)
            #expect(pending.json("error") == "authorization_pending")
            #expect(pending.body.contains(#""error_codes":[70016]"#))
            app.server.enter(userCode: begun.json("user_code") ?? "", as: nil)
            #expect(try await poll(begun.json("device_code")).json("error") == "authorization_declined")
            #expect(try await poll("unknown").json("error") == "bad_verification_code")
            let late = try await Wire.post(app.server.url(\.deviceAuthorization), form)
            clock.advance(by: .seconds(900))
            #expect(try await poll(late.json("device_code")).json("error") == "expired_token")
        }
    }

    // MARK: Secrets

    @Test("A15: two secrets are good at a time, and then one expires")
    func secrets() async throws {
        let clock = ManualClock()
        try await App.withServer(.directory(), clock: clock) { app in
            var client = FakeAuthorizationServer.Client(
                id: "app", secrets: ["old", "new"], redirectURIs: [App.callback])
            client.secretsExpireAt = ["old": 1_800_000_060]
            app.server.register(client)
            func own(_ secret: String) async throws -> Wire.Answer {
                try await app.bare([
                    ("grant_type", "client_credentials"), ("scope", "https://api.example/.default"),
                    ("client_id", "app"), ("client_secret", secret),
                ])
            }
            #expect(try await own("old").status == 200)
            #expect(try await own("new").status == 200)
            clock.advance(by: .seconds(60))
            let expired = try await own("old")
            #expect(expired.status == 401)
            #expect(expired.body.contains(#""error_codes":[7000222]"#))
            #expect(try await own("new").status == 200)
            #expect(try await own("wrong").body.contains(#""error_codes":[7000215]"#))
        }
    }
}
