import Broker
import Foundation
import GRDB
import ProviderProfiles
import Sealing
import Testing

@testable import SQLiteStore

/// A data folder as the composition makes it: 0700, and gone afterwards.
func withDataFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("credence-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

func database(in folder: String) -> String { folder + "/credence.db" }

func mode(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
}

/// How often the bytes stand in a file; 0 when there is no such file.
func occurrences(of needle: [UInt8], in path: String) -> Int {
    guard let data = FileManager.default.contents(atPath: path) else { return 0 }
    var count = 0
    var rest = data.startIndex..<data.endIndex
    while let found = data.range(of: Data(needle), in: rest) {
        count += 1
        rest = found.upperBound..<data.endIndex
    }
    return count
}

/// This process's descriptors of a file.
func openDescriptors(of path: String) throws -> [CInt] {
    let path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
        return target == path ? CInt(name) : nil
    }
}

/// What the store refuses with, or nil when it opens.
func refusal(_ folder: String) -> StoreFailure? {
    do {
        _ = try SQLiteStore(folder: folder)
        return nil
    } catch {
        return error
    }
}

/// Changes the database as another program would, with the store closed.
func tamper(_ folder: String, _ sql: String) throws {
    let queue = try DatabaseQueue(path: database(in: folder))
    try queue.inDatabase { try $0.execute(sql: sql) }
    try queue.close()
}

let now = Timestamp(seconds: 1_800_000_000)

func connectionID(_ name: String) throws -> ConnectionID { try #require(ConnectionID(name)) }

/// A sealed box around bytes that a test looks for.
func box(_ content: [UInt8]) throws -> SealedBox {
    try SealedBox([1, 0, 0, 0, 1] + Array(repeating: 0x55, count: 76) + content + Array(repeating: 0x66, count: 16))
}

func stored(_ name: String, credential: SealedBox? = nil, refreshAt: Timestamp? = nil) throws -> StoredConnection {
    StoredConnection(
        connection: Connection(
            id: try connectionID(name), provider: "example", client: nil, kind: .oauth2, labels: ["team": "blue"],
            createdAt: now, updatedAt: now),
        grant: Grant(version: 1, credential: credential, refresh: credential, refreshAt: refreshAt))
}
