import Broker
import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer as customer records: other grants, errors, logins")
struct ProviderModesRecordsGrantTests {
    @Test("S10: client credentials give no refresh token, and are refused where nobody is set to run as")
    func clientCredentials() async throws {
        try await App.withServer(.customerRecords()) { app in
            let form = [("grant_type", "client_credentials"), ("scope", "api refresh_token")]
            let answer = try await app.token(form)
            #expect(answer.json("access_token") != nil && answer.json("instance_url") != nil)
            #expect(answer.json("refresh_token") == nil)
            app.server.change { $0.clientCredentialsAreBlocked = true }
            let refused = try await app.token(form)
            #expect(refused.status == 400)
            #expect(refused.json("error") == "invalid_request")
            #expect(refused.json("error_description") == "no client credentials user enabled")
        }
    }

    // MARK: Assertions

    private static func withClient(
        _ body: (App, (String) async throws -> Wire.Answer) async throws -> Void
    ) async throws {
        var behaviour = FakeAuthorizationServer.Behaviour.customerRecords(audiences: ["https://login.example"])
        behaviour.preAuthorizedUsers = ["alice"]
        try await App.withServer(behaviour) { app in
            var client = FakeAuthorizationServer.Client(id: "app", secrets: [], redirectURIs: [App.callback])
            client.keys = [try #require(.init(certificate: App.keyPair.certificate))]
            app.server.register(client)
            try await body(app) { claims in
                try await app.bare([
                    ("grant_type", GrantType.jwtBearer.rawValue),
                    ("assertion", App.keyPair.token(header: #"{"alg":"RS256"}"#, claims: claims)),
                ])
            }
        }
    }

    @Test("S11: an assertion for the login host, three minutes long, of a user who allowed it")
    func assertion() async throws {
        try await Self.withClient { app, request in
            let claims = #"{"iss":"app","sub":"alice","aud":"https://login.example","exp":1800000180}"#
            let answer = try await request(claims)
            #expect(answer.status == 200)
            #expect(answer.json("refresh_token") == nil && answer.json("instance_url") != nil)
            #expect(try await app.me(answer.json("access_token")).json("user") == "alice")
            let here = #"{"iss":"app","sub":"alice","aud":"\#(app.server.issuer)","exp":1800000179}"#
            #expect(try await request(here).status == 200)
        }
    }

    @Test(
        "S11: another audience, a longer life, a past one are refused",
        arguments: [
            #"{"iss":"app","sub":"alice","aud":"https://other.example","exp":1800000180}"#,
            #"{"iss":"app","sub":"alice","aud":"https://login.example","exp":1800000181}"#,
            #"{"iss":"app","sub":"alice","aud":"https://login.example","exp":1800000000}"#,
        ])
    func wrongAssertions(_ claims: String) async throws {
        try await Self.withClient { _, request in
            let refused = try await request(claims)
            #expect(refused.status == 400)
            #expect(refused.json("error_description") == "invalid assertion")
        }
    }

    @Test("S11: a user who has not allowed it is told so")
    func notPreAuthorized() async throws {
        try await Self.withClient { _, request in
            let refused = try await request(
                #"{"iss":"app","sub":"bob","aud":"https://login.example","exp":1800000180}"#)
            #expect(refused.json("error_description") == "user hasn't approved this consumer")
        }
    }

    // MARK: Devices

    @Test("S12: a device asks at the token endpoint and polls there with a grant type of its own")
    func device() async throws {
        let clock = ManualClock()
        try await App.withServer(.customerRecords(), clock: clock) { app in
            let begun = try await app.token([("response_type", "device_code"), ("scope", "api refresh_token")])
            #expect(begun.status == 200)
            #expect(begun.json("user_code") != nil && begun.json("verification_uri") != nil)
            #expect(!begun.body.contains("expires_in"))
            func poll() async throws -> Wire.Answer {
                clock.advance(by: .seconds(5))
                return try await app.token([("grant_type", "device"), ("code", begun.json("device_code") ?? "")])
            }
            #expect(try await poll().json("error") == "authorization_pending")
            app.server.enter(userCode: begun.json("user_code") ?? "", as: "alice")
            let tokens = try await poll()
            #expect(tokens.json("refresh_token") != nil && tokens.json("instance_url") != nil)
            #expect(app.server.count(.deviceAuthorization) == 1)
            #expect(app.server.count(.token(grant: "device")) == 2)
            app.server.change { $0.devicesAreBlocked = true }
            #expect(try await app.token([("response_type", "device_code")]).status == 400)
        }
    }

    @Test("S12: the grant type of RFC 8628 is not known here")
    func standardDevice() async throws {
        try await App.withServer(.customerRecords()) { app in
            let refused = try await app.token([
                ("grant_type", GrantType.deviceCode.rawValue), ("device_code", "any"),
            ])
            #expect(refused.json("error") == "unsupported_grant_type")
        }
    }

    // MARK: Errors

    @Test("S13: every description can be scripted", arguments: FakeAuthorizationServer.ErrorBody.ofCustomerRecords)
    func scripted(_ error: FakeAuthorizationServer.ErrorBody) async throws {
        try await App.withServer(.customerRecords()) { app in
            app.server.script(.fail(error), on: .refresh)
            let answer = try await app.refresh("5Aepany")
            #expect(answer.status == 400)
            #expect(answer.json("error") == error.code)
            #expect(answer.json("error_description") == error.description)
        }
    }

    @Test("S13: the server's own refusals are worded like that too")
    func own() async throws {
        try await App.withServer(.customerRecords()) { app in
            #expect(try await app.refresh("5Aepany").json("error_description") == "expired access/refresh token")
            let secret = try await app.bare([("client_id", "app"), ("client_secret", "wrong")])
            #expect(secret.status == 400)
            #expect(secret.json("error_description") == "invalid client credentials")
            let client = try await app.bare([("client_id", "other"), ("client_secret", "x")])
            #expect(client.json("error") == "invalid_client_id")
            let code = try await app.code()
            _ = try await app.exchange(code: code)
            #expect(try await app.exchange(code: code).json("error_description") == "expired authorization code")
        }
    }

    @Test("S13: a user can log in so often in an hour, and every refresh is a login")
    func logins() async throws {
        let clock = ManualClock()
        var behaviour = FakeAuthorizationServer.Behaviour.customerRecords()
        behaviour.requestLimits = [.init(.logins, count: 3, window: 3600)]
        try await App.withServer(behaviour, clock: clock) { app in
            let token = try await app.tokens(scope: "api refresh_token").json("refresh_token")
            #expect(try await app.refresh(token).status == 200)
            #expect(try await app.refresh(token).status == 200)
            let refused = try await app.refresh(token)
            #expect(refused.status == 400)
            #expect(refused.json("error") == "login_rate_exceeded")
            clock.advance(by: .seconds(3601))
            #expect(try await app.refresh(token).status == 200)
        }
    }
}
