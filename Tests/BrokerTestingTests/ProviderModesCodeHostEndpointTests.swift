import Broker
import BrokerTesting
import OAuth
import Testing

@Suite("FakeAuthorizationServer as a code host: its own endpoints")
struct ProviderModesCodeHostEndpointTests {
    private static var behaviour: FakeAuthorizationServer.Behaviour {
        var behaviour = FakeAuthorizationServer.Behaviour.codeHost
        behaviour.answerFormat = .json
        behaviour.installations = [
            "42": .init(client: "app", permissions: ["contents": "write"], repositories: ["one", "two"])
        ]
        return behaviour
    }

    private static func body(_ token: String?) -> String { #"{"access_token":"\#(token ?? "")"}"# }

    // MARK: The client's tokens

    @Test("H10: a token is checked, exchanged and ended by its client, with Basic and JSON")
    func applicationToken() async throws {
        try await App.withServer(Self.behaviour) { app in
            let path = "/applications/app/token"
            let token = try await app.tokens().json("access_token") ?? ""
            let checked = try await app.call("POST", path, authorization: App.basic, json: Self.body(token))
            #expect(checked.status == 200)
            #expect(checked.json("token") == token && checked.json("login") == "alice")
            let exchanged = try await app.call("PATCH", path, authorization: App.basic, json: Self.body(token))
            let next = exchanged.json("token") ?? ""
            #expect(exchanged.status == 200 && next != token)
            #expect(!app.server.isLive(accessToken: token) && app.server.isLive(accessToken: next))
            let gone = try await app.call("POST", path, authorization: App.basic, json: Self.body(token))
            #expect(gone.status == 404)
            let ended = try await app.call("DELETE", path, authorization: App.basic, json: Self.body(next))
            #expect(ended.status == 204)
            #expect(!app.server.isLive(accessToken: next))
            let again = try await app.call("DELETE", path, authorization: App.basic, json: Self.body(next))
            #expect(again.status == 422)
            #expect(app.server.count(.applicationToken) == 5)
        }
    }

    @Test("H10: DELETE of the grant ends every token of the user, and of no other")
    func applicationGrant() async throws {
        try await App.withServer(Self.behaviour) { app in
            let one = try await app.tokens().json("access_token") ?? ""
            let two = try await app.tokens(scope: "gist").json("access_token") ?? ""
            app.server.decide(.approve(user: "bob"))
            let other = try await app.tokens().json("access_token") ?? ""
            let answer = try await app.call(
                "DELETE", "/applications/app/grant", authorization: App.basic, json: Self.body(one))
            #expect(answer.status == 204)
            #expect(!app.server.isLive(accessToken: one) && !app.server.isLive(accessToken: two))
            #expect(app.server.isLive(accessToken: other))
        }
    }

    @Test("H10: another client's name, a wrong secret, and a body without a token are refused")
    func wrongCalls() async throws {
        try await App.withServer(Self.behaviour) { app in
            let token = try await app.tokens().json("access_token")
            app.server.register(client: "other", secret: "app-secret", redirectURIs: [])
            for (path, authorization) in [
                ("/applications/other/token", App.basic), ("/applications/app/token", "Basic YXBwOndyb25n"),
                ("/applications/app/token", "Bearer \(token ?? "")"),
            ] {
                let answer = try await app.call("DELETE", path, authorization: authorization, json: Self.body(token))
                #expect(answer.status == 401)
            }
            let empty = try await app.call("DELETE", "/applications/app/token", authorization: App.basic, json: "{}")
            #expect(empty.status == 422)
            #expect(app.server.isLive(accessToken: token ?? ""))
        }
    }

    // MARK: Installations

    private static func register(_ server: FakeAuthorizationServer) {
        var client = FakeAuthorizationServer.Client(id: "app", secrets: [], redirectURIs: [])
        client.keys = [.init(key: App.keyPair.publicKey)]
        client.otherID = "123456"
        server.register(client)
    }

    private static func token(_ claims: String, isPSS: Bool = false) -> String {
        App.keyPair.token(header: #"{"alg":"RS256","typ":"JWT"}"#, claims: claims, isPSS: isPSS)
    }

    private static let good = #"{"iat":1799999940,"exp":1800000300,"iss":"app"}"#
    private static let path = "/app/installations/42/access_tokens"

    @Test("H11: a signed JWT as Bearer gives a token for an hour, at status 201")
    func installation() async throws {
        let clock = ManualClock()
        try await App.withServer(Self.behaviour, clock: clock) { app in
            Self.register(app.server)
            let answer = try await app.call("POST", Self.path, authorization: "Bearer " + Self.token(Self.good))
            #expect(answer.status == 201)
            #expect(answer.json("expires_at") == "2027-01-15T09:00:00Z")
            #expect(answer.body.contains(#""permissions":{"contents":"write"}"#))
            #expect(answer.json("repository_selection") == "all")
            let token = answer.json("token") ?? ""
            #expect(token.hasPrefix("ghs_") && token.count == 40)
            #expect(app.server.isLive(accessToken: token))
            clock.advance(by: .seconds(3600))
            #expect(!app.server.isLive(accessToken: token))
        }
    }

    @Test("H11: a token of 600 characters, the other ID, and fewer repositories and permissions")
    func installationVariants() async throws {
        try await App.withServer(Self.behaviour) { app in
            Self.register(app.server)
            app.server.change { $0.installationTokens.length = 600 }
            let jwt = Self.token(#"{"iat":1800000000,"exp":1800000600,"iss":"123456"}"#)
            let answer = try await app.call(
                "POST", Self.path, authorization: "Bearer " + jwt,
                json: #"{"repositories":["one"],"permissions":{"contents":"read"}}"#)
            #expect(answer.status == 201)
            #expect(answer.json("token")?.count == 600)
            #expect(answer.json("repository_selection") == "selected")
            #expect(answer.body.contains(#""repositories":[{"name":"one"}]"#))
            #expect(answer.body.contains(#""permissions":{"contents":"read"}"#))
        }
    }

    @Test(
        "H11: too long, expired, from the future, of nobody, without a time: refused",
        arguments: [
            #"{"iat":1800000000,"exp":1800000601,"iss":"app"}"#, #"{"iat":1799990000,"exp":1800000000,"iss":"app"}"#,
            #"{"iat":1800000001,"exp":1800000300,"iss":"app"}"#, #"{"iat":1800000000,"exp":1800000300,"iss":"x"}"#,
            #"{"exp":1800000300,"iss":"app"}"#, #"{"iat":1800000000,"iss":"app"}"#,
        ])
    func wrongJWTs(_ claims: String) async throws {
        try await App.withServer(Self.behaviour) { app in
            Self.register(app.server)
            let answer = try await app.call("POST", Self.path, authorization: "Bearer " + Self.token(claims))
            #expect(answer.status == 401)
            #expect(answer.body.contains("could not be decoded"))
        }
    }

    @Test("H11: another scheme, another key and another padding are refused")
    func wrongSignatures() async throws {
        try await App.withServer(Self.behaviour) { app in
            Self.register(app.server)
            let scheme = try await app.call("POST", Self.path, authorization: "token " + Self.token(Self.good))
            #expect(scheme.status == 401)
            let padding = try await app.call(
                "POST", Self.path, authorization: "Bearer " + Self.token(Self.good, isPSS: true))
            #expect(padding.status == 401)
            let key = SigningKeyPair().token(header: #"{"alg":"RS256"}"#, claims: Self.good)
            #expect(try await app.call("POST", Self.path, authorization: "Bearer " + key).status == 401)
        }
    }

    @Test("H11: suspended is 403, not installed 404, not granted 422")
    func installationRefusals() async throws {
        try await App.withServer(Self.behaviour) { app in
            Self.register(app.server)
            func ask(_ path: String, _ issued: Int, json: String = "") async throws -> Wire.Answer {
                let jwt = Self.token(#"{"iat":\#(issued),"exp":1800000300,"iss":"app"}"#)
                return try await app.call("POST", path, authorization: "Bearer " + jwt, json: json)
            }
            let elsewhere = try await ask("/app/installations/43/access_tokens", 1_799_999_991)
            #expect(elsewhere.status == 404)
            #expect(try await ask(Self.path, 1_799_999_992, json: #"{"repositories":["three"]}"#).status == 422)
            #expect(try await ask(Self.path, 1_799_999_993, json: #"{"permissions":{"issues":"read"}}"#).status == 422)
            app.server.change { $0.installations["42"]?.isSuspended = true }
            #expect(try await ask(Self.path, 1_799_999_994).status == 403)
        }
    }

    @Test("H11: an installation's token ends itself")
    func installationRevocation() async throws {
        try await App.withServer(Self.behaviour) { app in
            Self.register(app.server)
            let answer = try await app.call("POST", Self.path, authorization: "Bearer " + Self.token(Self.good))
            let token = answer.json("token") ?? ""
            let ended = try await app.call("DELETE", "/installation/token", authorization: "Bearer " + token)
            #expect(ended.status == 204)
            #expect(!app.server.isLive(accessToken: token))
        }
    }
}
