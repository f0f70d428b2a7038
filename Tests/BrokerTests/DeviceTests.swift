import BrokerTesting
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

/// Device authorizations (RFC 8628), polled by hand.
@Suite("Device authorization")
struct DeviceTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker(server: #""device_authorization_endpoint": "https://as.example/device","#)
    }

    private func begin(_ grant: GrantType = .deviceCode) async throws -> DeviceConsent {
        _ = try await broker.newConnection { $0.grantType = grant }
        broker.exchange.expect(
            .json(
                #"{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://as.example/d","expires_in":600,"interval":5}"#
            ))
        return try await broker.core.devices.begin(TestBroker.connection, by: broker.admin)
    }

    private func poll(_ answer: ScriptedExchange.Outcome, after seconds: Int = 5) async throws {
        broker.clock.advance(by: .seconds(seconds))
        broker.exchange.expect(answer)
        for poll in try await broker.core.devices.round() { await poll.value }
    }

    private static func pending(_ code: String) -> ScriptedExchange.Outcome {
        .json(#"{"error":"\#(code)"}"#, status: 400)
    }

    private func state() async throws -> String? {
        try await broker.core.devices.deviceConsent(of: try await broker.stored())?.status(at: broker.clock.now)
    }

    @Test("RFC 8628 §3.4: the first poll waits one interval, and the token is stored", arguments: [true, false])
    func granted(ofItsOwn: Bool) async throws {
        let device = try await begin(ofItsOwn ? .deviceCode : .authorizationCode)
        #expect(device.userCode == "WDJB-MJHT")
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(broker.exchange.requests.count == 1, "not yet")
        try await poll(Self.pending("authorization_pending"))
        #expect(try await state() == "pending")
        try await poll(.token())
        #expect(try await broker.read().text("access_token") == "access-2")
        #expect(try await state() == "connected")
        let form = try #require(broker.tokenRequests().last)
        #expect(form["grant_type"] == GrantType.deviceCode.rawValue)
        #expect(form["device_code"] == "dc")
    }

    @Test("F23: slow_down adds five seconds for good")
    func slowDown() async throws {
        _ = try await begin()
        try await poll(Self.pending("slow_down"))
        broker.clock.advance(by: .seconds(9))
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(broker.exchange.requests.count == 2, "ten seconds are not over")
        try await poll(Self.pending("authorization_pending"), after: 1)
        broker.clock.advance(by: .seconds(9))
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(broker.exchange.requests.count == 3)
    }

    @Test("F23: a refusal ends it, and nothing is asked any more", arguments: ["access_denied", "expired_token"])
    func refused(code: String) async throws {
        _ = try await begin()
        try await poll(Self.pending(code))
        #expect(try await state() == code)
        broker.clock.advance(by: .seconds(60))
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(broker.exchange.requests.count == 2)
        #expect(try await broker.stored().status(at: broker.clock.now) == .pending)
    }

    @Test("F23: it ends by itself when its time is over")
    func expires() async throws {
        _ = try await begin()
        broker.clock.advance(by: .seconds(601))
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(try await state() == "expired_token")
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("RFC 8628 §3.5: no answer makes the polls rarer, and the consent goes on")
    func unreachable() async throws {
        _ = try await begin()
        try await poll(.timeout)
        #expect(try await state() == "pending")
        broker.clock.advance(by: .seconds(5))
        for poll in try await broker.core.devices.round() { await poll.value }
        #expect(broker.exchange.requests.count == 2, "ten seconds now")
        try await poll(.token())
        #expect(try await broker.accessToken() == "access-2")
    }

    @Test("R21: a connection that is gone gets nothing, and its token is given back")
    func deleted() async throws {
        _ = try await begin()
        let gate = Gate()
        broker.clock.advance(by: .seconds(5))
        broker.exchange.expect(.token(), heldBy: gate) { $0.url.path == "/token" }
        broker.exchange.expect(.json("")) { $0.url.path == "/revoke" }
        let polls = try await broker.core.devices.round()
        try await broker.exchange.requests(reach: 2)
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        gate.open()
        for poll in polls { await poll.value }
        #expect(try await broker.store.connection(TestBroker.connection) == nil)
        #expect(broker.exchange.requests.last?.url.path == "/revoke")
    }

    @Test("The page begins it by its button, keeps the code when it is loaded again, and says when it is connected")
    func page() async throws {
        let link = try await broker.newConnection { $0.grantType = .deviceCode }
        let before = try await broker.core.consent.page(ticket: link.ticket, browser: "b")
        #expect(before.isDevice)
        #expect(before.device == nil)
        broker.exchange.expect(
            .json(#"{"device_code":"dc","user_code":"U","verification_uri":"https://as.example/d","expires_in":600}"#))
        for _ in 0..<2 {
            let step = try await broker.core.consent.start(
                ticket: link.ticket, browser: "b", formToken: before.formToken)
            guard case .code = step else { return #expect(Bool(false)) }
        }
        #expect(try await broker.core.consent.page(ticket: link.ticket, browser: "b").device?.userCode == "U")
        #expect(broker.exchange.requests.count == 1)

        try await poll(.token())
        #expect(try await broker.core.consent.page(ticket: link.ticket, browser: "b").isConnected)
        broker.clock.advance(by: .seconds(1))
        let later = try await broker.reconnect()
        #expect(try await !broker.core.consent.page(ticket: later.ticket, browser: "b").isConnected, "it asks anew")
    }
}
