import BrokerTesting
import Foundation
import OAuth
import Testing

@Suite("FakeAuthorizationServer as a directory: consent, scopes, refresh")
struct ProviderModesDirectoryTests {
    private static let scope = "openid offline_access User.Read"

    @Test("A1: the tenant is part of every path, and the document stands below the version")
    func paths() async throws {
        try await App.withServer(.directory()) { app in
            let document = try await Wire.get(app.server.issuer + "/v2.0/.well-known/openid-configuration")
            #expect(document.json("token_endpoint")?.hasSuffix("/tenant1/oauth2/v2.0/token") == true)
            #expect(document.json("authorization_endpoint")?.hasSuffix("/tenant1/oauth2/v2.0/authorize") == true)
            #expect(document.json("device_authorization_endpoint")?.hasSuffix("/oauth2/v2.0/devicecode") == true)
            #expect(document.json("issuer")?.hasSuffix("/tenant1/v2.0") == true)
            #expect(!document.body.contains("revocation_endpoint"))
            #expect(!document.body.contains("introspection_endpoint"))
        }
    }

    @Test("A1: a client is not known at another cloud's host")
    func otherCloud() async throws {
        try await App.withServer(.directory()) { app in
            var client = App.registration
            client.host = "login.other.example"
            app.server.register(client)
            let refused = try await app.refresh("rt_any")
            #expect(refused.status == 400)
            #expect(refused.body.contains(#""error_codes":[90038]"#))
            client.host = "127.0.0.1"
            app.server.register(client)
            #expect(try await app.refresh("rt_any").body.contains(#""error_codes":[70000]"#))
        }
    }

    @Test("A2: common has a placeholder in the issuer, and ID tokens a tenant")
    func common() async throws {
        try await App.withServer(.directory(tenant: "common")) { app in
            let document = try await Wire.get(app.server.issuer + "/v2.0/.well-known/openid-configuration")
            #expect(document.json("issuer")?.hasSuffix("/{tenantid}/v2.0") == true)
            let tokens = try await app.tokens(scope: Self.scope)
            let claims = App.claims(of: tokens.json("id_token"))
            #expect(claims.contains(#"/11111111-2222-4333-8444-555555555555/v2.0""#))
            #expect(claims.contains(#""tid":"11111111-2222-4333-8444-555555555555""#))
            #expect(claims.contains(#""oid":"alice-object""#))
        }
    }

    @Test("A3: the answer comes in the query, in the fragment, or as a page that posts it")
    func responseModes() async throws {
        try await App.withServer(.directory()) { app in
            func answer(_ mode: String) async throws -> Wire.Answer {
                var query = app.authorization
                query.set("response_mode", mode)
                return try await Wire.get(app.server.url(\.authorization) + "?" + query.formURLEncoded)
            }
            #expect(try await answer("query")["location"]?.hasPrefix(App.callback + "?code=") == true)
            #expect(try await answer("fragment")["location"]?.hasPrefix(App.callback + "#code=") == true)
            let page = try await answer("form_post")
            #expect(page.status == 200)
            #expect(page.body.contains(#"<form method="post" action="\#(App.callback)">"#))
            #expect(page.body.contains(#"name="code" value="code_"#))
            #expect(page.body.contains(#"name="state" value="st+a%te=ü""#))
        }
    }

    @Test("A4: a refresh token for offline_access, an ID token for openid, and scopes in full")
    func scopes() async throws {
        try await App.withServer(.directory()) { app in
            let all = try await app.tokens(scope: Self.scope)
            #expect(all.json("refresh_token") != nil && all.json("id_token") != nil)
            #expect(all.json("scope") == "openid offline_access https://api.example/User.Read")
            #expect(all.body.contains(#""expires_in":4312"#) && all.body.contains(#""ext_expires_in":4312"#))
            let few = try await app.tokens(scope: "User.Read")
            #expect(few.json("refresh_token") == nil && few.json("id_token") == nil)
        }
    }

    @Test("A4: client_info comes for whoever asks for it")
    func clientInfo() async throws {
        try await App.withServer(.directory()) { app in
            let without = try await app.tokens(scope: Self.scope)
            #expect(without.json("client_info") == nil)
            let info = try await app.tokens(scope: Self.scope, exchange: [("client_info", "1")]).json("client_info")
            #expect(App.claims(of: "x.\(info ?? "").x") == #"{"uid":"alice-object","utid":"tenant1"}"#)
        }
    }

