import BrokerTesting
import Foundation
import OAuth
import Synchronization
import Testing

@testable import Broker

@Suite("Brakes: hosts that do not answer, clients that are refused, and places at a host")
struct BrakeTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let probe = Duration.seconds(60)

    // MARK: The value

    @Test("Failures in a row close it at the threshold; each further one doubles the pause, up to the longest")
    func pauses() {
        var brake = Brake(threshold: 3, first: .seconds(1), longest: .seconds(5))
        var now = Self.now
        for _ in 0..<2 {
            brake.failed(at: now, reason: "x")
            #expect(brake.wait(at: now, probe: Self.probe) == nil)
        }
        for pause in [1, 2, 4, 5, 5] {
            brake.failed(at: now, reason: "x")
            #expect(brake.wait(at: now, probe: Self.probe) == now + .seconds(pause))
            now = now + .seconds(pause)
            #expect(brake.wait(at: now, probe: Self.probe) == nil, "one goes through to see")
            #expect(brake.wait(at: now, probe: Self.probe) == now + Self.probe, "the others wait for it")
        }
        brake.succeeded()
        #expect(brake.wait(at: now, probe: Self.probe) == nil)
        brake.failed(at: now, reason: "x")
        #expect(brake.wait(at: now, probe: Self.probe) == nil, "it counts anew")
    }

    @Test("A probe that never comes back lets another one through")
    func deadProbe() {
        var brake = Brake.client(.seconds(10))
        for _ in 0..<2 { brake.failed(at: Self.now, reason: "invalid_client") }
        let later = Self.now + .seconds(10)
        #expect(brake.wait(at: later, probe: Self.probe) == nil)
        #expect(brake.wait(at: later + Self.probe, probe: Self.probe) == nil)
    }

    @Test(
        "R18: no second has more turns than the rate, whether or not a turn takes whole milliseconds",
        arguments: [
            1, 3, 50, 300, 400, 700, 1000, 1500, 100_000,
        ])
    func turns(rate: Int) {
        var turns = Turns()
        let times = (0..<rate * 3).map { _ in turns.take(at: Self.now, perSecond: rate) }
        #expect(times.first == Self.now)
        #expect(times == times.sorted())
        for second in 0..<3 {
            let start = Self.now + .seconds(second)
            let count = times.count { $0 >= start && $0 < start + .seconds(1) }
            #expect(count <= rate)
            #expect(Double(count) >= Double(rate) * 0.99 - 1, "and hardly fewer")
        }
        #expect(!turns.isOver(at: Self.now))
        let later = Self.now + .seconds(60)
        #expect(turns.isOver(at: later))
        #expect(turns.take(at: later, perSecond: rate) == later, "what nobody took is not made up for")
        #expect(turns.take(at: later, perSecond: rate) > later || rate > 1000)
    }

    // MARK: Through the refresher

    private func connections(_ broker: TestBroker, _ count: Int) async throws -> [ConnectionID] {
        var ids: [ConnectionID] = []
        for number in 1...count {
            let id = ConnectionID("c\(number)")!
            try await broker.addConnected(id, left: .seconds(-1)) { $0.grant.refreshAt = broker.clock.now }
            ids.append(id)
        }
        return ids
    }

    @Test(
        "R13: a client that is refused twice in a row is paused as a whole; its next secret ends the pause for all at once"
    )
    func client() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 5)
        broker.exchange.expect(.error("invalid_client", status: 401), times: 2)
        for id in ids { try await broker.fly(.due, id) }
        #expect(broker.tokenRequests().count == 2)
        for id in ids {
            let failure = try #require(try await broker.stored(id).grant.failure)
            #expect(failure.reason == "invalid_client")
            #expect(failure.retryAt.since(broker.clock.now) >= .seconds(1800) - .seconds(60))
        }
        _ = try await broker.core.clients.addSecret(
            .secret(Secret("next")), to: TestBroker.client, by: broker.admin)
        broker.exchange.expect(.token(), times: 5)
        for id in ids { try await broker.fly(.due, id) }
        #expect(broker.tokenRequests().count == 7)
        for id in ids { #expect(try await broker.stored(id).grant.failure == nil) }
    }

    @Test("R13: half an hour later one connection sees whether the client is taken again")
    func clientProbe() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 4)
        broker.exchange.expect(.error("invalid_client", status: 401), times: 2)
        for id in ids { try await broker.fly(.due, id) }
        broker.clock.advance(by: .seconds(1800) + .seconds(61))
        broker.exchange.expect(.error("invalid_client", status: 401))
        for id in ids { try await broker.fly(.due, id) }
        #expect(broker.tokenRequests().count == 3)
    }

    @Test("R13: one connection that is refused among others that are taken pauses nobody")
    func oneRefused() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 6)
        for (number, id) in ids.enumerated() {
            broker.exchange.expect(number % 2 == 0 ? .error("invalid_client", status: 401) : .token())
            try await broker.fly(.due, id)
        }
        #expect(broker.tokenRequests().count == 6)
    }

    @Test("A host that does not answer five times in a row is left alone, and tried by one when its pause is over")
    func host() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 12)
        broker.exchange.expect(.json("", status: 503), times: 5)
        for id in ids { try await broker.fly(.due, id) }
        #expect(broker.tokenRequests().count == 5)
        let braked = try #require(try await broker.stored(ids[8]).grant.failure)
        #expect(braked.attempts == 0, "what was not sent is no try")
        broker.clock.advance(by: .seconds(2))
        broker.exchange.expect(.token())
        try await broker.fly(.due, ids[8])
        #expect(try await broker.stored(ids[8]).grant.failure == nil)
        broker.exchange.expect(.token())
        try await broker.fly(.due, ids[9])
        #expect(broker.tokenRequests().count == 7, "one success opens it")
    }

    @Test("An administrator goes past a brake, whose mending may be a moment old")
    func forced() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 3)
        broker.exchange.expect(.error("invalid_client", status: 401), times: 2)
        for id in ids.prefix(2) { try await broker.fly(.due, id) }
        broker.exchange.expect(.token())
        try await broker.fly(.forced(version: 1), ids[2])
        #expect(try await broker.stored(ids[2]).grant.version == 2)
    }

    @Test("A brake hides no unknown outcome")
    func unknownStays() async throws {
        let broker = try TestBroker()
        let ids = try await connections(broker, 2)
        broker.exchange.expect(.error("invalid_client", status: 401), times: 2)
        for id in ids { try await broker.fly(.due, id) }
        try await broker.addConnected(.init("x")!, left: .seconds(-1)) {
            $0.grant.refreshAt = broker.clock.now
            $0.grant.attempt = RefreshAttempt(id: "a", fence: 1, owner: "dead", leaseUntil: broker.clock.now)
        }
        try await broker.fly(.due, .init("x")!)
        #expect(try await broker.stored(.init("x")!).grant.failure?.isOutcomeUnknown == true)
    }

    // MARK: Places

    @Test("R18: connections that come due together begin in turn: so many a second, so many at once; others pass them")
    func turns() async throws {
        let broker = try TestBroker {
            $0.ratePerHost = 10
            $0.concurrencyPerHost = 3
            $0.concurrency = 64
        }
        let ids = try await connections(broker, 8)
        let gate = Gate()
        broker.exchange.expect(.token(), times: 3, heldBy: gate)
        let first = try await broker.core.schedule.round()
        #expect(first.count == 8)
        for count in 2...3 {
            try await broker.clock.sleepers(reach: 1)
            broker.clock.advance(by: .milliseconds(100))
            try await broker.exchange.requests(reach: count)
        }
        #expect(broker.exchange.requests.count == 3, "three at once")
        try await broker.addConnected(.init("urgent")!, left: .seconds(-1))
        broker.exchange.expect(.token())
        #expect(try await broker.read(.init("urgent")!).text("access_token") == "access-2")
        broker.exchange.expect(.token(), times: 5)
        gate.open()
        let clock = Task {
            while !Task.isCancelled {
                try await broker.clock.sleepers(reach: 1)
                broker.clock.advance(by: .milliseconds(100))
                await Task.yield()
            }
        }
        for flight in first { _ = await flight.value }
        clock.cancel()
        for id in ids { #expect(try await broker.stored(id).grant.version == 2) }
    }

    @Test(
        "R18: many that expire in one minute begin at the rate, soonest first, and nobody is served an expired one"
    )
    func spread() async throws {
        // CREDENCE_MANY=100000 takes minutes.
        let count = ProcessInfo.processInfo.environment["CREDENCE_MANY"].flatMap { Int($0) } ?? 120
        let rate = min(1000, max(10, count / 50))
        let broker = try TestBroker {
            $0.ratePerHost = rate
            $0.concurrencyPerHost = max(16, rate / 20)
        }
        for number in 0..<count {
            let left = Duration.milliseconds(600_000 + Int64(number) * 60_000 / Int64(count))
            try await broker.addConnected(ConnectionID("c\(number)")!, left: left) {
                $0.grant.refreshAt = $0.grant.expiresAt.map { $0 - .seconds(300) }
            }
        }
        let times = Locked<[Timestamp]>([])
        broker.exchange.expect(.token(), times: nil) { _ in
            times.withLock { $0.append(broker.clock.now) }
            return true
        }
        var flights: [Task<RefreshOutcome, Never>] = []
        broker.clock.advance(by: .seconds(300))
        let start = broker.clock.now
        var asked = 0
        var readers: [Task<Int?, any Error>] = []
        while times.withLock({ $0.count }) < count {
            flights += try await broker.core.schedule.round()
            for _ in 0..<12 {
                broker.clock.advance(by: .milliseconds(20))
                // Until all have begun that may: whoever is under way waits, and whoever has a place sleeps.
                while true {
                    let waiting = await broker.core.refresher.brakes.waiting
                    let places = min(broker.core.schedule.policy.concurrencyPerHost, waiting)
                    if await broker.core.refresher.flightsUnderWay == waiting, broker.clock.sleeping >= places { break }
                    await Task.yield()
                }
            }
            // Somebody asks for one that is not among the first, near its end.
            if broker.clock.now.since(start) > .seconds(5), asked < 5 {
                asked += 1
                let id = ConnectionID("c\(count - asked)")!
                readers.append(Task { [broker] in try await broker.read(id, minTTL: .seconds(400)).int("version") })
            }
            try #require(broker.clock.now.since(start) < .seconds(300), "they are not through before they expire")
        }
        for flight in flights { _ = await flight.value }
        for reader in readers { #expect(try await reader.value == 2) }
        #expect(readers.count == 5)
        let seconds = Dictionary(grouping: times.withLock { $0 }) { Int($0.since(start).wholeMilliseconds / 1000) }
        let most = seconds.values.map(\.count).max() ?? 0
        #expect(
            most <= rate + max(16, rate / 20) + 5, "at most the rate, those at once, and those that somebody asked for")
        #expect(broker.tokenRequests().count == count)
        for number in stride(from: 0, to: count, by: 97) {
            #expect(try await broker.stored(ConnectionID("c\(number)")!).grant.version == 2)
        }
    }

    @Test("R18: whoever asks for an expired credential waits for nobody's turn, though its own refresh is in the queue")
    func hurried() async throws {
        let broker = try TestBroker {
            $0.ratePerHost = 1
            $0.concurrencyPerHost = 2
        }
        let ids = try await connections(broker, 6)
        let gate = Gate()
        broker.exchange.expect(.token("first"), heldBy: gate)
        let flights = try await broker.core.schedule.round()
        try await broker.exchange.requests(reach: 1)
        broker.exchange.expect(.token("asked"))
        #expect(try await broker.read(ids[5]).text("access_token") == "asked")
        #expect(broker.exchange.requests.count == 2, "the others still wait")
        gate.open()
        broker.exchange.expect(.token(), times: 4)
        let clock = Task {
            while !Task.isCancelled {
                try await broker.clock.sleepers(reach: 1)
                broker.clock.advance(by: .milliseconds(100))
                await Task.yield()
            }
        }
        for flight in flights { _ = await flight.value }
        clock.cancel()
        for id in ids { #expect(try await broker.stored(id).grant.version == 2) }
    }

    @Test("I22: a stop lets go of those that wait, and begins none of them")
    func stop() async throws {
        let broker = try TestBroker { $0.ratePerHost = 1 }
        let ids = try await connections(broker, 5)
        broker.exchange.expect(.token())
        let flights = try await broker.core.schedule.round()
        try await broker.exchange.requests(reach: 1)
        try await broker.clock.sleepers(reach: 4)
        async let drained: Void = broker.core.drain()
        try await broker.clock.sleepers(reach: 4)
        while await !broker.core.refresher.isStopping { await Task.yield() }
        broker.clock.advance(by: .milliseconds(100))
        await drained
        for flight in flights { _ = await flight.value }
        #expect(broker.tokenRequests().count == 1)
        for id in ids { #expect(try await broker.stored(id).grant.attempt == nil) }
    }
}
