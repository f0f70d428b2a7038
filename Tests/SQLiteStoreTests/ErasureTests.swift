import Broker
import BrokerTesting
import Foundation
import Sealing
import Testing

@testable import SQLiteStore

@Suite("Erasure in the SQLite store")
struct ErasureTests {
    private let canary = Array("canary-5f1d7c0a-do-not-find-me-anywhere-at-all".utf8)

    private func found(in folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .reduce(0) { $0 + occurrences(of: canary, in: "\(folder)/\($1)") }
    }

    @Test("S11: a deleted credential is in no file any more", arguments: [0, 64 << 10])
    func delete(_ padding: Int) async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let secret = try box(Array(repeating: 0x77, count: padding) + canary)
            for name in ["a", "b", "c"] { _ = try await store.insert(try stored(name)) }
            _ = try await store.insert(try stored("secret", credential: secret))
            #expect(try found(in: folder) > 0)
            _ = try await store.delete(try connectionID("secret"), owing: { _ in nil })
            #expect(try found(in: folder) == 0)
            store.close()
            #expect(try found(in: folder) == 0)
        }
    }

    @Test("S11: deleting many leaves no copy that moved between pages")
    func deleteMany() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let names = (0..<150).map { "acme-\($0)" }
            for (number, name) in names.enumerated() {
                let length = number * 37 % 1500
                let secret = try box(Array(repeating: 0x77, count: length) + canary)
                _ = try await store.insert(try stored(name, credential: secret))
            }
            for name in names.filter({ $0 != "acme-75" }) {
                _ = try await store.delete(try connectionID(name), owing: { _ in nil })
            }
            let kept = try await store.connection(try connectionID("acme-75"))
            #expect(kept != nil)
            #expect(try found(in: folder) == 2)
            _ = try await store.delete(try connectionID("acme-75"), owing: { _ in nil })
            #expect(try found(in: folder) == 0)
        }
    }

    @Test("S11: a replaced or deleted client secret is in no file any more")
    func clientSecret() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let secret = ClientSecret(number: 1, box: try box(canary), createdAt: now)
            var client = RegisteredClient(
                id: try #require(ClientID("sales")), provider: "example", clientID: "x", secrets: [secret],
                createdAt: now, updatedAt: now)
            _ = try await store.insert(client)
            #expect(try found(in: folder) > 0)
            client.secrets = []
            #expect(try await store.update(client))
            #expect(try found(in: folder) == 0)
            client.revision += 1
            client.secrets = [secret]
            #expect(try await store.update(client))
            #expect(try found(in: folder) > 0)
            #expect(try await store.deleteClient(client.id) == .deleted)
            #expect(try found(in: folder) == 0)
        }
    }

    @Test("S11: a credential that was replaced is in no file after closing")
    func replaced() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            let connection = try stored("acme", credential: try box(canary))
            _ = try await store.insert(connection)
            _ = try await store.commit(
                connection.key, replacing: 1, with: Grant(version: 2, credential: try box([1, 2, 3])))
            store.close()
            #expect(try found(in: folder) == 0)
        }
    }
}
