public import ArgumentParser
public import BrokerTesting

/// `credence-sandbox serve`: the authorization server, for a person's browser and for `make demo`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a sandbox authorization server on 127.0.0.1.",
        discussion: "It knows one client and one user, which it prints. Ctrl-C ends it.")

    static let clientID = "sandbox-client"
    static let clientSecret = "sandbox-secret"
    static let user = "alice"
    static let password = "alice-password"

    @Option(help: "Port to listen on; 0 for any that is free.")
    var port = 8090

    @Option(help: "How long an access token lives, in seconds.")
    var accessTokenLifetime = 20

    @Option(help: "What a refresh does to the refresh token.")
    var rotation = FakeAuthorizationServer.Rotation.rotateWithReuseDetection

    @Option(name: .customLong("redirect-uri"), help: "A redirect URI of the client. May be given several times.")
    var redirectURIs = ["http://127.0.0.1:8080/callback/sandbox"]

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be between 0 and 65535.") }
        guard accessTokenLifetime > 0 else { throw ValidationError("--access-token-lifetime must be positive.") }
    }

    func run() async throws {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.accessTokenLifetime = accessTokenLifetime
        behaviour.rotation = rotation
        let server = FakeAuthorizationServer(behaviour: behaviour, users: [Self.user: Self.password], port: port)
        server.register(client: Self.clientID, secret: Self.clientSecret, redirectURIs: redirectURIs)
        try await server.run { server in
            announce(
                """
                sandbox authorization server listening on \(server.issuer)
                client \(Self.clientID), secret \(Self.clientSecret)
                redirect URI \(redirectURIs.joined(separator: " "))
                user \(Self.user), password \(Self.password)
                access tokens live \(accessTokenLifetime) seconds; rotation: \(rotation.rawValue)
                """)
        }
    }
}

extension FakeAuthorizationServer.Rotation: ExpressibleByArgument {}
