import Broker
import BrokerTesting
import Crypto
import OAuth
import Testing

/// A client application in front of the server under test.
struct App {
    static let callback = "http://127.0.0.1:9/callback"
    static let verifier = "a-verifier-of-forty-three-characters-0123456"
    static let registration = FakeAuthorizationServer.Client(
        id: "app", secrets: ["app-secret"], redirectURIs: [callback])

    let server: FakeAuthorizationServer

    /// Runs a server with the app registered and alice approving.
    static func withServer(
        _ behaviour: FakeAuthorizationServer.Behaviour = .init(), clock: ManualClock = ManualClock(),
        _ body: (App) async throws -> Void
    ) async throws {
        try await FakeAuthorizationServer.withServer(
            behaviour: behaviour, clients: [registration], clock: { Int(clock.now.seconds) }
        ) { server in
            server.decide(.approve(user: "alice"))
            try await body(App(server: server))
        }
    }

    static func behaviour(
        _ change: (inout FakeAuthorizationServer.Behaviour) -> Void
    ) -> FakeAuthorizationServer.Behaviour {
        var behaviour = FakeAuthorizationServer.Behaviour()
        change(&behaviour)
        return behaviour
    }

    var authorization: Parameters {
        Parameters([
            ("response_type", "code"), ("client_id", "app"), ("redirect_uri", Self.callback), ("scope", "read write"),
            ("state", "st+a%te=ü"), ("code_challenge", Array(SHA256.hash(data: Array(Self.verifier.utf8))).base64URL),
            ("code_challenge_method", "S256"),
        ])
    }

    /// Where the authorization endpoint sends the browser: the query of it.
    func authorize(_ change: (inout Parameters) -> Void = { _ in }) async throws -> Parameters {
        var query = authorization
        change(&query)
        let answer = try await Wire.get(server.url(\.authorization) + "?" + query.formURLEncoded)
        return try Parameters(formURLEncoded: String((answer["location"] ?? "?").split(separator: "?").last ?? ""))
    }

    func code() async throws -> String {
        try await authorize()["code"] ?? ""
    }

    func exchange(code: String, _ change: (inout Parameters) -> Void = { _ in }) async throws -> Wire.Answer {
        var form = Parameters([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Self.callback),
            ("code_verifier", Self.verifier), ("client_id", "app"), ("client_secret", "app-secret"),
        ])
        change(&form)
        return try await Wire.post(server.url(\.token), form.pairs.map { ($0.name, $0.value) })
    }

    func tokens() async throws -> Wire.Answer {
        try await exchange(code: code())
    }

    func refresh(_ token: String?, headerFields: [String: String] = [:]) async throws -> Wire.Answer {
        try await Wire.post(
            server.url(\.token),
            [
                ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("client_id", "app"),
                ("client_secret", "app-secret"),
            ], headerFields: headerFields)
    }

    func me(_ token: String?) async throws -> Wire.Answer {
        try await Wire.get(server.url(\.resource), headerFields: ["Authorization": "Bearer \(token ?? "")"])
    }
}
