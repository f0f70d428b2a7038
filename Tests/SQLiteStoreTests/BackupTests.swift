import Broker
import BrokerTesting
import Foundation
import GRDB
import ProviderProfiles
import Testing

@testable import SQLiteStore

@Suite("Backups of the SQLite store")
struct BackupTests {
    private static func manifest() -> BackupManifest {
        BackupManifest(createdAt: "2026-11-23T00:00:00Z", credence: "test", auditSequence: 7, auditMAC: "")
    }

    private static func seal(_ text: String) -> [UInt8] { Array(text.utf8.prefix(8)) }

    private func connection(_ name: String, size: Int = 3000) throws -> StoredConnection {
        let id = try connectionID(name)
        return StoredConnection(
            connection: Connection(
                id: id, provider: "api-key", client: nil, kind: .apiKey,
                labels: ["text": String(repeating: "x", count: size)], createdAt: now, updatedAt: now))
    }

    @Test("S19: a copy made while writing goes on is consistent, signed and whole")
    func underLoad() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            for number in 0..<600 { _ = try await store.insert(try connection("c\(number)")) }
            let writing = Task {
                var number = 0
                while !Task.isCancelled {
                    _ = try await store.insert(try connection("w\(number)"))
                    number += 1
                }
                return number
            }
            let path = folder + "/backup"
            try await store.copy(to: path)
            writing.cancel()
            let written = try await writing.value
            #expect(written > 0)
            try await store.sign(copy: path, Self.manifest(), Self.seal)
            let backup = try BackupFile(path: path)
            let count = try #require(backup.manifest.tables["connection"])
            #expect(count >= 600 && count <= 600 + written && backup.manifest.auditSequence == 7)
            #expect(backup.mac == Self.seal(backup.text))
            store.close()

            let other = folder + "-restored"
            defer { try? FileManager.default.removeItem(atPath: other) }
            try DataFolder.make(other)
            try backup.install(in: other)
            let restored = try SQLiteStore(folder: other)
            #expect(try await restored.damage() == [])
            #expect(
                try await restored.connections(matching: ConnectionFilter(now: now), after: nil, limit: 9000).count
                    == count)
            restored.close()
        }
    }

    @Test("A backup of which anything was changed is refused", arguments: ["row", "manifest", "table", "cut", "text"])
    func changed(how: String) async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            for number in 0..<5 { _ = try await store.insert(try connection("c\(number)")) }
            let path = folder + "/backup"
            try await store.copy(to: path)
            try await store.sign(copy: path, Self.manifest(), Self.seal)
            store.close()
            _ = try BackupFile(path: path)
            if how == "cut" || how == "text" {
                let data = try Data(contentsOf: URL(fileURLWithPath: path))
                try (how == "cut" ? data.prefix(data.count / 2) : Data("text".utf8)).write(
                    to: URL(fileURLWithPath: path))
            } else {
                let queue = try DatabaseQueue(path: path)
                try await queue.write { db in
                    switch how {
                    case "row": try db.execute(sql: "UPDATE connection SET provider = 'x' WHERE id = 'c3'")
                    case "manifest": try db.execute(sql: "DELETE FROM backup_manifest")
                    default: try db.execute(sql: "CREATE TABLE more (x TEXT)")
                    }
                }
                try queue.close()
            }
            #expect(throws: StoreFailure.self) { _ = try BackupFile(path: path) }
        }
    }

    @Test("A backup is never written where the disk takes nothing")
    func noPlace() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            await #expect(throws: StoreFailure.self) { try await store.copy(to: "/nowhere/backup") }
            // The store goes on.
            #expect(try await store.insert(try connection("c")))
            #expect(!store.isBroken)
            store.close()
        }
    }
}
