import Foundation
import OAuth
import Testing

/// What `Tests/Fuzz` found and keeps, without libFuzzer.
@Suite("The fuzzers' corpus")
struct FuzzCorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzz/Corpus")

    private static func files(_ target: FuzzTarget) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(target.rawValue), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test("Every input that is kept holds the properties of its target", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let files = try Self.files(target)
        #expect(files.count >= 20, "the corpus of \(target.rawValue) is not here")
        for file in files {
            let input = Array(try Data(contentsOf: file))
            #expect(input.count <= 2048, "\(file.lastPathComponent) is larger than 2 KB")
            #expect(target.faults(input).isEmpty, "\(target.rawValue)/\(file.lastPathComponent)")
        }
    }

    @Test("Every input that is kept holds the properties of the other targets too", arguments: FuzzTarget.allCases)
    func others(target: FuzzTarget) throws {
        for other in FuzzTarget.allCases where other != target {
            for file in try Self.files(other) {
                let input = Array(try Data(contentsOf: file))
                #expect(target.faults(input, prints: false).isEmpty, "\(target.rawValue) of \(file.lastPathComponent)")
            }
        }
    }

    @Test("Each target has a dictionary and a corpus")
    func complete() throws {
        let names = Set(FuzzTarget.allCases.map(\.rawValue))
        let corpora = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(names.isSubset(of: corpora))
        for name in names {
            let dictionary = Self.folder.deletingLastPathComponent().appendingPathComponent("\(name).dict")
            #expect(FileManager.default.fileExists(atPath: dictionary.path), "\(name) has no dictionary")
        }
    }

    // MARK: The properties can fail

    private struct Leak: Hashable {
        let token = Findings.canary
    }

    @Test("A secret that shows is found, unless it stands in what may be shown")
    func leak() {
        var findings = Findings(prints: true)
        findings.expectHidden(Secret(Findings.canary), "a secret")
        findings.expectHidden(Leak(), "a leak", but: ["\(Findings.canary)."])
        #expect(findings.faults.isEmpty)
        findings.expectHidden(Leak(), "a leak", but: ["s3cr3t"])
        #expect(findings.faults == ["a leak: a secret shows"])
    }

    @Test("A verdict that changes is found, also where only its text does")
    func changes() {
        var findings = Findings(prints: true)
        var count = 0
        _ = findings.judgedTwice("a number") {
            count += 1
            return count
        }
        var texts = ["second", "first"]
        _ = findings.judgedTwice("an error") { OAuthError(code: "same", description: texts.removeLast()) }
        _ = findings.judgedTwice("the same") { OAuthError(code: "same", description: "same") }
        #expect(findings.faults.count == 2)
    }

    @Test("What lies beyond its bounds is found")
    func bounds() {
        var findings = Findings(prints: true)
        findings.expect(0, in: 1...2, "too little")
        findings.expect(3, in: 1...2, "too much")
        findings.expectVisible("", upTo: 3, "nothing")
        findings.expectVisible("abcd", upTo: 3, "too long")
        findings.expectVisible("\u{E9}", upTo: 3, "odd")
        findings.check(OAuthError(code: ""), "an error")
        #expect(findings.faults.count == 6)
        findings.expect(nil, in: 1...2, "none")
        findings.expectVisible("", upTo: 3, "may be empty", mayBeEmpty: true)
        findings.check(OAuthError(code: "a\u{202E}", description: String(repeating: "x", count: 301)), "an error")
        #expect(findings.faults.count == 6)
    }
}
