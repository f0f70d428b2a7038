import Foundation
import Testing

@testable import ProviderProfiles

@Suite("The catalogue of profiles")
struct CatalogTests {
    /// A folder of profiles that goes away with the test.
    final class Folder {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("profiles-\(UUID())").path

        init(_ files: [String: String] = [:]) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8) }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    static func titled(_ title: String, _ name: String = "sample") -> String {
        Sample.apiKey.replacing(#""title":"Sample""#, with: #""title":"\#(title)""#).replacing(
            #""provider":"sample""#, with: #""provider":"\#(name)""#)
    }

    static func problems(_ folders: Folder...) -> String {
        do {
            _ = try ProviderCatalog.load(directories: folders.map(\.path))
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("Profiles of a folder join the bundled, by name")
    func joins() throws {
        let folder = try Folder(["sample.json": Self.titled("Mine"), "README.md": "not a profile"])
        let catalog = try ProviderCatalog.load(directories: [folder.path])
        #expect(catalog["sample"]?.title == "Mine")
        #expect(catalog.all.count == BundledProviders.files.count + 1)
        #expect(catalog.all.map(\.name) == catalog.all.map(\.name).sorted())
        #expect(catalog["none"] == nil)
    }

    @Test("A later folder takes the place of an earlier one, and of what is bundled")
    func overrides() throws {
        let first = try Folder(["sample.json": Self.titled("First"), "basic.json": Self.titled("Mine", "basic")])
        let second = try Folder(["sample.json": Self.titled("Second")])
        #expect(try ProviderCatalog.load(directories: [first.path, second.path])["sample"]?.title == "Second")
        #expect(try ProviderCatalog.load(directories: [second.path, first.path])["sample"]?.title == "First")
        #expect(try ProviderCatalog.load(directories: [first.path])["basic"]?.title == "Mine")
    }

    @Test("A file is named after its provider")
    func fileName() throws {
        let folder = try Folder(["other.json": Self.titled("Mine")])
        #expect(
            Self.problems(folder)
                == "\(folder.path)/other.json: provider: is 'sample', so the file must be named sample.json")
    }

    @Test("A folder that cannot be read stops the start")
    func unreadable() throws {
        let folder = try Folder()
        #expect(throws: ProfileProblems.self) { try ProviderCatalog.load(directories: ["\(folder.path)/none"]) }
        let file = try Folder(["file": "x"])
        #expect(throws: ProfileProblems.self) { try ProviderCatalog.load(directories: ["\(file.path)/file"]) }
    }

    @Test("A file that is too large or no file stops the start")
    func oversize() throws {
        let large = try Folder(["sample.json": Self.titled("Mine") + String(repeating: " ", count: 256 * 1024)])
        #expect(Self.problems(large) == "\(large.path)/sample.json: cannot be read, or is larger than 256 KiB")
        let folder = try Folder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/sample.json", withIntermediateDirectories: false)
        #expect(Self.problems(folder).contains("sample.json: cannot be read"))
    }

    @Test("The problems of all files are told at once")
    func allFiles() throws {
        let folder = try Folder([
            "a.json": "{", "b.json": Self.titled("", "b").replacing("api_key", with: "key"),
            "c.json": Self.titled("C", "c"),
        ])
        let problems = Self.problems(folder)
        #expect(problems.contains("a.json: is not JSON"))
        #expect(problems.contains("b.json: kind: is 'key'"))
        #expect(!problems.contains("c.json"))
    }
}
