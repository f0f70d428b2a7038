import Foundation
import Testing

@testable import ProviderProfiles

@Suite("The catalogue")
struct CatalogTests {
    static let basic =
        #"{"provider":"mine","title":"TITLE","kind":"basic","apply":{"headers":{"Authorization":"Basic {basic}"}}}"#

    /// Files in a folder of their own, which goes with the test.
    private func inFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "profiles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, content) in files { try Data(content.utf8).write(to: folder.appending(path: name)) }
        try body(folder.path(percentEncoded: false))
    }

    private func told(_ directories: [String]) -> [String] {
        do {
            _ = try ProviderCatalog.load(bundled: [], directories: directories)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("A later folder takes the place of an earlier one's and of the bundled, by name")
    func override() throws {
        let titled = { (title: String) in Self.basic.replacingOccurrences(of: "TITLE", with: title) }
        let bundled = [(name: "mine.json", content: titled("bundled"))]
        func titles(_ directories: [String]) throws -> [String] {
            try ProviderCatalog.load(bundled: bundled, directories: directories).all.map(\.title)
        }
        try inFolder(["mine.json": titled("first")]) { first in
            try inFolder(["mine.json": titled("second")]) { second in
                let found = try [titles([]), titles([first, second]), titles([second, first])]
                #expect(found == [["bundled"], ["second"], ["first"]])
            }
        }
    }

    @Test("Hidden files, links of editors and other endings are passed over")
    func passedOver() throws {
        try inFolder([".#mine.json": "nonsense", "README.md": "text", "mine.json~": "text", "mine.json": Self.basic]) {
            folder in
            #expect(told([folder]) == [])
        }
    }

    @Test("The file is named as the profile, and every fault of every file is told at once")
    func faults() throws {
        try inFolder(["other.json": Self.basic, "bad.json": "{", "unknown.json": #"{"kind":"x"}"#]) { folder in
            let all = told([folder, "/nowhere/at/all"])
            #expect(all.contains("\(folder)/other.json: /provider: is 'mine', so the file must be named mine.json"))
            #expect(all.contains { $0.hasPrefix("\(folder)/bad.json: is not JSON") })
            #expect(all.contains { $0.hasPrefix("\(folder)/unknown.json: /kind: ") })
            #expect(all.contains("/nowhere/at/all: cannot be read as a folder"))
        }
    }

    @Test("A file is bounded, by a link too, and what is no file is not opened")
    func bounds() throws {
        let large = String(repeating: " ", count: 256 * 1024) + Self.basic
        try inFolder(["data": large]) { folder in
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/large.json", withDestinationPath: "data")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/gone.json", withDestinationPath: "nowhere")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/null.json", withDestinationPath: "/dev/zero")
            try FileManager.default.createDirectory(atPath: "\(folder)/folder.json", withIntermediateDirectories: false)
            #expect(
                told([folder]) == [
                    "\(folder)/folder.json: cannot be read, or is not a regular file",
                    "\(folder)/gone.json: cannot be read, or is not a regular file",
                    "\(folder)/large.json: is larger than 256 KiB",
                    "\(folder)/null.json: cannot be read, or is not a regular file",
                ])
        }
    }

    @Test("A link to a profile is followed")
    func link() throws {
        try inFolder(["data": Self.basic]) { folder in
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/mine.json", withDestinationPath: "data")
            #expect(told([folder]) == [])
        }
    }

    @Test("More than 2,000 profiles in a folder are refused, not cut")
    func many() throws {
        try inFolder([:]) { folder in
            for number in 0...2000 { try Data().write(to: URL(fileURLWithPath: "\(folder)/p\(number).json")) }
            #expect(told([folder]) == ["\(folder): holds 2001 profiles; 2000 are the most"])
        }
    }
}
