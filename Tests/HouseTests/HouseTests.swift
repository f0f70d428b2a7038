import Foundation
import Testing

/// The rules of the house that no compiler holds.
@Suite("The house")
struct HouseTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The targets by level, from docs/architecture.md.
    static let levels: [[String]] = [
        ["OAuth", "Sealing"], ["ProviderProfiles"], ["ProviderImport", "Broker"],
        ["AuditLog", "BrokerHTTP", "HTTPTransport", "SQLiteStore"], ["credence"],
    ]

    static func sources(_ target: String) throws -> [(file: String, text: String)] {
        let folder = root.appending(path: "Sources/\(target)")
        let files =
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.allObjects as? [URL] ?? []
        return try files.filter { $0.pathExtension == "swift" }.map { file in
            (file.lastPathComponent, try String(contentsOf: file, encoding: .utf8))
        }
    }

    @Test("imports point down, and siblings never import each other", arguments: levels.joined())
    func imports(target: String) throws {
        let level = try #require(Self.levels.firstIndex { $0.contains(target) })
        let forbidden = Set(Self.levels[level...].joined()).subtracting([target]).union(["BrokerTesting"])
        let files = try Self.sources(target)
        #expect(!files.isEmpty)
        for (file, text) in files {
            for line in text.split(separator: "\n") where line.contains("import ") && !line.hasPrefix("//") {
                let words = line.split(separator: " ")
                guard let at = words.firstIndex(of: "import"), at <= 2, let module = words.dropFirst(at + 1).first
                else { continue }
                #expect(!forbidden.contains(String(module)), "\(target)/\(file) imports \(module)")
            }
        }
    }

    @Test(
        "nothing below level 3 knows HTTP servers, SQL or files",
        arguments: ["OAuth", "Sealing", "ProviderProfiles", "ProviderImport", "Broker"])
    func noAdapters(target: String) throws {
        for (file, text) in try Self.sources(target) {
            for module in ["Hummingbird", "GRDB", "AsyncHTTPClient", "NIOCore", "NIOSSL"] {
                #expect(!text.contains("import \(module)\n"), "\(target)/\(file) imports \(module)")
            }
        }
    }

    @Test("no provider's name stands in a source file")
    func noProviderNames() throws {
        // What is told from the files themselves: every profile that names a company, not a protocol.
        let generic: Set<String> = ["oauth2", "api-key", "basic"]
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "providers").path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.filter { !generic.contains($0) }
        #expect(!names.isEmpty)
        for target in Self.levels.joined() {
            for (file, text) in try Self.sources(target) {
                for name in names {
                    #expect(!text.lowercased().contains(name), "\(target)/\(file) names \(name)")
                }
            }
        }
    }

    @Test("a file is read in one sitting", arguments: levels.joined())
    func length(target: String) throws {
        for (file, text) in try Self.sources(target) {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 400, "\(target)/\(file) has \(lines) lines")
        }
    }
}
