import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

@Suite("A restored store, and one that is verified")
struct MaintenanceTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    // MARK: The hold

    @Test("R22: a held store serves what is valid, refreshes nothing and revokes nothing, until it is claimed")
    func held() async throws {
        broker.core.hold.begin()
        try await broker.addConnected()
        #expect(try await broker.read().text("access_token") == "access-1")
        broker.clock.advance(by: .seconds(3100))
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .providerUnavailable && error.reason == "restored")
        #expect(error.detail.contains("credence restore claim"))
        for occasion in [RefreshOccasion.due, .replacing(version: 1), .forced(version: 1)] {
            try await broker.fly(occasion)
        }
        #expect(try await broker.core.schedule.round().isEmpty)
        #expect(try await broker.stored().grant.failure == nil, "nothing is written down")
        #expect(broker.exchange.requests.isEmpty)

        broker.core.hold.end()
        broker.exchange.expect(.token())
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test("R22: what is deleted in a held store is revoked when it is claimed")
    func heldRevocation() async throws {
        try await broker.addConnected()
        broker.core.hold.begin()
        let outcome = try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(outcome == .pending(reason: "restored"))
        #expect(try await broker.core.revoker.round().isEmpty)
        #expect(broker.exchange.requests.isEmpty)
        broker.core.hold.end()
        broker.exchange.expect(.json("", status: 200))
        for payment in try await broker.core.revoker.round() { await payment.value }
        #expect(broker.exchange.requests.map(\.url.path) == ["/revoke"])
    }

    @Test("What spends no refresh token goes on in a held store")
    func heldClientCredentials() async throws {
        try await broker.addClient()
        broker.core.hold.begin()
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.client = TestBroker.client
        request.grantType = .clientCredentials
        broker.exchange.expect(.token(refresh: nil))
        _ = try await broker.core.connections.create(request, by: broker.admin)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    // MARK: Verification

    @Test("Everything opens, and is counted")
    func whole() async throws {
        try await broker.addConnected()
        let report = try await broker.core.maintenance.verify()
        #expect(report.problems == [] && report.connections == 1)
        // Access token, refresh token, client secret.
        #expect(report.boxes == 3)
    }

    @Test("S1: a box with one bit turned is named, and the others are looked at")
    func flipped() async throws {
        try await broker.addConnected()
        try await broker.addConnected(.init("other")!)
        let key = try await broker.stored().key
        var grant = try await broker.stored().grant
        var bytes = try #require(grant.refresh).bytes
        bytes[bytes.count - 20] ^= 4
        grant.refresh = try SealedBox(bytes)
        grant.version = 1
        _ = try await broker.store.commit(key, replacing: 1, with: grant, at: broker.clock.now)
        let report = try await broker.core.maintenance.verify()
        #expect(report.problems.count == 1 && report.boxes == 5)
        #expect(report.problems.first?.hasPrefix("connections: crm, refresh") == true, "\(report.problems)")
    }

    @Test("S3: a row that was put back is older than what was handed out of it")
    func putBack() async throws {
        let old = try await broker.addConnected()
        _ = try await broker.read()
        broker.exchange.expect(.token())
        try await broker.fly()
        _ = try await broker.read()
        #expect(try await broker.core.maintenance.verify().problems == [])
        _ = try await broker.store.delete(old.id, owing: { _ in nil })
        _ = try await broker.store.insert(old)
        let report = try await broker.core.maintenance.verify()
        #expect(report.problems.count == 1 && report.problems.first?.contains("put back") == true, "\(report.problems)")
    }
}
