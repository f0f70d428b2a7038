import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization
public import Testing

/// A real authorization server on a loopback port, made for tests and for the sandbox: it mints, rotates, revokes and
/// misbehaves as told, and writes down what it was asked.
///
///     try await FakeAuthorizationServer.withServer { server in
///         server.register(client: "app", secret: "secret", redirectURIs: [callback])
///         server.decide(.approve(user: "alice"))
///         server.script(.dropAfterProcessing, on: .refresh)
///         …
///         #expect(server.count(.refresh) == 1)
///     }
public final class FakeAuthorizationServer: Sendable {
    let state: Mutex<AuthorizationServerState>
    let journalLog = Watched<[JournalEntry]>([])
    let scripts = Mutex<[Scripted]>([])
    let clock: @Sendable () -> Int
    private let requestedPort: Int

    /// A step that waits for its request.
    struct Scripted: Sendable {
        let endpoint: Endpoint
        let step: Step
        var remaining: Int
    }

    /// Seconds since 1970 by the system.
    public static let wallClock: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }

    /// - Parameters:
    ///   - users: Passwords by user.
    ///   - port: On 127.0.0.1; 0 for any that is free.
    ///   - clock: Seconds since 1970.
    public init(
        behaviour: Behaviour = Behaviour(), users: [String: String] = ["alice": "alice-password"], port: Int = 0,
        clock: @escaping @Sendable () -> Int = wallClock
    ) {
        state = Mutex(AuthorizationServerState(behaviour: behaviour, users: users))
        requestedPort = port
        self.clock = clock
    }

    // MARK: Running

    /// Serves until the task is cancelled or the process is told to end.
    public func run(onRunning: @escaping @Sendable (FakeAuthorizationServer) -> Void = { _ in }) async throws {
        try await application(onRunning: onRunning).runService()
    }

    private func application(
        onRunning: @escaping @Sendable (FakeAuthorizationServer) -> Void
    ) -> some ApplicationProtocol {
        var logger = Logger(label: "sandbox")
        logger.logLevel = .critical
        return Application(
            responder: CallbackResponder { (request: Hummingbird.Request, context: ConnectionContext) in
                try await self.respond(to: request, on: context.channel)
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: requestedPort)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? 0
                self.state.withLock { $0.origin = "http://127.0.0.1:\(port)" }
                onRunning(self)
            },
            logger: logger
        )
    }

    /// Runs a server for the length of `body`. Afterwards requests that nobody expected and steps that nobody used are
    /// issues of the test.
    public static func withServer<Result>(
        behaviour: Behaviour = Behaviour(), users: [String: String] = ["alice": "alice-password"],
        clients: [Client] = [], clock: @escaping @Sendable () -> Int = wallClock,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (FakeAuthorizationServer) async throws -> Result
    ) async throws -> Result {
        let server = FakeAuthorizationServer(behaviour: behaviour, users: users, clock: clock)
        for client in clients { server.register(client) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let (running, started) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                defer { started.finish() }
                // Not as a service: signals are for the test process.
                try await server.application { _ in started.yield() }.run()
            }
            var iterator = running.makeAsyncIterator()
            guard await iterator.next() != nil else {
                try await group.next()
                throw CancellationError()
            }
            defer { group.cancelAll() }
            let result = try await body(server)
            server.verify(sourceLocation: sourceLocation)
            return result
        }
    }

    private func verify(sourceLocation: SourceLocation) {
        for entry in takeUnexpectedRequests() {
            Issue.record("unexpected request: \(entry.method.rawValue) \(entry.path)", sourceLocation: sourceLocation)
        }
        for scripted in scripts.withLock({ $0 }) where scripted.remaining < .max {
            Issue.record(
                "scripted and never used: \(scripted.step) on \(scripted.endpoint)", sourceLocation: sourceLocation)
        }
    }

    // MARK: Where it is

    /// The issuer identifier, once the server runs.
    public var issuer: String { state.withLock { $0.issuer } }

    /// The URL of an endpoint, once the server runs: `server.url(\.token)`.
    public func url(_ path: KeyPath<Paths, String>) -> String {
        let (issuer, paths) = state.withLock { ($0.issuer, $0.behaviour.paths) }
        return issuer + paths[keyPath: path]
    }

    // MARK: Arranging

    public func register(_ client: Client) {
        state.withLock { $0.clients[client.id] = client }
    }

    /// Registers a client or replaces it; no secret makes it a public one.
    public func register(client id: String, secret: String?, redirectURIs: [String]) {
        register(Client(id: id, secrets: secret.map { [$0] } ?? [], redirectURIs: redirectURIs))
    }

    /// What the authorization endpoint does from now on.
    public func decide(_ decision: Decision) {
        state.withLock { $0.decision = decision }
    }

    public func change(_ change: @Sendable (inout Behaviour) -> Void) {
        state.withLock { change(&$0.behaviour) }
    }

    /// Lays a step in wait for the next requests to an endpoint; steps are used in the order they were scripted.
    ///
    /// - Parameter times: `.max` for every request from then on; such a step need not be used.
    public func script(_ step: Step, on endpoint: Endpoint, times: Int = 1) {
        scripts.withLock { $0.append(Scripted(endpoint: endpoint, step: step, remaining: times)) }
    }

    /// Takes back the steps that an endpoint's requests have not used.
    public func unscript(_ endpoint: Endpoint) {
        scripts.withLock { $0.removeAll { $0.endpoint == endpoint } }
    }

    /// Ends every grant of a user, as the user can on the server's own pages.
    public func revoke(user: String, client: String? = nil) {
        state.withLock { state in
            for index in state.grants.indices
            where state.grants[index].user == user && (client == nil || state.grants[index].client == client) {
                state.grants[index].isRevoked = true
            }
        }
    }

    // MARK: Looking

    /// Every request so far, in the order they came.
    public var journal: [JournalEntry] { journalLog.value }

    /// How many requests an endpoint had.
    public func count(_ endpoint: Endpoint) -> Int {
        journal.count { $0.endpoint == endpoint }
    }

    /// Returns once an endpoint had that many requests.
    public func requests(to endpoint: Endpoint, reach count: Int) async throws {
        try await journalLog.wait { journal in journal.count { $0.endpoint == endpoint } >= count }
    }

    /// Requests that no client should have made, since the last call.
    public func takeUnexpectedRequests() -> [JournalEntry] {
        let acknowledged = state.withLock { state in
            defer { state.acknowledged = journalLog.value.count }
            return state.acknowledged
        }
        return journal.dropFirst(acknowledged).filter(\.isUnexpected)
    }

    public var counters: Counters { state.withLock { $0.counters } }

    /// The newest refresh token of a user that still works.
    public func liveRefreshToken(user: String, client: String? = nil) -> String? {
        state.withLock { $0.newestRefreshToken(user: user, client: client, now: clock()) }
    }

    public func isLive(accessToken: String) -> Bool {
        state.withLock { $0.liveAccessToken(accessToken, now: clock()) != nil }
    }
}
