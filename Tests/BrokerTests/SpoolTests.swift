import BrokerTesting
import OAuth
import Testing

@testable import Broker

/// Credentials that came and could not be written, and refreshes whose outcome nobody knows (security cases R3, R8).
@Suite("What a stop or a broken store leaves behind")
struct SpoolTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    /// Refreshes while the store takes no grant; the flight has given up writing by itself.
    private func refreshUnwritten() async throws -> RefreshOutcome {
        try await broker.addExpired()
        broker.store.failNext(.commit, times: 6, with: StoreFailure(.notWritable, "The disk is full."))
        broker.exchange.expect(.token())
        async let flight = broker.fly()
        for pause in [250, 500, 1000, 2000, 4000] {
            try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(pause))
            broker.clock.advance(by: .milliseconds(pause))
        }
        return try await flight
    }

    @Test("R8: it is in the spool, sealed, is handed out, and the service is not healthy")
    func served() async throws {
        guard case .unwritten = try await refreshUnwritten() else { return #expect(Bool(false)) }
        let record = try #require(broker.spool.records.first)
        #expect(!String(decoding: record, as: UTF8.self).contains("access-2"))
        #expect(try await broker.read().text("access_token") == "access-2")
        #expect(broker.core.unwrittenCredentials == 1)
        let version = try await broker.stored().grant.version
        guard case .unwritten = try await broker.fly(.forced(version: version)) else { return #expect(Bool(false)) }
        #expect(broker.exchange.requests.count == 1, "the spent refresh token is not sent again")
    }

    @Test("R8: what people decide counts for it too: a disabled connection hands nothing out")
    func disabledMeanwhile() async throws {
        _ = try await refreshUnwritten()
        #expect(try await broker.read().text("access_token") == "access-2")
        _ = try await broker.core.connections.setDisabled(true, TestBroker.connection, by: broker.admin)
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .connectionDisabled)
    }

    @Test("A start whose store cannot be read for what waits does not go on: a spent token would be sent")
    func unreadableAtStart() async throws {
        _ = try await refreshUnwritten()
        broker.store.failNext(.connection, with: StoreFailure(.busy, "another program"))
        await #expect(throws: StoreFailure.self) { try await broker.restart().prepare() }
        #expect(broker.spool.records.count == 1)
        try await broker.restart().prepare()
        #expect(try await broker.refreshToken() == "refresh-2")
    }

    @Test("R8: it is written as soon as the store takes it, and the spool is empty")
    func writtenLater() async throws {
        _ = try await refreshUnwritten()
        let task = Task { await broker.core.refresher.unwritten.run() }
        try await broker.clock.sleepers(reach: 1)
        task.cancel()
        await task.value
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.spool.records.isEmpty)
        #expect(broker.core.unwrittenCredentials == 0)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test("R3: killed with a record in the spool: the next process writes it; one call in all")
    func replayed() async throws {
        _ = try await refreshUnwritten()
        let next = broker.restart()
        try await next.prepare()
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(try await broker.accessToken() == "access-2")
        #expect(broker.spool.records.isEmpty)
        #expect(broker.exchange.requests.count == 1)
        try await next.prepare()
        #expect(try await broker.stored().grant.version == 2, "a second replay changes nothing")
    }

    @Test("R3: killed between commit and the freeing of its place: the record is old and goes")
    func replayedTwice() async throws {
        _ = try await refreshUnwritten()
        let records = broker.spool.records
        let next = broker.restart()
        try await next.prepare()
        for record in records { _ = try broker.spool.keep(record) }
        broker.exchange.expect(.token("access-3", refresh: "refresh-3"))
        _ = try await #require(next.refresher.flight(for: TestBroker.connection, .forced(version: 2))).value
        try await broker.restart().prepare()
        #expect(try await broker.refreshToken() == "refresh-3")
        #expect(broker.spool.records.isEmpty)
    }

    @Test(
        "R3: a torn record does not open, and the outcome is unknown",
        arguments: [
            { Array($0.dropLast()) }, { Array($0.prefix(10)) }, { $0 + [0] }, { $0.map { $0 ^ 1 } }, { _ in [1] },
            { bytes in
                var bytes = bytes
                bytes[bytes.count / 2] ^= 0x40
                return bytes
            },
        ] as [@Sendable ([UInt8]) -> [UInt8]])
    func torn(tear: @Sendable ([UInt8]) -> [UInt8]) async throws {
        _ = try await refreshUnwritten()
        broker.spool.tear(tear)
        let next = broker.restart()
        try await next.prepare()
        #expect(try await broker.stored().grant.version == 1)
        #expect(broker.spool.records.isEmpty)
        broker.exchange.expect(.error("invalid_grant"))
        for flight in try await next.schedule.round() { _ = await flight.value }
        #expect(try await broker.stored().grant.reauthorization == .lost)
    }

    @Test("A lost grant is found again when its record surfaces")
    func lostAndFound() async throws {
        _ = try await refreshUnwritten()
        let records = broker.spool.records
        broker.spool.tear { _ in [] }
        let next = broker.restart()
        try await next.prepare()
        broker.exchange.expect(.error("invalid_grant"))
        for flight in try await next.schedule.round() { _ = await flight.value }
        #expect(try await broker.stored().grant.reauthorization == .lost)
        for record in records { _ = try broker.spool.keep(record) }
        try await broker.restart().prepare()
        let grant = try await broker.stored().grant
        #expect(grant.reauthorization == nil && grant.version == 2)
        #expect(try await broker.refreshToken() == "refresh-2")
    }

    @Test("R21: what waits for a connection that is gone by now is given back")
    func gone() async throws {
        _ = try await refreshUnwritten()
        broker.exchange.expect(.json(""), times: 2) { $0.url.path == "/revoke" }
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        let task = Task { await broker.core.refresher.unwritten.run() }
        try await broker.clock.sleepers(reach: 1)
        task.cancel()
        await task.value
        #expect(broker.spool.records.isEmpty)
        let told = broker.exchange.requests.filter { $0.url.path == "/revoke" }.compactMap {
            try? Parameters(formURLEncoded: $0.body)["token"]
        }
        #expect(told == ["refresh-1", "refresh-2"])
    }

    @Test("With a spool that is broken too it is held in memory, and handed out all the same")
    func spoolBroken() async throws {
        broker.spool.fail(with: StoreFailure(.notWritable, "The disk is full."))
        guard case .unwritten = try await refreshUnwritten() else { return #expect(Bool(false)) }
        #expect(try await broker.read().text("access_token") == "access-2")
        #expect(broker.log.lines.contains { $0.hasPrefix("critical") && $0.contains("in memory alone") })
    }

    // MARK: Unknown outcomes

    @Test("R3: an intent that a killed process left is taken up at once by the next, and the token is sent again")
    func intent() async throws {
        try await broker.addExpired {
            $0.grant.attempt = RefreshAttempt(
                id: "a", fence: 1, owner: "dead", leaseUntil: broker.clock.now + .seconds(60))
        }
        let next = broker.restart()
        try await next.prepare()
        broker.exchange.expect(.token())
        for flight in try await next.schedule.round() { _ = await flight.value }
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(try await broker.stored().grant.attempt == nil)
    }

    @Test("R3: an answer that never came, then invalid_grant: the token is lost, and its owner is asked")
    func answerNeverCame() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.timeout)
        try await broker.fly()
        #expect(try await broker.stored().grant.failure?.isOutcomeUnknown == true)
        broker.clock.advance(by: .seconds(5))
        broker.exchange.expect(.error("invalid_grant"))
        try await broker.fly()
        #expect(try await broker.stored().grant.reauthorization == .lost)
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.reason == "lost")
    }
}
