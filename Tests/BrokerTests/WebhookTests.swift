import BrokerTesting
import Crypto
import Foundation
import HTTPTypes
import OAuth
import Testing

@testable import Broker

@Suite("Webhooks")
struct WebhookTests {
    private let broker: TestBroker
    private let ops = WebhookID("ops")!

    init() throws {
        broker = try TestBroker()
    }

    @discardableResult
    private func add(
        _ name: String = "ops", events: Set<ConnectionEvent.Kind> = [], secret: Secret? = nil
    ) async throws -> Secret {
        try await broker.core.webhooks.add(
            WebhookID(name), url: "https://\(name).example/hook", events: events, secret: secret, by: broker.admin
        ).secret
    }

    private func answer(_ status: Int, _ name: String = "ops", times: Int = 1, _ fields: HTTPFields = [:]) {
        broker.exchange.expect(
            .answer(EndpointResponse(status: status, headerFields: fields)), name: name, times: times
        ) { $0.url.host == "\(name).example" }
    }

    private func send() async throws {
        for sending in try await broker.core.sender.round() { await sending.value }
    }

    private func deliveries(_ name: String = "ops") -> [EndpointRequest] {
        broker.exchange.requests.filter { $0.url.host == "\(name).example" }
    }

    private func told(_ name: String = "ops") throws -> [JSONObject] {
        try deliveries(name).map { request in
            guard case .object(let object) = try JSONReader.read(request.body) else { return JSONObject([]) }
            return object
        }
    }

    private func waiting() async throws -> Int {
        try await broker.core.webhooks.backlogs()[ops]?.count ?? 0
    }

    // MARK: What is told

    @Test("A refused refresh token is told with its reason, by the write that noted it")
    func reauthorization() async throws {
        try await add()
        try await broker.addExpired { $0.connection.labels = ["team": "blue"] }
        broker.exchange.expect(.error("invalid_grant")) { $0.url.path == "/token" }
        _ = try await failure { () throws(BrokerError) in try await broker.read() }
        answer(204)
        try await send()
        let event = try #require(try told().first)
        #expect(event.text("type") == "connection.reauthorization_required")
        #expect(event.text("timestamp") == broker.clock.now.iso8601)
        let data = try #require(event.object("data"))
        #expect(data.text("connection") == "crm")
        #expect(data.text("provider") == "acme")
        #expect(data.text("status") == "reauthorization_required")
        #expect(data.text("reason") == "revoked")
        #expect(data.text("provider_error") == "invalid_grant")
        #expect(data.object("labels")?.text("team") == "blue")
        #expect(try await waiting() == 0)
    }

    @Test("A first failure is degraded, the next says nothing, a success is recovered")
    func degradedAndRecovered() async throws {
        try await add()
        try await broker.addConnected(left: .seconds(40))
        for _ in 0..<2 {
            broker.exchange.expect(.json("{}", status: 503)) { $0.url.path == "/token" }
            try await broker.fly()
            broker.clock.advance(by: .seconds(10))
        }
        broker.exchange.expect(.token()) { $0.url.path == "/token" }
        try await broker.fly()
        answer(200, times: 2)
        try await send()
        // They are sent at once, and may arrive in any order.
        let told = try told().sorted { $0.text("timestamp") ?? "" < $1.text("timestamp") ?? "" }
        #expect(told.map { $0.text("type") } == ["connection.degraded", "connection.recovered"])
        #expect(told.first?.object("data")?.text("reason") == "provider_unavailable")
        #expect(told.last?.object("data")?.text("status") == "active")
    }

    @Test("A credential that ends with nothing to renew it is told once, also after a restart")
    func lapsed() async throws {
        try await add()
        try await broker.addConnected(left: .seconds(30), refreshToken: nil)
        try await broker.core.notices.round()
        #expect(try await waiting() == 0, "it is still good")
        broker.clock.advance(by: .seconds(60))
        for _ in 0..<2 { try await broker.core.notices.round() }
        try await broker.restart().notices.round()
        #expect(try await waiting() == 1)
        answer(200)
        try await send()
        #expect(try told().first?.object("data")?.text("reason") == "expired")
    }

    @Test("R20: a clock that is set back and forth tells an end once, and the grant goes on")
    func clockJumps() async throws {
        try await add()
        try await broker.addConnected(left: .seconds(600), refreshToken: nil)
        let start = broker.clock.now
        for moment in [start, start + .seconds(3600), start, start + .seconds(3600)] {
            broker.clock.set(to: moment)
            try await broker.core.notices.round()
        }
        #expect(try await waiting() == 1)
        broker.clock.restart(at: start)
        let entry = try await broker.restart().credentials.current(
            TestBroker.connection, for: broker.runtime, minTTL: nil)
        #expect(entry.version == 1, "what was told was wrong, and has cost nothing")
    }

