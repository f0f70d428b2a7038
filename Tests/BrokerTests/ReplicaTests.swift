import BrokerTesting
import OAuth
import Testing

@testable import Broker

/// Several brokers over one store: replicas, or a process that stood still and another that took over.
@Suite("Several brokers over one store")
struct ReplicaTests {
    let broker: TestBroker

    init() throws { broker = try TestBroker() }

    private func read(_ core: BrokerCore) async throws -> CachedCredential {
        let id = TestBroker.connection
        if let entry = core.credentials.warm(id, for: broker.runtime, minTTL: nil) { return entry }
        return try await core.credentials.current(id, for: broker.runtime, minTTL: nil)
    }

    @Test("R2: three replicas are asked for one expired credential at once: one call")
    func oneCall() async throws {
        try await broker.addExpired()
        let cores = [broker.core, broker.restart(), broker.restart()]
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        let flights = try await withThrowingTaskGroup(of: RefreshOutcome.self) { group in
            for core in cores {
                group.addTask {
                    try await #require(
                        await core.refresher.flight(for: TestBroker.connection, .replacing(version: 1))
                    ).value
                }
            }
            try await gate.arrivals(reach: 1)
            var outcomes: [RefreshOutcome] = []
            // Two that see who is at it, and then the one that is.
            for _ in 0..<2 { if let outcome = try await group.next() { outcomes.append(outcome) } }
            gate.open()
            if let outcome = try await group.next() { outcomes.append(outcome) }
            return outcomes
        }
        try #require(flights.count == 3)
        guard case .underWayElsewhere = flights[0], case .underWayElsewhere = flights[1], case .refreshed = flights[2]
        else { return #expect(Bool(false), "\(flights)") }
        #expect(broker.tokenRequests().count == 1)
        for core in cores { #expect(try await read(core).version == 2) }
        #expect(broker.tokenRequests().count == 1)
    }

    @Test("R4: one that stood still past its lease, and was overtaken, overwrites nothing with its late answer")
    func overtaken() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token("late", refresh: "late"), heldBy: gate)
        broker.exchange.expect(.token("newer", refresh: "newer"))
        let still = try #require(await broker.core.refresher.flight(for: TestBroker.connection, .replacing(version: 1)))
        try await gate.arrivals(reach: 1)
        broker.clock.advance(by: RefreshPolicy().lease + .seconds(1))
        #expect(try await read(broker.restart()).version == 2)
        gate.open()
        _ = await still.value
        #expect(try await broker.accessToken() == "newer")
        #expect(try await broker.refreshToken() == "newer")
        #expect(try await read(broker.core).version == 2)
    }

    @Test("R4: one that stood still past its lease, and was not overtaken, keeps what it got")
    func notOvertaken() async throws {
        try await broker.addExpired()
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        let still = try #require(await broker.core.refresher.flight(for: TestBroker.connection, .replacing(version: 1)))
        try await gate.arrivals(reach: 1)
        broker.clock.advance(by: RefreshPolicy().lease * 10)
        gate.open()
        _ = await still.value
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(try await read(broker.restart()).version == 2)
        #expect(broker.tokenRequests().count == 1)
    }

    @Test("R10: whatever happens between, a refresh token whose successor came is never presented again")
    func neverTwice() async throws {
        try await broker.addExpired()
        for round in 2...4 {
            broker.exchange.expect(.token("access-\(round)", refresh: "refresh-\(round)"))
            let core = broker.restart()
            try await core.prepare()
            let version = try await broker.stored().grant.version
            let flight = await core.refresher.flight(for: TestBroker.connection, .replacing(version: version))
            _ = try await #require(flight).value
            // Who saw the older version comes too late.
            let late = await core.refresher.flight(for: TestBroker.connection, .replacing(version: version))
            guard case .superseded = try await #require(late).value else { return #expect(Bool(false)) }
        }
        #expect(broker.tokenRequests().map { $0["refresh_token"] } == ["refresh-1", "refresh-2", "refresh-3"])
    }

    @Test("R15: a rotation that ends the old access token empties every memory, here at once, elsewhere as it is told")
    func purged() async throws {
        try await broker.addConnected()
        let other = broker.restart()
        var changes = broker.store.changes().makeAsyncIterator()
        for core in [broker.core, other] { #expect(try await read(core).version == 1) }
        #expect(other.credentials.warm(TestBroker.connection, for: broker.runtime, minTTL: nil)?.version == 1)
        broker.exchange.expect(.token())
        try await broker.fly(.forced(version: 1))
        #expect(broker.core.credentials.warm(TestBroker.connection, for: broker.runtime, minTTL: nil) == nil)
        // What `run` does with each.
        other.cache.apply(try #require(await changes.next()))
        #expect(other.credentials.warm(TestBroker.connection, for: broker.runtime, minTTL: nil) == nil)
        // The manual clock has not moved: no time was spent on it.
        #expect(try await read(other).version == 2)
    }
}
