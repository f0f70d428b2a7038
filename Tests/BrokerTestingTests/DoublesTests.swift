import Broker
import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("ManualClock, SeededRandom, ScriptedExchange, RecordingAudit")
struct DoublesTests {
    @Test("ManualClock: a sleeper wakes when the clock is moved far enough, not before")
    func clockWakes() async throws {
        let clock = ManualClock(now: Timestamp(seconds: 100))
        let early = Task { try await clock.sleep(for: .seconds(5)) }
        let late = Task { try await clock.sleep(for: .seconds(6)) }
        try await clock.sleepers(reach: 2)
        clock.advance(by: .seconds(5))
        try await early.value
        #expect(clock.now == Timestamp(seconds: 105))
        #expect(clock.deadlines == [Timestamp(seconds: 106)])
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(clock.deadlines.isEmpty)
    }

    @Test("ManualClock: no time at all is slept without anybody's help")
    func clockZero() async throws {
        try await ManualClock().sleep(for: .zero)
    }

    @Test("SeededRandom: the same in every run, and no word twice")
    func random() {
        let (one, same, other) = (SeededRandom(seed: 7), SeededRandom(seed: 7), SeededRandom(seed: 8))
        let first = one.bytes(20)
        #expect(first.count == 20)
        #expect(first == same.bytes(20))
        #expect(first != other.bytes(20))
        let words = (0..<1000).map { _ in one.bytes(8) }
        #expect(Set(words).count == words.count)
    }

    private func request(_ url: String) throws -> EndpointRequest {
        EndpointRequest(method: .post, url: try EndpointURL(url), headerFields: [:], body: [])
    }

    @Test("ScriptedExchange: expectations are used in order, a matching one first come")
    func exchangeOrder() async throws {
        let exchange = ScriptedExchange()
        exchange.expect(.json("{}"), name: "revoke") { $0.url.string.hasSuffix("revoke") }
        exchange.expect(.json("1", status: 503))
        exchange.expect(.failure(ExchangeFailure(.timedOut, detail: "", mayHaveArrived: true)))
        #expect(try await exchange.send(request("https://a.example/token"), within: .seconds(1)).status == 503)
        #expect(try await exchange.send(request("https://a.example/revoke"), within: .seconds(2)).status == 200)
        await #expect(throws: ExchangeFailure(.timedOut, detail: "", mayHaveArrived: true)) {
            try await exchange.send(try request("https://a.example/token"), within: .seconds(1))
        }
        #expect(exchange.requests.count == 3)
        #expect(exchange.sent[1].deadline == .seconds(2))
        exchange.verifyAllUsed()
    }

    @Test("ScriptedExchange: unscripted requests and unused expectations are issues")
    func exchangeLoud() async throws {
        let exchange = ScriptedExchange()
        let request = try request("https://a.example/token")
        await withKnownIssue {
            await #expect(throws: ExchangeFailure.self) { try await exchange.send(request, within: .seconds(1)) }
        }
        exchange.expect(.json("{}"), times: nil)
        exchange.expect(.json("{}"), name: "never")
        withKnownIssue { exchange.verifyAllUsed() }
    }

    @Test("ScriptedExchange: an answer is held until the test opens the gate")
    func exchangeHeld() async throws {
        let exchange = ScriptedExchange()
        let gate = Gate()
        exchange.expect(.json("{}"), heldBy: gate)
        let request = try request("https://a.example/token")
        let answer = Task { try await exchange.send(request, within: .seconds(1)) }
        try await gate.arrivals(reach: 1)
        gate.open()
        #expect(try await answer.value.status == 200)
    }

    @Test("RecordingAudit: keeps events, and refuses them when told to")
    func audit() throws {
        let audit = RecordingAudit()
        let event = AuditEvent(at: Timestamp(seconds: 1), action: .credentialRead, caller: "agent")
        try audit.record(event)
        audit.fail(with: AuditFailure("the disk is full"))
        #expect(throws: AuditFailure.self) { try audit.record(event) }
        #expect(audit.events == [event])
    }
}
