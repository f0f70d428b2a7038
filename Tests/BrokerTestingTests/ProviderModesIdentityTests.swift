import Broker
import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("FakeAuthorizationServer: who the user is, by each server's own way")
struct ProviderModesIdentityTests {
    @Test("A2: the ID token is signed with the key that the document leads to, for the tenant that it names")
    func idToken() async throws {
        try await App.withServer(.directory(tenant: "common")) { app in
            let tokens = try await app.tokens(scope: "openid User.Read", authorization: [("nonce", "n1")])
            let document = try await Wire.get(app.server.issuer + "/v2.0/.well-known/openid-configuration")
            let keys = try await Wire.get(document.json("jwks_uri") ?? "")
            let response = EndpointResponse(
                status: 200, headerFields: [.contentType: "application/json"], body: Array(keys.body.utf8))
            guard case .keys(let set) = JSONWebKeySet.judge(response) else {
                Issue.record("no keys")
                return
            }
            let tenant = "11111111-2222-4333-8444-555555555555"
            let issuer = document.json("issuer")?.replacing("{tenantid}", with: tenant) ?? ""
            var expected = IDToken.Expectation(issuers: [issuer], clientID: "app", keys: set, now: 1_800_000_000)
            expected.nonce = Secret("n1")
            expected.accessToken = Secret(tokens.json("access_token") ?? "")
            let token = Secret(tokens.json("id_token") ?? "")
            guard case .valid = IDToken.judge(token, expecting: expected) else {
                Issue.record("\(IDToken.judge(token, expecting: expected))")
                return
            }
        }
    }

    @Test("A6: on behalf of a user, for whoever shows an access token of that user")
    func onBehalfOf() async throws {
        try await App.withServer(.directory()) { app in
            let token = try await app.tokens(scope: "User.Read").json("access_token") ?? ""
            func exchange(_ assertion: String) async throws -> Wire.Answer {
                try await app.token([
                    ("grant_type", GrantType.jwtBearer.rawValue), ("assertion", assertion),
                    ("requested_token_use", "on_behalf_of"), ("scope", "https://other.example/Read"),
                ])
            }
            let answer = try await exchange(token)
            #expect(answer.status == 200)
            #expect(answer.json("scope") == "https://other.example/Read")
            #expect(try await app.me(answer.json("access_token")).json("displayName") == "alice")
            #expect(try await exchange("nothing").json("error") == "invalid_grant")
        }
    }

    @Test("H9: what a device was given is refreshed without the secret, what a browser was given is not")
    func deviceRefresh() async throws {
        let clock = ManualClock()
        var behaviour = FakeAuthorizationServer.Behaviour.codeHost(expiring: .always)
        behaviour.answerFormat = .json
        try await App.withServer(behaviour, clock: clock) { app in
            let begun = try await Wire.post(app.server.url(\.deviceAuthorization), [("client_id", "app")])
            app.server.enter(userCode: begun.json("user_code") ?? "", as: "alice")
            clock.advance(by: .seconds(5))
            let tokens = try await app.bare([
                ("grant_type", GrantType.deviceCode.rawValue), ("client_id", "app"),
                ("device_code", begun.json("device_code") ?? ""),
            ])
            #expect(tokens.body.contains(#""expires_in":28800"#))
            func refresh(_ token: String?) async throws -> Wire.Answer {
                try await app.bare([
                    ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("client_id", "app"),
                ])
            }
            #expect(try await refresh(tokens.json("refresh_token")).json("access_token") != nil)
            let browser = try await app.tokens().json("refresh_token")
            #expect(try await refresh(browser).json("error") == "incorrect_client_credentials")
        }
    }

    @Test("D3: a lost answer to a refresh costs nothing, and the userinfo names the user")
    func fileStore() async throws {
        try await App.withServer(.fileStore()) { app in
            let tokens = try await app.tokens(scope: "openid", authorization: [("token_access_type", "offline")])
            app.server.script(.dropAfterProcessing, on: .refresh)
            #expect(try await app.refresh(tokens.json("refresh_token")).status == nil)
            let next = try await app.refresh(tokens.json("refresh_token")).json("access_token") ?? ""
            let userinfo = try await app.call("POST", "/2/openid/userinfo", authorization: "Bearer " + next)
            #expect(userinfo.json("sub") == "alice")
        }
    }

    @Test("S2: userinfo names the user and the organization that the id URL ends with")
    func userinfo() async throws {
        try await App.withServer(.customerRecords()) { app in
            let tokens = try await app.tokens(scope: "api")
            let answer = try await Wire.get(
                app.server.url(\.userinfo),
                headerFields: ["Authorization": "Bearer \(tokens.json("access_token") ?? "")"])
            let path = "/id/\(answer.json("organization_id") ?? "")/\(answer.json("user_id") ?? "")"
            #expect(tokens.json("id")?.hasSuffix(path) == true)
            #expect(answer.json("user_id")?.count == 18)
            app.server.decide(.approve(user: "bob"))
            let other = try await app.tokens(scope: "api")
            #expect(other.json("id") != tokens.json("id"))
        }
    }
}
