import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

@Suite("Secrets in versions")
struct SecretVersionTests {
    private let broker: TestBroker
    private var connections: Connections { broker.core.connections }

    init() throws {
        broker = try TestBroker()
    }

    private func create(_ key: String? = "k-1") async throws {
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "api-key"
        request.fields = ["hosts": "api.example.com"]
        request.secret = key.map { .apiKey(Secret($0)) }
        _ = try await connections.create(request, by: broker.admin)
    }

    @discardableResult
    private func rotate(
        _ key: String, _ change: (inout SecretChange) -> Void = { _ in }
    ) async throws(BrokerError) -> StoredConnection {
        var wanted = SecretChange(.apiKey(Secret(key)), isRotation: true)
        change(&wanted)
        return try await connections.setSecret(wanted, of: TestBroker.connection, by: broker.admin)
    }

    private func rollback(_ version: Int? = nil) async throws(BrokerError) -> StoredConnection {
        try await connections.rollbackSecret(of: TestBroker.connection, to: version, by: broker.admin)
    }

    private func history() async throws -> [SecretVersion] {
        try await connections.secretHistory(of: TestBroker.connection, for: broker.admin)
    }

    @Test("A rotated secret is current at once, and the one before comes back as a new version")
    func rotateAndBack() async throws {
        try await create()
        #expect(try await rotate("k-2").grant.version == 2)
        #expect(try await broker.read().text("api_key") == "k-2")
        #expect(try await rollback().grant.version == 3)
        #expect(try await broker.read().text("api_key") == "k-1")
        let versions = try await history()
        #expect(versions.map(\.version) == [3, 2, 1])
        #expect(versions.map(\.restores) == [1, nil, nil])
        #expect(
            versions[0].fingerprint == versions[2].fingerprint && versions[0].fingerprint != versions[1].fingerprint)
        #expect(versions.allSatisfy { $0.setBy == "root" })
        #expect(broker.audit.events.map(\.action).suffix(2) == [.secretRollback, .credentialRead])
        #expect(
            broker.audit.events.filter { [.secretRotate, .secretRollback].contains($0.action) }.map(\.fingerprint)
                == [versions[1].fingerprint, versions[0].fingerprint])
    }

    @Test("A named version comes back; one that is not kept does not, and says so")
    func named() async throws {
        try await create()
        try await rotate("k-2") { $0.keepPrevious = .zero }
        try await rotate("k-3")
        #expect(try await failure { () throws(BrokerError) in try await rollback(1) }.code == .conflict)
        #expect(try await failure { () throws(BrokerError) in try await rollback(9) }.code == .conflict)
        #expect(try await failure { () throws(BrokerError) in try await rollback(3) }.code == .conflict)
        _ = try await rollback(2)
        #expect(try await broker.read().text("api_key") == "k-2")
    }

    @Test("After its time an earlier value is destroyed, and its fingerprint stays")
    func time() async throws {
        try await create()
        try await rotate("k-2")
        broker.clock.advance(by: SecretChange.usualKeep)
        #expect(try await failure { () throws(BrokerError) in try await rollback() }.code == .conflict)
        #expect(try await broker.store.forgetSecrets(keptUntil: broker.clock.now) == 1)
        let versions = try await history()
        #expect(versions.map(\.version) == [2, 1] && versions.allSatisfy { $0.box == nil })
    }

    @Test("The value that is there makes no version, so a run that was cut is run again")
    func again() async throws {
        try await create()
        #expect(try await rotate("k-2").grant.version == 2)
        #expect(try await rotate("k-2").grant.version == 2)
        #expect(try await history().count == 2)
        // A date is news.
        #expect(try await rotate("k-2") { $0.expiresAt = broker.clock.now + .seconds(60) }.grant.version == 3)
    }

    @Test("Nothing is rotated where nothing was set")
    func nothing() async throws {
        try await create(nil)
        #expect(try await failure { () throws(BrokerError) in try await rotate("k-1") }.code == .conflict)
    }

    @Test(
        "A verified secret takes its place after a call with it; a refused one changes nothing", arguments: [200, 204])
    func verified(status: Int) async throws {
        try await create()
        broker.exchange.expect(.json("{}", status: status))
        #expect(try await rotate("k-2") { $0.verifyAt = "https://api.example.com/me?x=1" }.grant.version == 2)
        let sent = try #require(broker.exchange.requests.last)
        #expect(sent.url.string == "https://api.example.com/me?x=1")
        #expect(sent.headerFields.contains { $0.value.contains("k-2") })
        for (status, code) in [
            (401, BrokerError.Code.secretRefused), (403, .secretRefused), (404, .providerUnavailable),
        ] {
            broker.exchange.expect(.json("{}", status: status))
            let error = try await failure { () throws(BrokerError) in
                try await rotate("k-3") { $0.verifyAt = "https://api.example.com/me" }
            }
            #expect(error.code == code && !error.detail.contains("k-3"))
        }
        broker.exchange.expect(.timeout)
        let error = try await failure { () throws(BrokerError) in
            try await rotate("k-3") { $0.verifyAt = "https://api.example.com/me" }
        }
        #expect(error.code == .providerUnavailable)
        #expect(try await broker.read().text("api_key") == "k-2")
    }

    @Test(
        "N1: a secret is verified at its connection's own hosts alone",
        arguments: [
            "https://evil.example/me", "http://api.example.com/me", "https://api.example.com.evil.example/", "x",
        ])
    func elsewhere(url: String) async throws {
        try await create()
        let error = try await failure { () throws(BrokerError) in try await rotate("k-2") { $0.verifyAt = url } }
        #expect(error.field == "verify_url")
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("A key with a date is refused after it, and told of 30, 14 and 3 days before, once each")
    func expiry() async throws {
        try await create()
        let day = Duration.seconds(86_400)
        try await rotate("k-2") { $0.expiresAt = broker.clock.now + day * 31 }
        var told: [String?] = []
        for _ in 0..<32 {
            try await broker.core.notices.round()
            try await broker.core.notices.round()
            broker.clock.advance(by: day)
        }
        told = broker.audit.events.filter { $0.action == .secretExpiring }.map(\.reason)
        #expect(told == ["30_days", "14_days", "3_days"])
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .reauthorizationRequired && error.reason == "expired")
        try await rotate("k-3")
        #expect(try await broker.read().text("api_key") == "k-3")
    }

    @Test("A client's secret with a date is told of too")
    func clientExpiry() async throws {
        try await broker.addClient()
        _ = try await broker.core.clients.addSecret(
            .secret(Secret("dated")), to: TestBroker.client, expiresAt: broker.clock.now + .seconds(86_400),
            by: broker.admin)
        try await broker.core.notices.round()
        broker.clock.advance(by: .seconds(7 * 3600))
        try await broker.core.notices.round()
        let told = broker.audit.events.filter { $0.action == .clientSecretExpiring }
        #expect(told.map(\.reason) == ["3_days"] && told.map(\.subject) == ["app"])
    }

    @Test("S8: an earlier value comes back after the data key was rotated")
    func acrossKeys() async throws {
        _ = try await broker.store.insert(broker.storedRing)
        try await create()
        try await rotate("k-2")
        _ = try await broker.core.keys.rotate(by: broker.admin)
        await broker.core.keys.waitForNothing()
        while await !broker.core.keys.isAtRest { try await broker.core.keys.advance() }
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.term) == [2])
        let (core, sealing) = try await broker.reopened()
        _ = try await core.connections.rollbackSecret(of: TestBroker.connection, to: nil, by: broker.admin)
        #expect(try sealing.material(of: try await broker.stored()) == .apiKey(Secret("k-1")))
    }
}

