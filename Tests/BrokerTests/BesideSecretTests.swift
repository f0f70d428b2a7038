import BrokerTesting
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

@Suite("Secrets beside OAuth's tokens")
struct BesideSecretTests {
    private let broker: TestBroker

    init() async throws {
        broker = try TestBroker()
        try await broker.addClient(provider: "gated", fields: ["region": "eu"])
        try await broker.addConnected(left: .seconds(2000)) { stored in
            stored.connection = Connection(
                id: stored.id, provider: "gated", client: TestBroker.client, kind: .oauth2,
                createdAt: stored.connection.createdAt, updatedAt: stored.connection.createdAt)
        }
    }

    @discardableResult
    private func set(_ key: String, rotation: Bool = false) async throws(BrokerError) -> StoredConnection {
        try await broker.core.connections.setSecret(
            SecretChange(.fields(["gateway_key": Secret(key)]), isRotation: rotation), of: TestBroker.connection,
            by: broker.admin)
    }

    private func headers() async throws -> JSONObject? { try await broker.read().object("headers") }

    @Test("It goes into requests beside the token, survives a refresh, and its change is seen at once")
    func together() async throws {
        try await set("gate-1")
        #expect(try await headers()?.text("X-Gateway-Key") == "gate-1")
        #expect(try await headers()?.text("Authorization") == "Bearer access-1")
        broker.exchange.expect(.token())
        _ = try await broker.fly(.forced(version: 1))
        #expect(try await headers()?.text("X-Gateway-Key") == "gate-1")
        #expect(try await headers()?.text("Authorization") == "Bearer access-2")
        try await set("gate-2", rotation: true)
        #expect(try await headers()?.text("X-Gateway-Key") == "gate-2")
        #expect(try await broker.stored().grant.version == 2, "the grant is left alone")
        let versions = try await broker.core.connections.secretHistory(of: TestBroker.connection, for: broker.admin)
        #expect(versions.map(\.version) == [2, 1])
        #expect(versions.map { $0.box != nil } == [true, false])
        #expect(
            broker.audit.events.filter { [.secretSet, .secretRotate].contains($0.action) }.map(\.fingerprint)
                == [versions[1].fingerprint, versions[0].fingerprint])
    }

    @Test("A refresh that is under way when it is set loses nothing")
    func duringRefresh() async throws {
        try await set("gate-1")
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate)
        async let outcome = broker.fly(.forced(version: 1))
        try await broker.exchange.requests(reach: 1)
        try await set("gate-2")
        gate.open()
        guard case .refreshed = try await outcome else { return #expect(Bool(false)) }
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(try await headers()?.text("X-Gateway-Key") == "gate-2")
    }

    @Test("One that is required and missing is told by its name, and nothing is handed out")
    func missing() async throws {
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.reason == "secret_missing")
        #expect(error.actor == .administrator)
        #expect(error.detail.contains("gateway_key"))
    }

    @Test("The value that stands there makes no version; others' names, dates and earlier values are refused")
    func refusals() async throws {
        try await set("gate-1")
        try await set("gate-1")
        #expect(
            try await broker.core.connections.secretHistory(of: TestBroker.connection, for: broker.admin).count == 1)
        let connections = broker.core.connections
        var change = SecretChange(.fields(["gateway_key": Secret("x"), "other": Secret("y")]), isRotation: false)
        #expect(
            try await failure { () throws(BrokerError) in
                try await connections.setSecret(change, of: TestBroker.connection, by: broker.admin)
            }.code == .invalidRequest)
        change = SecretChange(.fields(["gateway_key": Secret("x")]), isRotation: false)
        change.expiresAt = broker.clock.now + .seconds(60)
        #expect(
            try await failure { () throws(BrokerError) in
                try await connections.setSecret(change, of: TestBroker.connection, by: broker.admin)
            }.code == .invalidRequest)
        #expect(
            try await failure { () throws(BrokerError) in
                try await connections.rollbackSecret(of: TestBroker.connection, to: nil, by: broker.admin)
            }.code == .conflict)
    }

    @Test("Whoever wants a key that the profile does not ask for is told that consent brings the credential")
    func unasked() async throws {
        let plain = Identifier<Connection>("plain")!
        try await broker.addClient(.init("acme-app")!)
        try await broker.addConnected(plain) { stored in
            stored.connection = Connection(
                id: plain, provider: "acme", client: .init("acme-app"), kind: .oauth2,
                createdAt: stored.connection.createdAt, updatedAt: stored.connection.createdAt)
        }
        let error = try await failure { () throws(BrokerError) in
            try await broker.core.connections.setSecret(
                SecretChange(.apiKey(Secret("k")), isRotation: false), of: plain, by: broker.admin)
        }
        #expect(error.code == .invalidRequest)
        #expect(error.detail.contains("consent"))
    }
}
