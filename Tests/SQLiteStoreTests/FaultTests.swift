import Broker
import Foundation
import GRDB
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("Faults of the SQLite store")
struct FaultTests {
    @Test("S12: a full disk refuses the write, keeps what is stored, and takes writes again")
    func fullDisk() async throws {
        try await withDataFolder { folder in
            let empty = try SQLiteStore(folder: folder)
            _ = try await empty.insert(try stored("before"))
            let pages = try await empty.read { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
            empty.close()
            var options = SQLiteStore.Options()
            options.maximumPages = pages + 4
            let store = try SQLiteStore(folder: folder, options: options)
            let large = try stored("large", credential: try box(Array(repeating: 7, count: 64 << 10)))
            let failure = await #expect(throws: StoreFailure.self) { try await store.insert(large) }
            #expect(failure?.code == .notWritable)
            #expect(failure?.detail.contains("full") == true)
            #expect(!store.isBroken)
            // There is room for a small write: seen without one of a caller's.
            #expect(await store.isWritable())
            let before = try stored("before")
            #expect(try await store.connection(before.id) == before)
            #expect(try await store.connection(large.id) == nil)
            #expect(try await store.insert(try stored("small")))
            let check = try await store.read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check") }
            #expect(check == ["ok"])
        }
    }

    @Test("S13: after a failed fsync nothing is written any more, and what was stored stays")
    func failedSync() async throws {
        try await withDataFolder { folder in
            let fatal = Mutex<[StoreFailure]>([])
            let store = try SQLiteStore(folder: folder) { failure in fatal.withLock { $0.append(failure) } }
            _ = try await store.insert(try stored("before"))
            // Empties the log into the database.
            _ = try await store.delete(try connectionID("nobody"), owing: { _ in nil })
            let (log, saved) = try replaceLogWithDevice(folder)
            let failure = await #expect(throws: StoreFailure.self) { try await store.insert(try stored("first")) }
            #expect(failure?.code == .notWritable)
            // SQLITE_IOERR_FSYNC
            #expect(failure?.detail.contains("(SQLite code 1034): mend it, then restart Credence") == true)
            #expect(dup2(saved, log) == log)
            close(saved)
            // The disk works again, but what the failed fsync dropped is not known.
            let later = await #expect(throws: StoreFailure.self) { try await store.insert(try stored("second")) }
            #expect(later?.code == .notWritable)
            #expect(store.isBroken)
            #expect(fatal.withLock { $0.count } == 1)
            #expect(try await store.connection(try connectionID("before")) != nil)
            store.close()
            let reopened = try SQLiteStore(folder: folder)
            #expect(try await reopened.connection(try connectionID("before")) != nil)
            #expect(try await reopened.connection(try connectionID("first")) == nil)
            #expect(try await reopened.insert(try stored("after")))
        }
    }

    @Test("S15: while another program holds the database, a write waits its time and is refused as busy")
    func busy() async throws {
        try await withDataFolder { folder in
            var options = SQLiteStore.Options()
            options.busyTimeout = 0.01
            let store = try SQLiteStore(folder: folder, options: options)
            _ = try await store.insert(try stored("before"))
            var holding = Configuration()
            holding.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: database(in: folder), configuration: holding)
            try other.inDatabase { db in
                try db.execute(sql: "BEGIN IMMEDIATE")
            }
            let failure = await #expect(throws: StoreFailure.self) {
                try await store.insert(try stored("during"))
            }
            #expect(failure?.code == .busy)
            #expect(try await store.connection(try connectionID("before")) != nil)
            try other.inDatabase { db in try db.execute(sql: "ROLLBACK") }
            #expect(!store.isBroken)
            #expect(try await store.insert(try stored("after")))
            try other.close()
        }
    }

    @Test("after closing, calls fail and the change streams end")
    func closed() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let changes = store.changes()
            store.close()
            await #expect(throws: StoreFailure.self) { try await store.connection(try connectionID("acme")) }
            await #expect(throws: StoreFailure.self) { try await store.insert(try stored("acme")) }
            for await _ in changes { Issue.record("nothing was changed") }
        }
    }

    @Test("a change stream that nobody reads holds the newest thousand, and ends with its reader")
    func boundedStream() async throws {
        let feed = ChangeFeed()
        let id = try connectionID("acme")
        let stream = feed.stream()
        for version in 1...1500 { feed.announce(ConnectionChange(id: id, version: version)) }
        feed.finish()
        var heard: [Int?] = []
        for await change in stream { heard.append(change.version) }
        #expect(heard == Array(501...1500))
    }

    /// Puts /dev/null under SQLite's descriptor of the log: writes succeed, and fsync fails with EINVAL.
    /// Returns the descriptor, and a copy of what it was.
    private func replaceLogWithDevice(_ folder: String) throws -> (descriptor: CInt, saved: CInt) {
        let descriptors = try openDescriptors(of: database(in: folder) + "-wal")
        try #require(descriptors.count == 1)
        let descriptor = descriptors[0]
        let saved = dup(descriptor)
        let device = open("/dev/null", O_RDWR)
        defer { close(device) }
        #expect(dup2(device, descriptor) == descriptor)
        return (descriptor, saved)
    }
}
