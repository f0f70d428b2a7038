import Broker
import Foundation
import Testing

@testable import SQLiteStore

@Suite("File modes of the SQLite store")
struct FileModeTests {
    @Test("S18: database, log, index of the log and lock are 0600")
    func modes() async throws {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            _ = try await store.insert(try stored("acme"))
            for name in ["credence.db", "credence.db-wal", "credence.db-shm", "credence.lock"] {
                #expect(try mode(of: "\(folder)/\(name)") == 0o600, "\(name)")
            }
        }
    }

    @Test(
        "S18: a file that others may use is refused", arguments: ["", "-wal", "-shm", "-journal"],
        [0o640, 0o604, 0o620])
    func permissive(_ suffix: String, _ mode: Int) async throws {
        try await withDataFolder { folder in
            try SQLiteStore(folder: folder).close()
            let path = database(in: folder) + suffix
            if !FileManager.default.fileExists(atPath: path) {
                #expect(FileManager.default.createFile(atPath: path, contents: nil))
            }
            _ = chmod(path, mode_t(mode))
            let refused = try #require(refusal(folder))
            #expect(refused.code == .other)
            #expect(refused.detail.contains("chmod 600 \(path)"))
            _ = chmod(path, 0o600)
            #expect(refusal(folder) == nil)
        }
    }

    @Test("S18: a symbolic link in the place of a file is refused", arguments: ["credence.db", "credence.db-wal"])
    func link(_ name: String) async throws {
        try await withDataFolder { folder in
            try await withDataFolder { elsewhere in
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(name)", withDestinationPath: "\(elsewhere)/target")
                let refused = try #require(refusal(folder))
                #expect(refused.code == .other)
                #expect(refused.detail.contains("not a link"))
                #expect(!FileManager.default.fileExists(atPath: "\(elsewhere)/target"))
            }
        }
    }

    @Test("S18: a symbolic link in the place of the lock is refused")
    func linkedLock() async throws {
        try await withDataFolder { folder in
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/credence.lock", withDestinationPath: "\(folder)/target")
            #expect(refusal(folder)?.code == .notWritable)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/target"))
        }
    }
}