@Suite("Client secrets on trial")
struct ClientSecretTrialTests {
    private let broker: TestBroker
    private var trials: ClientSecretTrials { broker.core.clientSecretTrials }

    init() throws {
        broker = try TestBroker()
    }

    /// A second one behind the first.
    private func standby(expiresAt: Timestamp? = nil) async throws -> Int {
        if try await broker.store.client(TestBroker.client) == nil { try await broker.addClient() }
        return try await broker.core.clients.addSecret(
            .secret(Secret("newer")), to: TestBroker.client, isStandby: true, expiresAt: expiresAt, by: broker.admin
        ).number
    }

    private func verify(_ number: Int, by connection: ConnectionID? = nil) async throws(BrokerError)
        -> ClientSecretTrials.Answer
    {
        try await trials.verify(number, of: TestBroker.client, by: connection, for: broker.admin)
    }

    private func passwords() -> [String?] {
        broker.exchange.requests.map { request in
            request.headerFields[.authorization].flatMap { Data(base64Encoded: String($0.dropFirst(6))) }
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test("One on standby is not used until it is preferred; both stay")
    func prefer() async throws {
        let number = try await standby()
        #expect(try await broker.core.clients.client(TestBroker.client).secrets.map(\.number) == [1, number])
        try await broker.core.clients.preferSecret(number, of: TestBroker.client, by: broker.admin)
        #expect(try await broker.core.clients.client(TestBroker.client).secrets.map(\.number) == [number, 1])
        #expect(broker.audit.events.last?.action == .clientSecretPrefer)
    }

    @Test("A token call in the client's own name tries that secret and no other")
    func byItself() async throws {
        let number = try await standby()
        broker.exchange.expect(.token(refresh: nil))
        #expect(try await verify(number) == .taken)
        broker.exchange.expect(.error("unauthorized_client"))
        #expect(try await verify(number) == .known)
        broker.exchange.expect(.error("invalid_client", status: 401))
        #expect(try await failure { () throws(BrokerError) in try await verify(number) }.code == .secretRefused)
        broker.exchange.expect(.error("unsupported_grant_type"))
        #expect(try await failure { () throws(BrokerError) in try await verify(number) }.code == .providerUnavailable)
        #expect(broker.tokenRequests().allSatisfy { $0["grant_type"] == "client_credentials" })
        #expect(passwords() == Array(repeating: "our-id:newer", count: 4))
        #expect(broker.audit.events.filter { $0.action == .clientSecretVerify }.map(\.result).first == "ok")
    }

    @Test("A connection's refresh tries it first, and a refused one costs the connection nothing")
    func byConnection() async throws {
        try await broker.addConnected()
        let number = try await standby()
        broker.exchange.expect(.error("invalid_client", status: 401))
        broker.exchange.expect(.token("access-2"))
        let error = try await failure { () throws(BrokerError) in try await verify(number, by: TestBroker.connection) }
        #expect(error.code == .secretRefused)
        #expect(passwords() == ["our-id:newer", "our-id:client-secret"])
        #expect(try await broker.accessToken() == "access-2")
        #expect(try await broker.stored().grant.failure == nil)
        broker.exchange.expect(.token("access-3"))
        #expect(try await verify(number, by: TestBroker.connection) == .taken)
        // The trial is over: the one that its administrator prefers goes first again.
        broker.exchange.expect(.token("access-4"))
        try await broker.fly(.replacing(version: 3))
        #expect(passwords().suffix(2) == ["our-id:newer", "our-id:client-secret"])
    }

    @Test("One that has ended is not asked for")
    func ended() async throws {
        let number = try await standby(expiresAt: broker.clock.now + .seconds(60))
        broker.clock.advance(by: .seconds(61))
        #expect(try await failure { () throws(BrokerError) in try await verify(number) }.code == .secretRefused)
        #expect(broker.exchange.requests.isEmpty)
    }
}
