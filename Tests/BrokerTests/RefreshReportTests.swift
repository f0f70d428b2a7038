import BrokerTesting
import HTTPTypes
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

/// Refreshes that a runtime asks for.
struct RefreshReportTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    private func fingerprint(_ token: String) -> String { sha256(Array(token.utf8)).hexadecimal }

    @Test("R16: a reported 401 refreshes when it names the current credential")
    func reported() async throws {
        try await broker.addConnected()
        broker.exchange.expect(.token())
        let entry = try await broker.core.credentials.refresh(
            TestBroker.connection, for: broker.runtime, rejected: fingerprint("access-1").uppercased())
        #expect(entry.version == 2)
    }

    @Test("R16: a reported 401 about an older credential is answered with the current one, without a call")
    func reportedLate() async throws {
        try await broker.addConnected()
        let entry = try await broker.core.credentials.refresh(
            TestBroker.connection, for: broker.runtime, rejected: fingerprint("access-0"))
        #expect(entry.version == 1)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("R16: a late report never gets an expired credential back")
    func reportedLateExpired() async throws {
        try await broker.addExpired()
        broker.exchange.expect(.token())
        let entry = try await broker.core.credentials.refresh(
            TestBroker.connection, for: broker.runtime, rejected: fingerprint("access-0"))
        #expect(entry.version == 2)
    }

    @Test("A credential that was refused and has no refresh token asks for the owner, and the log says who said so")
    func rejected() async throws {
        try await broker.addConnected(refreshToken: nil)
        let error = try await failure { () throws(BrokerError) in
            try await broker.core.credentials.refresh(
                TestBroker.connection, for: broker.runtime, rejected: fingerprint("access-1"))
        }
        #expect(error.code == .reauthorizationRequired)
        #expect(error.reason == "rejected")
        #expect(try await broker.stored().grant.reauthorization == .rejected)
        #expect(broker.audit.events.last?.caller == "bot")
        #expect(broker.audit.events.last?.reason == "rejected")
    }

    @Test("Without a refresh token a refresh cannot be forced")
    func notRefreshable() async throws {
        try await broker.addConnected(refreshToken: nil)
        let error = try await failure { () throws(BrokerError) in
            try await broker.core.credentials.refresh(TestBroker.connection, for: broker.runtime, rejected: nil)
        }
        #expect(error.code == .notRefreshable)
    }
}
