import Broker
import Foundation
import GRDB
import Testing

@testable import SQLiteStore

@Suite("Opening the SQLite store")
struct OpeningTests {
    @Test("everything is there after closing and opening again")
    func reopen() async throws {
        try await withDataFolder { folder in
            let first = try SQLiteStore(folder: folder)
            let connection = try stored("acme", credential: try box([1, 2, 3]), refreshAt: now)
            #expect(try await first.insert(connection))
            _ = try await first.claim(
                connection.key, version: 1, attempt: "a", owner: "o", until: now + .seconds(1), now: now)
            let before = try await first.connection(connection.id)
            first.close()
            let second = try SQLiteStore(folder: folder)
            #expect(try await second.connection(connection.id) == before)
            #expect(before?.grant.attempt?.id == "a")
        }
    }

    @Test("S14: what was committed is there after the process was killed")
    func killed() async throws {
        try await withDataFolder { folder in
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
                let store = try SQLiteStore(folder: folder)
                for number in 0..<20 { _ = try await store.insert(try stored("acme-\(number)")) }
                kill(getpid(), SIGKILL)
            }
            let store = try SQLiteStore(folder: folder)
            for number in 0..<20 {
                let connection = try stored("acme-\(number)")
                #expect(try await store.connection(connection.id) == connection)
            }
        }
    }

    @Test("rule 5: the connection is set up as the design says")
    func pragmas() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let expected = [
                "journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "trusted_schema": "0",
                "cell_size_check": "1", "mmap_size": "0", "foreign_keys": "1", "temp_store": "2",
                "busy_timeout": "5000",
            ]
            let found = try await store.read { db in
                var found: [String: String] = [:]
                for name in expected.keys { found[name] = try String.fetchOne(db, sql: "PRAGMA \(name)") }
                return found
            }
            #expect(found == expected)
        }
    }

    @Test("S21: the database of a newer Credence is refused and left as it is")
    func newerSchema() async throws {
        try await withDataFolder { folder in
            try SQLiteStore(folder: folder).close()
            try tamper(folder, "INSERT INTO grdb_migrations VALUES ('9999-from-the-future')")
            let bytes = FileManager.default.contents(atPath: database(in: folder))
            let refused = try #require(refusal(folder))
            #expect(refused.code == .newerSchema)
            #expect(refused.detail.contains("newer Credence"))
            #expect(FileManager.default.contents(atPath: database(in: folder)) == bytes)
        }
    }

    @Test("S16: a damaged header is refused as damage")
    func damagedHeader() async throws {
        try await withDataFolder { folder in
            try SQLiteStore(folder: folder).close()
            try overwrite(database(in: folder), at: 0, with: Array(repeating: 0x2A, count: 100))
            #expect(refusal(folder)?.code == .damaged)
        }
    }

    @Test("S16: a damaged page is refused as damage", arguments: [1, 2, 5, 9])
    func damagedPage(_ page: UInt64) async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            for number in 0..<50 { _ = try await store.insert(try stored("acme-\(number)")) }
            store.close()
            try overwrite(database(in: folder), at: page * 4096, with: Array(repeating: 0xA5, count: 4096))
            let refused = try #require(refusal(folder))
            #expect(refused.code == .damaged)
            #expect(refused.detail.contains("restore a backup"))
        }
    }

    @Test("S16: a database that was cut off is refused as damage")
    func truncated() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            for number in 0..<50 { _ = try await store.insert(try stored("acme-\(number)")) }
            store.close()
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: database(in: folder)))
            try file.truncate(atOffset: 5 * 4096)
            try file.close()
            #expect(refusal(folder)?.code == .damaged)
        }
    }

    @Test("S16: a record that Credence did not write is damage, and the others are still served")
    func damagedRecord() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            _ = try await store.insert(try stored("bad"))
            _ = try await store.insert(try stored("good"))
            store.close()
            for sql in [
                "UPDATE connection SET labels = '{' WHERE id = 'bad'",
                "UPDATE connection SET labels = '{}', kind = 'unheard' WHERE id = 'bad'",
                "UPDATE credential SET credential = x'01' WHERE connection = 'bad'",
            ] {
                try tamper(folder, sql)
                let reopened = try SQLiteStore(folder: folder)
                let failure = await #expect(throws: StoreFailure.self) {
                    try await reopened.connection(try connectionID("bad"))
                }
                #expect(failure?.code == .damaged)
                #expect(failure?.detail.contains("connection bad") == true)
                #expect(try await reopened.connection(try connectionID("good")) != nil)
                reopened.close()
            }
        }
    }

    @Test("S17: a folder in use is refused, and free again afterwards")
    func inUse() async throws {
        try await withDataFolder { folder in
            let first = try SQLiteStore(folder: folder)
            let refused = try #require(refusal(folder))
            #expect(refused.code == .busy)
            #expect(refused.detail.contains(folder))
            first.close()
            #expect(refusal(folder) == nil)
        }
    }

    @Test("S17: a second process is refused")
    func secondProcess() async throws {
        try await withDataFolder { folder in
            let first = try SQLiteStore(folder: folder)
            await #expect(processExitsWith: .exitCode(42)) { [folder = folder as String] in
                exit(refusal(folder)?.code == .busy ? 42 : 1)
            }
            first.close()
        }
    }

    @Test("S17: closing frees the folder though a copy of the lock's descriptor lives on, as in a forked child")
    func copiedDescriptor() async throws {
        try await withDataFolder { folder in
            let first = try SQLiteStore(folder: folder)
            let descriptors = try openDescriptors(of: "\(folder)/credence.lock")
            let copy = dup(try #require(descriptors.first))
            first.close()
            #expect(refusal(folder) == nil)
            close(copy)
        }
    }

    @Test("S17: the folder is free again when the opening failed")
    func freeAfterFailure() async throws {
        try await withDataFolder { folder in
            try Data("not a database, though long enough to be one".utf8).write(
                to: URL(fileURLWithPath: database(in: folder)))
            _ = chmod(database(in: folder), 0o600)
            #expect(refusal(folder)?.code == .damaged)
            try FileManager.default.removeItem(atPath: database(in: folder))
            #expect(refusal(folder) == nil)
        }
    }

    @Test("a folder that is not there is refused with its name")
    func noFolder() throws {
        let refused = try #require(refusal("/nowhere/at/all"))
        #expect(refused.code == .notWritable)
        #expect(refused.detail.contains("/nowhere/at/all"))
    }

    private func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }
}
