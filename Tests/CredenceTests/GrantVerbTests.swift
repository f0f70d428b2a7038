import BrokerTesting
import Testing

/// Grants as an administrator meets them at a shell, while no service runs.
@Suite("Grants on the command line, without a service")
struct GrantVerbTests {
    private static let secret = "canary-verb-secret-60ae"

    /// Runs a verb that may speak to a provider on loopback.
    private static func run(_ credence: Credence, _ words: String, input: String? = nil) async throws
        -> Credence.Outcome
    {
        try await credence.run(words.split(separator: " ").map(String.init) + ["--development"], input: input)
    }

    private func folder(for server: FakeAuthorizationServer) async throws -> Credence {
        let credence = try Credence()
        try await credence.run("init")
        server.register(client: "jobs", secret: Self.secret, redirectURIs: [])
        let added = try await Self.run(
            credence,
            "clients add jobs --provider oauth2 --client-id jobs --grant client_credentials --grant device_code "
                + "--grant token-exchange --field issuer=\(server.issuer)")
        #expect(added.output == "added jobs\nnext: credence clients secret add jobs\n", "\(added.complaint)")
        let secret = try await Self.run(credence, "clients secret add jobs --secret-stdin", input: Self.secret)
        #expect(secret.status == 0)
        return credence
    }

    @Test("RFC 8628: connect --device waits for the owner and connects, without a service")
    func device() async throws {
        var behaviour = FakeAuthorizationServer.Behaviour()
        behaviour.pollInterval = 1
        behaviour.refreshTokenLifetime = 86_400
        behaviour.reportsRefreshTokenLifetime = true
        try await FakeAuthorizationServer.withServer(behaviour: behaviour) { server in
            let credence = try await folder(for: server)
            _ = try await Self.run(credence, "connections add tv --client jobs --grant device_code")
            let folder = credence.data
            async let waiting = Credence.run(
                ["connections", "connect", "tv", "--device", "--development", "--data", folder])
            let deadline = ContinuousClock.now + .seconds(20)
            while server.userCodesToEnter.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
            let code = try #require(server.userCodesToEnter.first)
            #expect(server.enter(userCode: code, as: "alice"))
            let ended = try await waiting
            #expect(ended.status == 0, "\(ended.complaint)")
            #expect(ended.output.contains("enter: \(code)\n"))
            #expect(ended.output.hasSuffix("connected tv\n"))
            #expect(try await Self.run(credence, "connections status tv").output == "active\n")
            let expiring = try await Self.run(credence, "connections list --expiring").output
            #expect(expiring.contains("REFRESH ENDS") && expiring.contains("tv "), "\(expiring)")
        }
    }

    @Test("RFC 8693: a token exchange says what it lacks, and takes its subject token from secrets set")
    func subjectToken() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let credence = try await folder(for: server)
            _ = try await Self.run(credence, "connections add source --client jobs")
            let subject = try await Self.run(credence, "credential source --format token").output
            let added = try await Self.run(credence, "connections add target --client jobs --grant token-exchange")
            #expect(added.output == "added target\nnext: credence secrets set target (the subject token)\n")
            let early = try await Self.run(credence, "credential target")
            #expect(early.status == 4)
            #expect(early.complaint.contains("no subject token yet"), "\(early.complaint)")
            let set = try await Self.run(credence, "secrets set target --secret-stdin", input: subject)
            #expect(set.status == 0, "\(set.complaint)")
            let token = try await Self.run(credence, "credential target --format token").output
            #expect(server.isLive(accessToken: String(token.dropLast())) && token != subject)
        }
    }
}
