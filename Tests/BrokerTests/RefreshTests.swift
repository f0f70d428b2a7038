import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

/// The refresher over a store, a provider and a clock that do as they are told.
struct RefreshTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    // MARK: One call

    @Test("R1: a thousand concurrent readers of one expired connection make one call", arguments: [true, false])
    func singleFlight(held: Bool) async throws {
        try await read(by: 1000, held: held)
    }

    @Test(
        "R1: ten thousand concurrent readers of one expired connection make one call",
        .enabled(if: ProcessInfo.processInfo.environment["CREDENCE_MANY"] != nil, "make test runs it by itself"))
    func manyReaders() async throws {
        try await read(by: 10_000, held: true)
    }

    private func read(by readers: Int, held: Bool) async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: held ? gate : nil)
        let tokens = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<readers { group.addTask { [broker] in try await broker.read().text("access_token") } }
            try await broker.exchange.requests(reach: 1)
            gate.open()
            return try await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(tokens == Array(repeating: "access-2", count: readers))
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("R1: a reader that looked before the refresh and asks after it makes no second call")
    func lateReader() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.token())
        try await broker.fly()
        guard case .superseded(let current) = try await broker.fly(.replacing(version: 1)) else {
            return #expect(Bool(false))
        }
        #expect(current.grant.version == 2)
    }

    @Test("R1: a failure is shared as well: readers of an unavailable provider make one call")
    func sharedFailure() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.json("{}", status: 503))
        let codes = await withTaskGroup(of: BrokerError.Code?.self) { group in
            for _ in 0..<100 {
                group.addTask { [broker] in
                    do throws(BrokerError) { _ = try await broker.read() } catch { return error.code }
                    return nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == Array(repeating: .providerUnavailable, count: 100))
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("The request is what RFC 6749 §6 asks for: grant type, token, one authentication, no scope")
    func request() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let form = try #require(broker.tokenRequests().first)
        #expect(form["grant_type"] == "refresh_token")
        #expect(form["refresh_token"] == "refresh-1")
        #expect(form["scope"] == nil)
        #expect(form["client_secret"] == nil)
        #expect(broker.exchange.requests[0].headerFields[.authorization]?.hasPrefix("Basic ") == true)
        #expect(broker.exchange.sent[0].deadline == .seconds(30))
    }

    // MARK: What is kept

    @Test("Rotation is one commit: access token, refresh token, expiry and version together")
    func rotation() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.token(scope: "read write"))
        _ = try await broker.read()
        let grant = try await broker.stored().grant
        #expect(grant.version == 2)
        #expect(try await broker.accessToken() == "access-2")
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(grant.expiresAt == broker.clock.now + .seconds(3600))
        #expect(grant.lastRefreshedAt == broker.clock.now)
        #expect(grant.scopes == ["read", "write"])
        #expect(grant.attempt == nil)
        #expect(broker.store.count(of: .commit) == 1)
    }

    @Test("N19: a response without a refresh token, or with an empty one, keeps the old", arguments: [nil, ""])
    func keepsRefreshToken(sent: String?) async throws {
        try await broker.addExpired { $0.grant.refreshTokenExpiresAt = broker.clock.now + .seconds(9) }
        broker.exchange.expect(.token(refresh: sent))
        _ = try await broker.read()
        #expect(try await broker.refreshToken() == "refresh-1")
        #expect(try await broker.stored().grant.refreshTokenExpiresAt == broker.clock.now + .seconds(9))
    }

    @Test("Scopes that the response does not name are unchanged")
    func keepsScopes() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        #expect(try await broker.stored().grant.scopes == ["read"])
    }

    @Test("The lifetime counts from when the request was sent, however slow the answer")
    func countsFromSending() async throws {
        try await broker.addExpired()
        let gate = Gate()
        let sentAt = broker.clock.now
        broker.exchange.expect(.token(expiresIn: 100), heldBy: gate)
        async let outcome = broker.fly()
        try await broker.exchange.requests(reach: 1)
        broker.clock.advance(by: .seconds(20))
        gate.open()
        _ = try await outcome
        #expect(try await broker.stored().grant.expiresAt == sentAt + .seconds(100))
    }

    @Test("R9: an edit during a refresh and the refresh leave each other alone")
    func editDuringRefresh() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        async let outcome = broker.fly()
        try await broker.exchange.requests(reach: 1)
        var edit = ConnectionEdit()
        edit.labels = ["team": "blue"]
        _ = try await broker.core.connections.edit(TestBroker.connection, edit, by: broker.admin)
        gate.open()
        _ = try await outcome
        #expect(try await broker.accessToken() == "access-2")
        #expect(try await broker.stored().connection.labels == ["team": "blue"])
    }

    // MARK: Who waits, who leaves

    @Test("R6: the refresh is stored although its only caller has gone")
    func callerGone() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        let caller = Task { [broker] in try await broker.read() }
        try await broker.exchange.requests(reach: 1)
        caller.cancel()
        _ = await caller.result
        gate.open()
        try await broker.fly()
        #expect(try await broker.accessToken() == "access-2")
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("A caller waits for 35 seconds; the refresh goes on without it")
    func patience() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        let caller = Task { [broker] in try await failure { () throws(BrokerError) in try await broker.read() } }
        try await broker.exchange.requests(reach: 1)
        try await broker.clock.sleeper(until: broker.clock.now + .seconds(35))
        broker.clock.advance(by: .seconds(35))
        let error = try await caller.value
        #expect(error.code == .providerUnavailable)
        #expect(error.reason == "provider_slow")
        #expect(error.retryAfter != nil)
        gate.open()
        try await broker.fly()
        #expect(try await broker.accessToken() == "access-2")
    }

    @Test("I22: draining waits for the refresh under way, stores it and begins no other")
    func drain() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        let begun = await broker.core.refresher.flight(for: TestBroker.connection, .replacing(version: 1))
        #expect(begun != nil)
        try await broker.exchange.requests(reach: 1)
        async let drained: Void = broker.core.drain()
        gate.open()
        await drained
        #expect(try await broker.accessToken() == "access-2")
        #expect(await broker.core.refresher.flight(for: TestBroker.connection, .replacing(version: 2)) == nil)
    }

    @Test("I22: while draining, an expired credential is answered with shutting_down and a valid one is served")
    func readWhileDraining() async throws {
        try await broker.addExpired()
        try await broker.addConnected(.init("other")!, left: .seconds(10))
        await broker.core.drain()
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .shuttingDown)
        #expect(try await broker.read(.init("other")!).text("access_token") == "access-1")
    }

    // MARK: Ends

    @Test("R21: a connection deleted during its refresh stays deleted, and what came is revoked")
    func deletedMeanwhile() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate) { $0.url.path == "/token" }
        broker.exchange.expect(.json(""), name: "two revocations", times: 2) { $0.url.path == "/revoke" }
        async let outcome = broker.fly()
        try await broker.exchange.requests(reach: 1)
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        gate.open()
        guard case .gone = try await outcome else { return #expect(Bool(false)) }
        #expect(try await broker.store.connection(TestBroker.connection) == nil)
        let revoked = broker.exchange.requests.filter { $0.url.path == "/revoke" }
            .compactMap { try? Parameters(formURLEncoded: $0.body)["token"] }
        #expect(revoked == ["refresh-1", "refresh-2"])
        broker.exchange.verifyAllUsed()
    }

    // MARK: The schedule

    @Test("The schedule refreshes what is due and nothing else")
    func dueRound() async throws {
        try await broker.addConnected { $0.grant.refreshAt = broker.clock.now }
        try await broker.addConnected(.init("later")!) { $0.grant.refreshAt = broker.clock.now + .milliseconds(1) }
        broker.exchange.expect(.token())
        let begun = try await broker.core.schedule.round()
        #expect(begun.count == 1)
        for flight in begun { _ = await flight.value }
        #expect(try await broker.stored().grant.version == 2)
        #expect(try await broker.stored(.init("later")!).grant.version == 1)
        let next = try await broker.core.schedule.round()
        #expect(next.isEmpty)
    }

    @Test("R18: a provider that hangs keeps its own place, and the others' refreshes go on")
    func hungProvider() async throws {
        let gate = Gate()
        try await broker.addConnected { $0.grant.refreshAt = broker.clock.now - .seconds(1) }
        broker.exchange.expect(.token(), heldBy: gate)
        let hung = try await broker.core.schedule.round()
        try await broker.exchange.requests(reach: 1)
        try await broker.addConnected(.init("other")!) { $0.grant.refreshAt = broker.clock.now }
        broker.exchange.expect(.token())
        for flight in try await broker.core.schedule.round() { _ = await flight.value }
        #expect(try await broker.stored(.init("other")!).grant.version == 2)
        gate.open()
        for flight in hung { _ = await flight.value }
        #expect(try await broker.stored().grant.version == 2)
    }

    @Test("I22: while draining nothing begins")
    func roundWhileDraining() async throws {
        try await broker.addConnected { $0.grant.refreshAt = broker.clock.now }
        await broker.core.drain()
        let begun = try await broker.core.schedule.round()
        #expect(begun.isEmpty)
    }

    @Test("R17: a five-minute token is not due as soon as it came, whatever margin the profile wants")
    func noLoop() async throws {
        let broker = try TestBroker(profile: #""expiry": {"default_lifetime": null, "refresh_margin": 900}"#)
        try await broker.addExpired()
        broker.exchange.expect(.token(expiresIn: 300))
        try await broker.fly()
        for _ in 0..<10 { _ = try await broker.read(minTTL: .seconds(86_400)) }
        let begun = try await broker.core.schedule.round()
        #expect(begun.isEmpty)
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("A read that finds the refresh due starts it and does not wait")
    func dueOnRead() async throws {
        try await broker.addConnected { $0.grant.refreshAt = broker.clock.now + .seconds(5) }
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        #expect(try await broker.read().int("version") == 1)
        broker.clock.advance(by: .seconds(5))
        for _ in 0..<3 { #expect(try await broker.read().int("version") == 1) }
        try await broker.exchange.requests(reach: 1)
        gate.open()
        try await broker.fly()
        #expect(try await broker.read().int("version") == 2)
    }
}
