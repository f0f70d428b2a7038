import BrokerTesting
import Testing

@Suite("FakeAuthorizationServer: metadata, revocation, introspection")
struct OtherEndpointTests {
    @Test("G1: both documents name the issuer and its endpoints, with extra members where asked for")
    func metadata() async throws {
        try await App.withServer(App.behaviour { $0.metadataMembers = ["x_new": "{}"] }) { app in
            for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
                let answer = try await Wire.get(app.server.issuer + path)
                #expect(answer.json("issuer") == app.server.issuer)
                #expect(answer.json("token_endpoint") == app.server.url(\.token))
                #expect(answer.body.hasSuffix(#""x_new":{}}"#))
            }
        }
    }

    @Test("G1: an issuer with a path, one document only, and another's name in it")
    func metadataVariants() async throws {
        let behaviour = App.behaviour {
            $0.paths.issuer = "/tenant1"
            $0.metadataDocuments = [.oauth]
            $0.advertisedIssuer = "https://other.example"
        }
        try await App.withServer(behaviour) { app in
            let origin = String(app.server.issuer.dropLast("/tenant1".count))
            let answer = try await Wire.get(origin + "/.well-known/oauth-authorization-server/tenant1")
            #expect(answer.json("issuer") == "https://other.example")
            #expect(try await Wire.get(app.server.issuer + "/.well-known/openid-configuration").status == 404)
            #expect(app.server.count(.metadata) == 2)
            #expect(try await app.tokens().status == 200)
        }
    }

    @Test("G10: a revoked refresh token takes its access tokens along; an unknown token is 200 too")
    func revocation() async throws {
        try await App.withServer { app in
            let tokens = try await app.tokens()
            for token in [tokens.json("refresh_token") ?? "", "unknown"] {
                #expect(try await post(app, \.revocation, token).status == 200)
            }
            #expect(try await app.me(tokens.json("access_token")).status == 401)
            #expect(try await app.refresh(tokens.json("refresh_token")).status == 400)
        }
    }

    @Test("G10: a server that cannot revoke a kind of token says unsupported_token_type")
    func unsupportedTokenType() async throws {
        try await App.withServer(App.behaviour { $0.revocableTokens = [.refreshToken] }) { app in
            let token = try await app.tokens().json("access_token") ?? ""
            #expect(try await post(app, \.revocation, token).json("error") == "unsupported_token_type")
        }
    }

    @Test("G10: introspection tells live from dead, and to registered clients only")
    func introspection() async throws {
        try await App.withServer { app in
            let token = try await app.tokens().json("access_token") ?? ""
            #expect(try await post(app, \.introspection, token).json("username") == "alice")
            #expect(try await post(app, \.introspection, "unknown").body == #"{"active":false}"#)
            #expect(try await Wire.post(app.server.url(\.introspection), [("token", token)]).status == 401)
        }
    }

    @Test("userinfo names the user")
    func userinfo() async throws {
        try await App.withServer { app in
            let token = try await app.tokens().json("access_token") ?? ""
            let answer = try await Wire.get(
                app.server.url(\.userinfo), headerFields: ["Authorization": "Bearer \(token)"])
            #expect(answer.json("sub") == "alice")
            #expect(try await Wire.get(app.server.url(\.userinfo)).status == 401)
        }
    }

    private func post(
        _ app: App, _ path: KeyPath<FakeAuthorizationServer.Paths, String>, _ token: String
    ) async throws -> Wire.Answer {
        try await Wire.post(
            app.server.url(path), [("token", token), ("client_id", "app"), ("client_secret", "app-secret")])
    }
}
