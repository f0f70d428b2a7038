import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

@Suite("A clock that somebody sets")
struct ClockTests {
    let broker: TestBroker

    init() throws { broker = try TestBroker() }

    @Test(
        "R20: a clock that is set back by an hour, or to 1970, lends no credential a minute of life", arguments: [1, 0])
    func setBack(hours: Int64) async throws {
        try await broker.addConnected(left: .seconds(600))
        let start = broker.clock.now
        broker.clock.set(to: hours == 0 ? Timestamp(seconds: 0) : start - .seconds(3600 * hours))
        #expect(try await broker.read().int("version") == 1)
        #expect(try await broker.read().int("expires_in") == 600)
        broker.clock.advance(by: .seconds(600))
        broker.exchange.expect(.token())
        #expect(try await broker.read().int("version") == 2)
        #expect(try await broker.read().int("expires_in") == 3600)
        broker.clock.set(to: start + .seconds(600))
        #expect(try await broker.read().int("expires_in") == 3600, "put right, nothing has changed")
    }

    @Test("R20: by a clock that is set forward nothing expired is handed out, and what is new has its whole life")
    func setForward() async throws {
        try await broker.addConnected()
        broker.clock.set(to: Timestamp(seconds: 4_000_000_000))
        broker.exchange.expect(.timeout)
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .providerUnavailable)
        broker.clock.advance(by: .seconds(120))
        broker.exchange.expect(.token())
        #expect(try await broker.read().int("expires_in") == 3600)
        broker.clock.set(to: Timestamp(seconds: 1_800_000_000))
        #expect(try await broker.read().int("expires_in") == 3600)
        broker.clock.advance(by: .seconds(3590))
        broker.exchange.expect(.token("access-3"))
        #expect(try await broker.read().text("access_token") == "access-3")
    }

    @Test("R20: a service that starts with its clock behind trusts no credential that seems to come from the future")
    func startBehind() async throws {
        try await broker.addConnected()
        try await broker.addConnected(.init("fixed")!, refreshToken: nil)
        broker.clock.restart(at: Timestamp(seconds: 86_400))
        let core = broker.restart()
        #expect(try await core.schedule.round().isEmpty, "and begins nothing by itself")
        broker.exchange.expect(.token())
        let fresh = try await core.credentials.current(TestBroker.connection, for: broker.runtime, minTTL: nil)
        #expect(fresh.version == 2)
        let again = try await core.credentials.current(TestBroker.connection, for: broker.runtime, minTTL: nil)
        #expect(again.version == 2, "what it brought itself it trusts")
        #expect(core.credentials.warm(TestBroker.connection, for: broker.runtime, minTTL: nil)?.version == 2)
        let fixed = try await core.credentials.current(.init("fixed")!, for: broker.runtime, minTTL: nil)
        #expect(fixed.version == 1, "what cannot be renewed is the best there is")
    }

    @Test("R20: a clock that is set forward by an hour makes no mass of refreshes, and put right has cost few")
    func noMass() async throws {
        for number in 0..<60 {
            try await broker.addConnected(.init("c\(number)")!) {
                $0.grant.refreshAt = broker.clock.now + .seconds(60 * Int64(number) + 30)
            }
        }
        let schedule = broker.core.schedule
        #expect(try await schedule.round().isEmpty)
        broker.clock.set(to: broker.clock.now + .seconds(3600))
        #expect(try await schedule.round().isEmpty)
        broker.exchange.expect(.token(), times: 4)
        for _ in 0..<60 {
            broker.clock.advance(by: .seconds(1))
            for flight in try await schedule.round() { _ = await flight.value }
        }
        #expect(broker.tokenRequests().count == 4, "a minute takes what four minutes make due")
        broker.exchange.expect(.token(), times: 56)
        for _ in 0..<(19 * 60) {
            broker.clock.advance(by: .seconds(1))
            for flight in try await schedule.round() { _ = await flight.value }
        }
        #expect(broker.tokenRequests().count == 60, "and in twenty minutes the hour is made up for")
    }

    @Test("R20: an assertion is dated by the wall clock, with which others compare theirs")
    func wall() async throws {
        let secret = Secret(String(repeating: "s", count: 32))
        try await broker.addClient(method: "client_secret_jwt", secret: secret)
        try await broker.addExpired()
        broker.clock.set(to: Timestamp(seconds: 1_700_000_000))
        broker.exchange.expect(.token())
        try await broker.fly()
        let assertion = try #require(broker.tokenRequests().first?["client_assertion"])
        let claims = try #require(IDToken.unverifiedClaims(Secret(assertion)))
        #expect(claims.int("iat") == 1_700_000_000 - 10)
    }

    // MARK: The parts

    @Test("R20: time is what has passed, and what the wall clock says beyond that")
    func processTime() {
        let time = ProcessTime()
        #expect(time.now(wall: Timestamp(seconds: 1000), elapsed: .seconds(5)) == Timestamp(seconds: 1000))
        #expect(time.now(wall: Timestamp(seconds: 400), elapsed: .seconds(6)) == Timestamp(seconds: 1001))
        #expect(time.now(wall: Timestamp(seconds: 4600), elapsed: .seconds(7)) == Timestamp(seconds: 4600))
        #expect(time.now(wall: Timestamp(seconds: 1003), elapsed: .seconds(8)) == Timestamp(seconds: 4601))
        #expect(time.now(wall: Timestamp(seconds: 0), elapsed: .seconds(3608)) == Timestamp(seconds: 8201))
    }

    @Test("R20: a host that slept, or woke late, is no leap of its clock")
    func asleep() {
        var pace = SchedulePace()
        var now = Timestamp(seconds: 1000)
        #expect(pace.horizon(now: now, elapsed: .zero) == now)
        now = now + .seconds(8 * 3600)
        #expect(pace.horizon(now: now, elapsed: .seconds(8 * 3600)) == now)
        now = now + .seconds(5)
        #expect(pace.horizon(now: now, elapsed: .seconds(8 * 3600)) == now)
    }
}
