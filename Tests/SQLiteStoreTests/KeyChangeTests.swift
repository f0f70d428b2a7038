import Broker
import BrokerTesting
import Foundation
import Logging
import OAuth
import ProviderProfiles
import Sealing
import Synchronization
import Testing

@testable import SQLiteStore

/// S8 on the disk: what a kill before any statement leaves behind.
@Suite("Keys that change in the SQLite store", .timeLimit(.minutes(3)))
struct KeyChangeTests {
    private struct FixedMasterKey: MasterKeySource {
        let key: MasterKey
        func masterKey() async throws(SealingError) -> MasterKey { key }
    }

    /// Copies the database and its log, as a kill at this moment leaves them.
    private final class Snapshots: Sendable {
        let folder: String
        let taken = Mutex<[String]?>(nil)

        init(folder: String) { self.folder = folder }

        func take() {
            taken.withLock { taken in
                guard taken != nil else { return }
                let copy = "\(folder)-\(taken?.count ?? 0)"
                let files = FileManager.default
                try? files.createDirectory(
                    atPath: copy, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
                for name in ["credence.db", "credence.db-wal"] {
                    try? files.copyItem(atPath: "\(folder)/\(name)", toPath: "\(copy)/\(name)")
                }
                taken?.append(copy)
            }
        }
    }

    private let (old, new): (FixedMasterKey, FixedMasterKey)
    private let admin = Caller(id: CallerID("root")!, role: .admin, createdAt: now)

    init() throws {
        (old, new) = (
            FixedMasterKey(key: try MasterKey(.random(32))), FixedMasterKey(key: try MasterKey(.random(32)))
        )
    }

    private func core(_ store: SQLiteStore, _ masterKeys: MasterKeys) async throws -> BrokerCore {
        let stored = try #require(try await store.keyRing())
        let masterKey = try await masterKeys.wrapping(keyCheck: stored.checkValue)
        let ring = try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
        return BrokerCore(
            configuration: .init(publicURL: "https://broker.example"), store: store, keyRing: ring,
            catalog: try ProviderCatalog.load(), exchange: ScriptedExchange(), audit: RecordingAudit(),
            clock: ManualClock(now: now), random: SeededRandom(), logger: Logger(label: "test"),
            masterKeys: masterKeys)
    }

    private func finish(_ core: BrokerCore) async {
        let work = Task { await core.keys.run(isForOneVerb: true) }
        while await core.keys.progress.state != .idle { await Task.yield() }
        work.cancel()
        await work.value
    }

    private static let connections = (0..<5).map { "c\($0)" }

    private func fill(_ core: BrokerCore) async throws {
        for name in Self.connections {
            var request = ConnectionRequest()
            request.id = try connectionID(name)
            request.provider = "api-key"
            request.secret = .apiKey(Secret("key-of-\(name)"))
            _ = try await core.connections.create(request, by: admin)
        }
        _ = try await core.webhooks.add(
            WebhookID("ops"), url: "https://ops.example/", events: [], secret: nil, by: admin)
    }

    /// Every credential, as a runtime gets it.
    private func read(_ core: BrokerCore) async throws {
        for name in Self.connections {
            let entry = try await core.credentials.current(try connectionID(name), for: admin, minTTL: nil)
            var bytes: [UInt8] = []
            try core.credentials.handOut(entry, to: admin) { count, fill throws(SealingError) in
                bytes = Array(repeating: 0, count: count)
                var failure: SealingError?
                _ = bytes.withUnsafeMutableBytes { buffer -> Int in
                    do throws(SealingError) { return try fill(buffer) } catch {
                        failure = error
                        return 0
                    }
                }
                if let failure { throw failure }
            }
            #expect(String(decoding: bytes, as: UTF8.self).contains("key-of-\(name)"))
        }
    }

    @Test("S8: killed before any statement of a rotation and a rewrap, everything is readable and it goes on")
    func killed() async throws {
        try await withDataFolder { folder in
            let snapshots = Snapshots(folder: folder)
            var options = SQLiteStore.Options()
            options.onStatement = { snapshots.take() }
            let store = try SQLiteStore(folder: folder, options: options)
            let (_, wrapped) = try KeyRing.create(masterKey: old.key)
            #expect(
                try await store.insert(StoredKeyRing(checkValue: try old.key.checkValue(), dataKeys: wrapped)))
            let both = MasterKeys(current: new, previous: old)
            let first = try await core(store, both)
            try await fill(first)
            snapshots.taken.withLock { $0 = [] }
            _ = try await first.keys.rotate(by: admin)
            _ = try await first.keys.rewrap(by: admin)
            await finish(first)
            snapshots.take()
            let taken = snapshots.taken.withLock { taken in
                defer { taken = nil }
                return taken ?? []
            }
            store.close()
            defer { for copy in taken { try? FileManager.default.removeItem(atPath: copy) } }
            #expect(taken.count > 40, "\(taken.count) statements")
            var states: Set<String> = []
            for copy in taken {
                let store = try SQLiteStore(folder: copy)
                let ring = try #require(try await store.keyRing())
                let next = try await core(store, both)
                try await read(next)
                states.insert(
                    "\(ring.dataKeys.map { "\($0.term)\($0.state)" }) \(ring.checkValue == (try new.key.checkValue()))")
                if await next.keys.progress.activeTerm == 1 { _ = try await next.keys.rotate(by: admin) }
                await finish(next)
                if try await next.keys.status().isRewrapDue { _ = try await next.keys.rewrap(by: admin) }
                let last = try await core(store, MasterKeys(current: new))
                try await read(last)
                let status = try await last.keys.status()
                #expect(status.keys.map(\.term) == [2], "\(copy)")
                #expect(status.keys.first?.boxes == [.connection: 5, .webhookSecret: 1, .installationKey: 1])
                store.close()
            }
            #expect(states.count == 4, "before, added, rewrapped, removed: \(states.sorted())")
        }
    }

    @Test("S11: the wrapped old data key is in no file after it was removed")
    func erased() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let (_, wrapped) = try KeyRing.create(masterKey: old.key)
            _ = try await store.insert(StoredKeyRing(checkValue: try old.key.checkValue(), dataKeys: wrapped))
            let core = try await core(store, MasterKeys(current: old))
            try await fill(core)
            let needle = Array(wrapped[0].box.bytes[5...])
            let places = [database(in: folder), database(in: folder) + "-wal"]
            #expect(places.contains { occurrences(of: needle, in: $0) > 0 })
            _ = try await core.keys.rotate(by: admin)
            await finish(core)
            #expect(places.allSatisfy { occurrences(of: needle, in: $0) == 0 })
            store.close()
        }
    }
}
