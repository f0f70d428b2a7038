import BrokerTesting
import Foundation
import GRDB
import Logging
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker
@testable import SQLiteStore

/// A refresh over a disk of which one call fails, then the next, then the next: until a refresh needs no more calls.
@Suite("A refresh over a disk that fails", .serialized)
struct DiskFaultTests {
    /// One try on a store of its own.
    private struct Trial {
        let folder: String
        let keyRing: KeyRing
        let exchange = ScriptedExchange()
        let clock = ManualClock()
        let catalog: ProviderCatalog

        init(_ folder: String) throws {
            self.folder = folder
            keyRing = try KeyRing.create(masterKey: MasterKey(.random(32))).0
            catalog = try ProviderCatalog.load()
        }

        func store() throws -> SQLiteStore { try SQLiteStore(folder: folder) }

        func core(_ store: SQLiteStore) throws -> BrokerCore {
            var configuration = BrokerCore.Configuration(publicURL: "https://broker.example")
            configuration.policy.ratePerHost = 0
            return BrokerCore(
                configuration: configuration, store: store, keyRing: keyRing, catalog: catalog, exchange: exchange,
                audit: RecordingAudit(), clock: clock, random: SeededRandom(),
                logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() },
                spool: try FileSpool(path: folder + "/spool"))
        }

        var admin: Caller { Caller(id: .init("root")!, role: .admin, createdAt: Timestamp(seconds: 0)) }

        /// A connection whose credential has run out.
        func prepare() async throws {
            let store = try store()
            let core = try core(store)
            var request = ClientRequest(provider: "oauth2", clientID: "our-id")
            request.id = .init("app")
            request.fields = [
                "authorization_endpoint": "https://as.example/authorize", "token_endpoint": "https://as.example/token",
            ]
            request.secret = .secret(Secret("client-secret"))
            _ = try await core.clients.add(request, by: admin)
            let sealing = GrantSealing(keyRing: keyRing)
            let id = try connectionID("crm")
            let stored = StoredConnection(
                connection: Connection(
                    id: id, provider: "oauth2", client: .init("app"), kind: .oauth2, createdAt: now, updatedAt: now),
                grant: Grant(
                    version: 1,
                    credential: try sealing.seal(
                        .oauth2(accessToken: Secret("access-1"), tokenType: "Bearer"), for: id, version: 1),
                    refresh: try sealing.seal(refreshToken: Secret("refresh-1"), for: id, version: 1),
                    issuedAt: now - .seconds(3600), expiresAt: now - .seconds(1)))
            #expect(try await store.insert(stored))
            store.close()
        }

        func refreshToken(_ store: SQLiteStore) async throws -> String? {
            let stored = try #require(try await store.connection(try connectionID("crm")))
            return try GrantSealing(keyRing: keyRing).refreshToken(of: stored)?.reveal()
        }
    }

    private static let answer =
        #"{"access_token":"access-2","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-2"}"#

    /// - Returns: what failed; nothing once a refresh makes fewer calls than that.
    private func refresh(failing number: Int, sticky: Bool, full: Bool) async throws -> [FaultyFiles.Kind] {
        try await withDataFolder { folder in
            let trial = try Trial(folder)
            try await trial.prepare()
            let store = try trial.store()
            let core = try trial.core(store)
            try await core.prepare()
            trial.exchange.expect(.json(Self.answer), times: nil)
            let id = try connectionID("crm")
            let waker = Task {
                while !Task.isCancelled {
                    try await trial.clock.sleepers(reach: 1)
                    trial.clock.advance(by: .milliseconds(250))
                    await Task.yield()
                }
            }
            FaultyFiles.arm(folder, failing: number, sticky: sticky, full: full)
            let outcome = try await #require(await core.refresher.flight(for: id, .replacing(version: 1))).value
            let sent = trial.exchange.requests.count
            let served = try? await core.credentials.current(id, for: trial.admin, minTTL: nil)
            let failed = FaultyFiles.disarm()?.failed ?? []
            waker.cancel()
            store.close()
            let calls = trial.exchange.requests.count
            let story = "call \(number) to the disk failed (\(failed), \(outcome))"
            #expect(calls <= 1, "R7: the refresh token was spent twice: \(story)")
            if case .storeFailed = outcome { #expect(sent == 0, "R7: sent without a claim: \(story)") }
            if calls == 1, !failed.contains(.read) { #expect(served?.version == 2, "R8: not handed out: \(story)") }

            // The disk is well again, and another process goes on.
            let next = try trial.store()
            let core2 = try trial.core(next)
            try await core2.prepare()
            #expect(try await trial.refreshToken(next) == (calls == 1 ? "refresh-2" : "refresh-1"), "R8: \(story)")
            let check = try await next.read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check") }
            #expect(check == ["ok"])
            next.close()
            return failed
        }
    }

    @Test(
        "S12: a store whose disk is full says that it cannot be written, until there is room, and nobody has to write to see it"
    )
    func readiness() async throws {
        #expect(FaultyFiles.isInstalled)
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let masterKey = try MasterKey(.random(32))
            let dataKeys = try KeyRing.create(masterKey: masterKey).1
            #expect(try await store.insert(StoredKeyRing(checkValue: masterKey.checkValue(), dataKeys: dataKeys)))
            #expect(await store.isWritable())
            FaultyFiles.arm(folder, failing: 1, sticky: true, full: true)
            await #expect(throws: StoreFailure.self) { try await store.insert(try stored("large")) }
            #expect(await !store.isWritable())
            #expect(FaultyFiles.disarm()?.failed.allSatisfy { $0 == .write } == true)
            #expect(await store.isWritable())
            store.close()
        }
    }

    @Test(
        "R7, R8: each call to the disk fails, once and for good: nothing is sent unwritten, nothing that came is lost",
        arguments: [false, true], [false, true])
    func everyCall(sticky: Bool, full: Bool) async throws {
        #expect(FaultyFiles.isInstalled)
        var kinds: Set<FaultyFiles.Kind> = []
        for number in 1...200 {
            let failed = try await refresh(failing: number, sticky: sticky, full: full)
            if failed.isEmpty {
                #expect(number > 10, "a refresh writes twice at least")
                #expect(kinds.isSuperset(of: [.write, .sync]))
                return
            }
            kinds.formUnion(failed)
        }
        #expect(Bool(false), "two hundred calls are no refresh")
    }
}
