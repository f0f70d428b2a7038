import Foundation
import OAuth
import Testing

@testable import ProviderProfiles

@Suite("The bundled profiles")
struct BundledProfileTests {
    @Test(
        "Every one is right, has its file's name, a source and the day it was checked",
        arguments: BundledProviders.files.map(\.name))
    func right(_ name: String) throws {
        let file = try #require(BundledProviders.files.first { $0.name == name })
        let profile = try ProviderProfile.decode(file.bytes, file: name, allowHTTP: false).get()
        #expect(name == "\(profile.name).json")
        #expect(profile.documentation?.hasPrefix("https://") == true)
        #expect(profile.checked != nil)
        #expect(profile.title.isEmpty == false)
    }

    @Test("They are those of the folder, to the byte")
    func embedded() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("providers")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
            .sorted()
        #expect(BundledProviders.files.map(\.name) == names)
        for file in BundledProviders.files {
            #expect(try Data(contentsOf: folder.appendingPathComponent(file.name)) == Data(file.bytes))
        }
    }

    @Test(
        "The generic names exist", arguments: [("oauth2", ProfileKind.oauth2), ("api-key", .apiKey), ("basic", .basic)])
    func generic(_ name: String, _ kind: ProfileKind) throws { #expect(try bundled(name).kind == kind) }
}
