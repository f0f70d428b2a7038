import Foundation
import Testing

/// What `Tests/Fuzz` found and keeps, without libFuzzer.
@Suite("The import fuzzers' corpus")
struct ImportCorpusTests {
    private static let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzz")

    @Test("Every input that is kept is imported into valid profiles or refused", arguments: ImportTarget.allCases)
    func replay(target: ImportTarget) throws {
        var count = 0
        for other in ImportTarget.allCases {
            let folder = Self.fuzz.appendingPathComponent("Corpus/\(other.rawValue)")
            for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                let input = Array(try Data(contentsOf: file))
                let faults = target.faults(input)
                #expect(faults.isEmpty, "\(target.rawValue) of \(other.rawValue)/\(file.lastPathComponent): \(faults)")
                count += other == target ? 1 : 0
            }
        }
        #expect(count >= 20, "the corpus of \(target.rawValue) is not here")
        let dictionary = Self.fuzz.appendingPathComponent("\(target.rawValue).dict")
        #expect(FileManager.default.fileExists(atPath: dictionary.path), "\(target.rawValue) has no dictionary")
    }
}
