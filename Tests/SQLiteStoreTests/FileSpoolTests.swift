import Broker
import Foundation
import Testing

@testable import SQLiteStore

@Suite("The spool beside the database")
struct FileSpoolTests {
    @Test("what is kept is there for the next process, until it is freed")
    func kept() async throws {
        try await withDataFolder { folder in
            let path = folder + "/spool"
            var spool: FileSpool? = try FileSpool(path: path)
            let first = try spool!.keep([1, 2, 3])
            let second = try spool!.keep(Array(repeating: 7, count: 100_000))
            #expect(first != second)
            spool = nil
            let next = try FileSpool(path: path)
            #expect(try next.waiting().map(\.record) == [[1, 2, 3], Array(repeating: 7, count: 100_000)])
            next.free(first)
            #expect(try FileSpool(path: path).waiting().map(\.place) == [second])
        }
    }

    @Test("its space is taken beforehand, and it is private")
    func space() async throws {
        try await withDataFolder { folder in
            let path = folder + "/spool"
            _ = try FileSpool(path: path)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.size] as? Int == FileSpool.places * FileSpool.size)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(Int(status.st_blocks) * 512 >= FileSpool.places * FileSpool.size, "not a file of holes")
        }
    }

    @Test("a full spool says so, and takes again what is freed")
    func full() async throws {
        try await withDataFolder { folder in
            let spool = try FileSpool(path: folder + "/spool")
            let places = try (0..<FileSpool.places).map { try spool.keep([UInt8($0)]) }
            #expect(Set(places).count == FileSpool.places)
            #expect(throws: StoreFailure.self) { try spool.keep([1]) }
            spool.free(places[5])
            #expect(try spool.keep([99]) == places[5])
            #expect(throws: StoreFailure.self) { try spool.keep(Array(repeating: 1, count: FileSpool.size)) }
        }
    }

    @Test("S18: a link, and a file that others may read, are refused")
    func loose() async throws {
        try await withDataFolder { folder in
            let path = folder + "/spool"
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder + "/elsewhere")
            #expect(throws: StoreFailure.self) { try FileSpool(path: path) }
            try FileManager.default.removeItem(atPath: path)
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(), attributes: [.posixPermissions: 0o644])
            #expect(throws: StoreFailure.self) { try FileSpool(path: path) }
        }
    }
}