    @Test(
        "A5: scopes of two resources, and .default beside others, are invalid_scope",
        arguments: ["User.Read https://other.example/Read", "https://api.example/.default User.Read"])
    func oneResource(_ scope: String) async throws {
        try await App.withServer(.directory()) { app in
            let tokens = try await app.tokens(scope: "offline_access User.Read https://other.example/Read")
            #expect(tokens.json("scope") == "offline_access https://api.example/User.Read")
            let refused = try await app.refresh(tokens.json("refresh_token"), scope: scope)
            #expect(refused.status == 400)
            #expect(refused.json("error") == "invalid_scope")
            #expect(refused.body.contains(#""error_codes":[70011]"#))
        }
    }

    @Test("A5: client credentials need .default, and a tenant of their own")
    func ownScope() async throws {
        let form = [("grant_type", "client_credentials"), ("scope", "https://api.example/.default")]
        try await App.withServer(.directory()) { app in
            #expect(try await app.token(form).status == 200)
            let refused = try await app.token([("grant_type", "client_credentials"), ("scope", "User.Read")])
            #expect(refused.json("error") == "invalid_scope")
        }
        try await App.withServer(.directory(tenant: "common")) { app in
            let refused = try await app.token(form)
            #expect(refused.body.contains(#""error_codes":[9001023]"#))
        }
    }

    @Test("A6: client credentials give an access token and its lifetime, and nothing else")
    func clientCredentials() async throws {
        try await App.withServer(.directory()) { app in
            let answer = try await app.token([
                ("grant_type", "client_credentials"), ("scope", "https://api.example/.default"), ("client_info", "1"),
            ])
            #expect(answer.json("access_token") != nil)
            for name in ["refresh_token", "id_token", "scope", "client_info"] {
                #expect(!answer.body.contains("\"\(name)\""))
            }
        }
    }

    @Test("A7: every refresh gives a new refresh token, and the old one works on")
    func refresh() async throws {
        try await App.withServer(.directory()) { app in
            let first = try await app.tokens(scope: Self.scope).json("refresh_token")
            let second = try await app.refresh(first).json("refresh_token")
            #expect(second != nil && second != first)
            #expect(try await app.refresh(first).status == 200)
            #expect(try await app.refresh(second).status == 200)
            #expect(app.server.counters.grantsEndedByReuse == 0)
        }
    }

    @Test("A7: a refresh token reaches another resource")
    func otherResource() async throws {
        try await App.withServer(.directory()) { app in
            let token = try await app.tokens(scope: Self.scope).json("refresh_token")
            let answer = try await app.refresh(token, scope: "https://other.example/Read")
            #expect(answer.status == 200)
            #expect(answer.json("scope") == "openid offline_access https://other.example/Read")
        }
    }

    @Test("A7: a refresh that was committed and not answered harms nothing")
    func droppedRefresh() async throws {
        try await App.withServer(.directory()) { app in
            let first = try await app.tokens(scope: Self.scope).json("refresh_token")
            app.server.script(.dropAfterProcessing, on: .refresh)
            #expect(try await app.refresh(first).status == nil)
            #expect(app.server.counters.rotations == 1)
            #expect(try await app.refresh(first).status == 200)
        }
    }

    @Test("A11: an administrator's consent comes back with the tenant, and so does the denial")
    func adminConsent() async throws {
        try await App.withServer(.directory()) { app in
            let query = Parameters([("client_id", "app"), ("redirect_uri", App.callback), ("state", "a+b")])
            let url = app.server.url(\.adminConsent) + "?" + query.formURLEncoded
            let allowed = try await Wire.get(url)["location"]
            #expect(allowed == App.callback + "?admin_consent=True&tenant=tenant1&state=a%2Bb")
            app.server.decide(.deny)
            let denied = try await Wire.get(url)["location"]
            #expect(denied?.hasPrefix(App.callback + "?error=access_denied&") == true)
            #expect(denied?.contains("admin_consent") == false)
        }
    }

    @Test("A12: the API asks for claims of those who understand, and opens for those who bring them")
    func insufficientClaims() async throws {
        let capability = #"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#
        let demanded = #""nbf":{"essential":true,"value":"1"}"#
        try await App.withServer(.directory()) { app in
            app.server.change { $0.claimsChallenge = demanded }
            let plain = try await app.tokens(scope: Self.scope)
            #expect(try await app.me(plain.json("access_token")).status == 200)
            let capable = try await app.tokens(scope: Self.scope, exchange: [("claims", capability)])
            let refused = try await app.me(capable.json("access_token"))
            #expect(refused.status == 401)
            #expect(refused["www-authenticate"]?.contains(#"error="insufficient_claims""#) == true)
            let encoded = Data(demanded.utf8).base64EncodedString()
            #expect(refused["www-authenticate"]?.contains(#"claims="\#(encoded)""#) == true)
            let brought = try await app.tokens(
                scope: Self.scope, exchange: [("claims", capability.dropLast(2) + "," + demanded + "}}")])
            #expect(try await app.me(brought.json("access_token")).status == 200)
        }
    }
}
