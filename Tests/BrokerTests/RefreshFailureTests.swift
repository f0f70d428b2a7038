import BrokerTesting
import HTTPTypes
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

/// A refresh that brings no credential, or brings one that cannot be written.
struct RefreshFailureTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    // MARK: The store

    @Test("R7: a store that cannot be written means that nothing is sent")
    func storeReadOnly() async throws {
        try await broker.addExpired()
        broker.store.failWrites(with: StoreFailure(.notWritable, "The disk is full."))
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .storeUnavailable)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("R7: a valid credential is served although the store cannot be written")
    func storeReadOnlyStillValid() async throws {
        try await broker.addConnected(left: .seconds(20))
        broker.store.failWrites(with: StoreFailure(.notWritable, "The disk is full."))
        #expect(try await broker.read().text("access_token") == "access-1")
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("R8: a commit that fails is tried again with the same credential; the provider is called once")
    func commitFails() async throws {
        try await broker.addExpired()
        broker.store.failNext(.commit, times: 3)
        broker.exchange.expect(.token())
        async let outcome = broker.fly()
        for pause in [250, 500, 1000] {
            try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(pause))
            broker.clock.advance(by: .milliseconds(pause))
        }
        guard case .refreshed(let stored) = try await outcome else { return #expect(Bool(false)) }
        #expect(stored.grant.version == 2)
        #expect(try await broker.accessToken() == "access-2")
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.exchange.requests.count == 1)
        #expect(broker.store.count(of: .commit) == 4)
        #expect(broker.log.lines.contains { $0.hasPrefix("critical") })
    }

    @Test("R24: a commit that was written, and whose answer was lost, is found again: one call, one refresh")
    func commitAnswerLost() async throws {
        try await broker.addExpired()
        broker.store.loseAnswer(of: .commit)
        broker.exchange.expect(.token())
        async let outcome = broker.fly()
        try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(250))
        broker.clock.advance(by: .milliseconds(250))
        guard case .refreshed(let stored) = try await outcome else { return #expect(Bool(false)) }
        #expect(stored.grant.version == 2)
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.exchange.requests.count == 1)
        #expect(broker.audit.events.count { $0.action == .credentialRefresh && $0.result == "ok" } == 1)
    }

    @Test("R10: a refresh token that was superseded is never presented again, whatever happens on the way")
    func superseded() async throws {
        try await broker.addExpired()
        let random = SeededRandom(seed: 10)
        var live = "refresh-1"
        var presented: [String] = []
        for number in 2..<60 {
            let asked = broker.exchange.requests.count
            let brings: String?
            switch random.bytes(1)[0] % 5 {
            case 0:
                brings = nil
                broker.exchange.expect(.error("temporarily_unavailable", status: 503))
            case 1:
                brings = live
                broker.exchange.expect(.token("access-\(number)", refresh: nil))
            case 2:
                brings = "refresh-\(number)"
                broker.store.loseAnswer(of: .commit)
                broker.exchange.expect(.token("access-\(number)", refresh: brings))
            case 3:
                brings = "refresh-\(number)"
                broker.store.failNext(.commit, times: 2)
                broker.exchange.expect(.token("access-\(number)", refresh: brings))
            default:
                brings = "refresh-\(number)"
                broker.exchange.expect(.token("access-\(number)", refresh: brings))
            }
            let version = try await broker.stored().grant.version
            let flight = Task { [broker] in try await broker.fly(.forced(version: version)) }
            let waker = Task { [broker] in
                while !Task.isCancelled {
                    try await broker.clock.sleepers(reach: 1)
                    broker.clock.advance(by: .milliseconds(250))
                    await Task.yield()
                }
            }
            _ = try await flight.value
            waker.cancel()
            #expect(broker.exchange.requests.count == asked + 1)
            let form = try Parameters(formURLEncoded: try #require(broker.exchange.requests.last).body)
            presented.append(form["refresh_token"] ?? "")
            #expect(presented.last == live)
            live = brings ?? live
            #expect(try await broker.refreshToken() == live)
            broker.clock.advance(by: .seconds(3600))
        }
        // The provider saw one of them twice, and ended the family: from here on none is presented.
        broker.exchange.expect(.error("invalid_grant"))
        let version = try await broker.stored().grant.version
        _ = try await broker.fly(.forced(version: version))
        let calls = broker.exchange.requests.count
        _ = try await broker.fly(.forced(version: version))
        #expect(broker.exchange.requests.count == calls)
    }

    // MARK: Refusals

    @Test(
        "N21: an error that repeats the refresh token or the client's secret reaches nobody",
        arguments: ["refresh-1", "client-secret"])
    func repeatedSecret(secret: String) async throws {
        try await broker.addConnected(left: .seconds(20))
        broker.exchange.expect(.json(#"{"error":"no \#(secret) here","error_description":"\#(secret)"}"#, status: 400))
        let credential = try await broker.read()
        #expect(!JSONValue.object(credential).serialized().contains(secret))
        #expect(try await broker.stored().grant.failure?.reason == "unreadable_error")
        #expect(!broker.log.lines.joined().contains(secret))
        #expect(!broker.audit.events.contains { "\($0)".contains(secret) })
    }

    @Test("invalid_grant asks for the owner, at once and from then on, without another call")
    func invalidGrant() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.error("invalid_grant"))
        for _ in 0..<2 {
            let error = try await failure { () throws(BrokerError) in try await broker.read() }
            #expect(error.code == .reauthorizationRequired)
            #expect(error.reason == "revoked")
            #expect(error.actor == .owner)
        }
        #expect(try await broker.stored().grant.reauthorization == .revoked)
        #expect(try await broker.stored().status(at: broker.clock.now) == .reauthorizationRequired)
        #expect(broker.exchange.requests.count == 1)
        #expect(broker.audit.events.contains { $0.action == .credentialRefresh && $0.reason == "revoked" })
        #expect(
            broker.log.lines.count { $0.contains("A refresh failed") && $0.contains("invalid_grant (status 400)") } == 1
        )
    }

    @Test("R5: invalid_grant after a rival won serves what the rival brought")
    func rivalWon() async throws {
        let stored = try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.error("invalid_grant"), heldBy: gate)
        async let document = broker.read()
        try await broker.exchange.requests(reach: 1)
        var rival = stored.grant
        rival.version = 2
        rival.credential = try broker.sealing.seal(
            .oauth2(accessToken: Secret("rival"), tokenType: "Bearer"), for: stored.id, version: 2)
        rival.expiresAt = broker.clock.now + .seconds(3600)
        _ = try await broker.store.commit(stored.key, replacing: 1, with: rival)
        gate.open()
        #expect(try await document.text("access_token") == "rival")
        #expect(try await broker.stored().grant.reauthorization == nil)
    }

    @Test("R13: a new client secret ends the pause of the client's connections at once")
    func mendedClient() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.error("invalid_client", status: 401))
        _ = try await failure { () throws(BrokerError) in try await broker.read() }
        _ = try await broker.core.clients.addSecret(.secret(Secret("mended")), to: TestBroker.client, by: broker.admin)
        #expect(try await broker.stored().grant.failure?.retryAt == broker.clock.now)
        broker.exchange.expect(.token())
        #expect(try await broker.read().text("access_token") == "access-2")
        broker.exchange.verifyAllUsed()
    }

    @Test("R13: invalid_client keeps the grant, is the administrator's, and is tried again after 30 minutes")
    func invalidClient() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.error("invalid_client", status: 401))
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .providerUnavailable)
        #expect(error.actor == .administrator)
        #expect(error.reason == "invalid_client")
        #expect(error.retryAfter == 1800)
        let grant = try await broker.stored().grant
        #expect(grant.reauthorization == nil)
        #expect(grant.failure?.retryAt == broker.clock.now + .seconds(1800))
        #expect(grant.refreshAt == broker.clock.now + .seconds(1800))
        #expect(try await broker.refreshToken() == "refresh-1")
        broker.clock.advance(by: .seconds(1800))
        broker.exchange.expect(.token())
        #expect(try await broker.read().text("access_token") == "access-2")
        #expect(try await broker.stored().grant.failure == nil)
    }

    @Test("A refresh that cannot be put together is the administrator's and sends nothing")
    func clientWithoutSecret() async throws {
        try await broker.addClient(method: "private_key_jwt", secret: nil)
        try await broker.addExpired()
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.reason == "no_client_secret")
        #expect(error.actor == .administrator)
        #expect(try await broker.refreshToken() == "refresh-1")
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("A client store that cannot be read does not count against the registration")
    func clientUnreadable() async throws {
        try await broker.addExpired()
        broker.store.failNext(.client, times: 1)
        try await broker.fly()
        let failure = try await broker.stored().grant.failure
        #expect(failure?.reason == "store_unavailable")
        #expect(failure.map { $0.retryAt.since(broker.clock.now) <= .seconds(5) } == true)
    }

    // MARK: It will pass

    @Test("R12: while the refresh fails, a valid credential is served with a warning")
    func degraded() async throws {
        try await broker.addConnected(left: .seconds(20))
        broker.exchange.expect(.timeout)
        let document = try await broker.read()
        #expect(document.text("access_token") == "access-1")
        guard case .array(let warnings)? = document["warnings"], case .object(let warning)? = warnings.first else {
            return #expect(Bool(false))
        }
        #expect(warning.text("code") == "refresh_failing")
        #expect(warning.text("reason") == "provider_unavailable")
        #expect(warning.text("since") == broker.clock.now.iso8601)
        #expect(try await broker.stored().status(at: broker.clock.now) == .degraded)
    }

    @Test(
        "R12: with nothing valid left, time-outs, 5xx and nonsense are a 503 that says when to come back",
        arguments: [
            ScriptedExchange.Outcome.timeout, .json("{}", status: 500), .body("<html>", type: "text/html"),
            .json(#"{"error":"server_error"}"#, status: 400), .json("[]"),
        ])
    func unavailable(answer: ScriptedExchange.Outcome) async throws {
        try await broker.addExpired()
        broker.exchange.expect(answer)
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .providerUnavailable)
        #expect(["provider_unavailable", "server_error"].contains(error.reason))
        #expect(error.actor == .nobody)
        #expect(error.retryAfter == 1)
        #expect(try await broker.stored().status(at: broker.clock.now) == .unavailable)
        #expect(try await broker.refreshToken() == "refresh-1")
    }

    @Test("R11: until Retry-After is over nobody is asked again, then one is", arguments: [false, true])
    func retryAfter(forced: Bool) async throws {
        try await broker.addExpired()
        broker.exchange.expect(.json("{}", status: 429, headerFields: [.retryAfter: "120"]))
        func ask() async throws(BrokerError) -> String? {
            guard forced else { return try await broker.read().text("access_token") }
            let entry = try await broker.core.credentials.refresh(
                TestBroker.connection, for: broker.runtime, rejected: nil)
            return try broker.handOut(entry).text("access_token")
        }
        #expect(try await failure { () throws(BrokerError) in try await ask() }.retryAfter == 120)
        broker.clock.advance(by: .seconds(119))
        #expect(try await failure { () throws(BrokerError) in try await ask() }.retryAfter == 1)
        #expect(broker.exchange.requests.count == 1)
        broker.clock.advance(by: .seconds(1))
        broker.exchange.expect(.token())
        #expect(try await ask() == "access-2")
    }

    @Test("R11: an administrator's forced refresh need not wait")
    func administratorForces() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.error("invalid_client", status: 401))
        try await broker.fly()
        broker.exchange.expect(.token())
        let entry = try await broker.core.credentials.refresh(TestBroker.connection, for: broker.admin, rejected: nil)
        #expect(entry.version == 2)
    }

    @Test("Failures in a row are counted from the first")
    func countsFailures() async throws {
        try await broker.addExpired()
        let first = broker.clock.now
        for attempts in 1...3 {
            broker.exchange.expect(.json("{}", status: 503))
            try await broker.fly()
            let failure = try #require(try await broker.stored().grant.failure)
            #expect(failure.attempts == attempts)
            #expect(failure.since == first)
            broker.clock.set(to: failure.retryAt)
        }
    }

    @Test("Discovery that fails spends no refresh token and will pass")
    func discoveryFails() async throws {
        try await broker.addClient(provider: "oauth2", fields: ["issuer": "https://idp.example"])
        try await broker.addExpired { stored in
            stored.connection = Connection(
                id: stored.id, provider: "oauth2", client: TestBroker.client, kind: .oauth2,
                createdAt: broker.clock.now,
                updatedAt: broker.clock.now)
        }
        let away = ExchangeFailure(.nameNotResolved, detail: "no such host", mayHaveArrived: false)
        broker.exchange.expect(.failure(away), times: nil)
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.reason == "provider_unavailable")
        #expect(error.actor == .nobody)
        #expect(broker.exchange.requests.allSatisfy { $0.method == .get })
        #expect(try await broker.refreshToken() == "refresh-1")
    }
}