    @Test("A refresh token that ends within two weeks is told once for each end, also after a restart")
    func expiring() async throws {
        try await add(events: [.expiring])
        try await broker.addConnected { [broker] in
            $0.grant.refreshTokenExpiresAt = broker.clock.now + .seconds(86_400)
        }
        try await broker.core.notices.round()
        try await broker.restart().notices.round()
        #expect(try await waiting() == 1)
        #expect(broker.audit.events.filter { $0.action == .connectionExpiring }.count == 1)
    }

    @Test("Who chose events is told of no others, and nothing waits for who is out of use")
    func choice() async throws {
        try await add(events: [.recovered])
        try await broker.addExpired()
        broker.exchange.expect(.error("invalid_grant")) { $0.url.path == "/token" }
        _ = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(try await waiting() == 0)
    }

    // MARK: How it is sent

    @Test("The signature is that of the specification's own example")
    func vector() throws {
        let key = try #require(WebhookSignature.key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
        let header = WebhookSignature.header(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, body: #"{"test": 2432232314}"#, keys: [key])
        #expect(header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("While a secret is changed over both sign; after the grace the new one alone does")
    func overlap() async throws {
        let first = try await add()
        let second = try await broker.core.webhooks.rotate(ops, secret: nil, grace: .seconds(60), by: broker.admin)
        #expect(first.reveal() != second.reveal())
        answer(200, times: 2)
        for count in [2, 1] {
            #expect(try await broker.core.webhooks.test(ops) == .delivered(status: 200))
            let request = try #require(deliveries().last)
            let signatures = try #require(request.headerFields[.webhookSignature]).split(separator: " ")
            #expect(signatures.count == count)
            #expect(signatures.first.map(String.init) == signature(of: request, with: second))
            #expect((signatures.last.map(String.init) == signature(of: request, with: first)) == (count == 2))
            broker.clock.advance(by: .seconds(60))
        }
    }

    private func signature(of request: EndpointRequest, with secret: Secret) -> String {
        let key = SymmetricKey(data: Data(base64Encoded: String(secret.reveal().dropFirst(6)))!)
        let head = "\(request.headerFields[.webhookID]!).\(request.headerFields[.webhookTimestamp]!)."
        let code = HMAC<SHA256>.authenticationCode(for: Data(head.utf8) + Data(request.body), using: key)
        return "v1,\(Data(code).base64EncodedString())"
    }

    @Test("A receiver's own secret is taken in the specification's form, and in no other")
    func ownSecret() async throws {
        let own = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        #expect(try await add(secret: own).reveal() == own.reveal())
        for wrong in ["", "short", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_not base64"] {
            let error = try await failure { () async throws(BrokerError) in
                try await broker.core.webhooks.add(
                    nil, url: "https://x.example", events: [], secret: Secret(wrong), by: broker.admin)
            }
            #expect(error.code == .invalidRequest && error.field == "secret")
            #expect(wrong.isEmpty || !error.detail.contains(wrong))
        }
    }

    @Test("What is not taken is tried again, later each time, with the same ID, until it is")
    func retries() async throws {
        try await add()
        try await fail()
        for (attempt, pause) in [5, 300, 1800].enumerated() {
            answer(500)
            try await send()
            #expect(deliveries().count == attempt + 1)
            try await send()
            #expect(deliveries().count == attempt + 1, "not before its time")
            broker.clock.advance(by: .seconds(pause))
        }
        answer(200)
        try await send()
        #expect(deliveries().count == 4)
        #expect(Set(deliveries().map { $0.headerFields[.webhookID] }).count == 1)
        #expect(try await waiting() == 0)
    }

    /// One event waits.
    private func fail(_ id: ConnectionID = TestBroker.connection) async throws {
        let stored = try await broker.addConnected(id, left: .seconds(-1))
        let claim = try await broker.store.claim(
            stored.key, version: 1, attempt: "a", owner: "o", until: broker.clock.now + .seconds(9),
            now: broker.clock.now)
        guard case .claimed = claim else { throw BrokerError.internalError("not claimed") }
        let note = AbandonNote(reauthorization: .revoked, failure: nil, refreshAt: nil)
        #expect(
            try await broker.store.abandon(stored.key, version: 1, attempt: "a", note: note, at: broker.clock.now))
    }

    @Test("R11: a receiver's Retry-After is honoured")
    func retryAfter() async throws {
        try await add()
        try await fail()
        answer(429, "ops", times: 1, [.retryAfter: "600"])
        try await send()
        broker.clock.advance(by: .seconds(599))
        try await send()
        #expect(deliveries().count == 1)
        broker.clock.advance(by: .seconds(1))
        answer(200)
        try await send()
        #expect(try await waiting() == 0)
    }

    @Test("A receiver that is gone (410) is sent nothing more until an administrator says so")
    func gone() async throws {
        try await add()
        try await fail()
        answer(410)
        try await send()
        #expect(try await broker.core.webhooks.webhook(ops).disabledReason == "gone")
        #expect(broker.audit.events.last?.action == .webhookDisable)
        broker.clock.advance(by: .seconds(86_400))
        try await send()
        #expect(deliveries().count == 1)
        try await broker.core.webhooks.enable(ops, by: broker.admin)
        answer(200)
        try await send()
        #expect(try await waiting() == 0, "what waited then is sent")
    }

    @Test("An event that nobody takes for three days is dropped, and the log says so")
    func patience() async throws {
        try await add()
        try await fail()
        for _ in 0..<20 where try await waiting() > 0 {
            answer(503)
            try await send()
            broker.clock.advance(by: .seconds(28_800))
        }
        #expect(try await waiting() == 0)
        #expect((9...15).contains(deliveries().count), "\(deliveries().count) tries")
        #expect(broker.log.lines.contains { $0.contains("dropped") && $0.contains("ops") })
    }

    @Test("A receiver that hangs holds up nobody else's events, and is asked one at a time")
    func hanging() async throws {
        try await add("slow")
        try await add()
        for number in 0..<6 { try await fail(ConnectionID("c\(number)")!) }
        let gate = Gate()
        broker.exchange.expect(.timeout, name: "slow", times: nil, heldBy: gate) { $0.url.host == "slow.example" }
        answer(200, times: 6)
        let begun = try await broker.core.sender.round()
        try await broker.exchange.requests(reach: 8)
        #expect(deliveries("slow").count == 4)
        gate.open()
        for sending in begun { await sending.value }
        try await send()
        #expect(deliveries().count == 6)
        #expect(deliveries("slow").count == 5, "it failed, so it gets one at a time")
    }

    @Test("R6: what waits outlives a restart")
    func restart() async throws {
        try await add()
        try await fail()
        answer(200)
        for sending in try await broker.restart().sender.round() { await sending.value }
        #expect(deliveries().count == 1)
    }

    @Test("A crash between answer and note sends the event once more, with the same ID")
    func atLeastOnce() async throws {
        try await add()
        try await fail()
        answer(200, times: 2)
        broker.store.failNext(.deleteDelivery)
        try await send()
        broker.clock.advance(by: .seconds(5))
        try await send()
        #expect(deliveries().count == 2)
        #expect(deliveries()[0].headerFields[.webhookID] == deliveries()[1].headerFields[.webhookID])
        #expect(try await waiting() == 0)
    }

    // MARK: Administration

    @Test("An address that is none, or not https, is refused", arguments: ["ftp://x", "x", "http://ops.example/", ""])
    func address(_ url: String) async throws {
        let error = try await failure { () async throws(BrokerError) in
            try await broker.core.webhooks.add(nil, url: url, events: [], secret: nil, by: broker.admin)
        }
        #expect(error.code == .invalidRequest && error.field == "url")
    }

    @Test("A test says what became of it, and leaves nothing behind")
    func test() async throws {
        try await add()
        answer(302)
        #expect(try await broker.core.webhooks.test(ops) == .failed("status_302"))
        broker.exchange.expect(.timeout) { $0.url.host == "ops.example" }
        #expect(try await broker.core.webhooks.test(ops) == .failed("timed_out"))
        #expect(try told().allSatisfy { $0.text("type") == "webhook.test" })
        #expect(try await waiting() == 0)
    }

    @Test("I9: no event, log line or audit line holds a secret")
    func secrets() async throws {
        let secret = try await add()
        try await broker.addExpired()
        broker.exchange.expect(
            .json(#"{"error":"invalid_grant","error_description":"refresh-1 is over"}"#, status: 400)
        ) {
            $0.url.path == "/token"
        }
        _ = try await failure { () throws(BrokerError) in try await broker.read() }
        answer(500)
        try await send()
        let written =
            broker.log.lines + broker.audit.events.map { "\($0)" }
            + deliveries().map { String(decoding: $0.body, as: UTF8.self) }
            + [String(describing: try await broker.core.webhooks.webhook(ops))]
        for canary in [secret.reveal(), "refresh-1", "access-1", "client-secret"] {
            #expect(written.allSatisfy { !$0.contains(canary) }, "\(canary.prefix(8))…")
        }
    }
}
