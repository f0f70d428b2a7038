import Foundation
import Testing

/// docs/conformance.md names tests and symbols: they must be there, or the table says what nobody holds.
@Suite("The table of conformance")
struct ConformanceTableTests {
    /// The last two cells of each row: `File.swift, symbol` and `Target/File` "name".
    private static func rows() throws -> [(places: String, tests: String)] {
        let table = try String(contentsOf: HouseTests.root.appending(path: "docs/conformance.md"), encoding: .utf8)
        return table.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|")
            return cells.count == 5 && cells[3].contains(".swift, ") ? (String(cells[3]), String(cells[4])) : nil
        }
    }

    private static func citedTests() throws -> [(file: String, name: String)] {
        try rows().flatMap { row in
            row.tests.matches(of: /`([^`]+)` "(.+?)"(?:<br>| $)/).map { (String($0.1), String($0.2)) }
        }
    }

    /// The names of the tests in a file; nil when it is not there.
    private static func names(in file: String) -> Set<String>? {
        let address = HouseTests.root.appending(path: "Tests/\(file).swift")
        guard let text = try? String(contentsOf: address, encoding: .utf8) else { return nil }
        return Set(text.matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/).map { String($0.1) })
    }

    @Test("every test that the table cites is there")
    func tests() throws {
        let cited = try Self.citedTests()
        #expect(cited.count > 200)
        #expect(try Self.rows().allSatisfy { $0.tests.contains("\"") }, "a row cites no test")
        let missing = cited.filter { Self.names(in: $0.file)?.contains($0.name) != true }
        #expect(missing.isEmpty, "\(missing.map { "\($0.file): \($0.name)" }.joined(separator: "\n"))")
    }

    @Test("every file and symbol that the table cites is there")
    func symbols() throws {
        let cited = try Self.rows().flatMap { $0.places.matches(of: /`([^`,]+), ([^`]+)`/) }
        #expect(cited.count > 200)
        let missing = cited.filter { place in
            let file = HouseTests.root.appending(path: "Sources/\(place.1)")
            return (try? String(contentsOf: file, encoding: .utf8))?.contains(place.2) != true
        }
        #expect(missing.isEmpty, "\(missing.map { "\($0.1), \($0.2)" }.joined(separator: "\n"))")
    }

    @Test("the table leaves out no test of ConformanceTests")
    func complete() throws {
        let folder = HouseTests.root.appending(path: "Tests/ConformanceTests")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        let cited = Set(try Self.citedTests().map(\.name))
        let left = files.flatMap { Self.names(in: "ConformanceTests/\($0.dropLast(6))") ?? [] }.filter {
            !cited.contains($0)
        }
        #expect(!files.isEmpty)
        #expect(left.isEmpty, "\(left.sorted().joined(separator: "\n"))")
    }
}
