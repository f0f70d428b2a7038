import Foundation
import OAuth

/// The profiles in force. One that is wrong stops the service: a catalogue that is quietly smaller helps nobody.
public struct ProviderCatalog: Sendable {
    private let profiles: [String: ProviderProfile]

    public init(_ profiles: [ProviderProfile]) {
        self.profiles = Dictionary(profiles.map { ($0.name, $0) }) { _, later in later }
    }

    public subscript(name: String) -> ProviderProfile? { profiles[name] }

    /// By name.
    public var all: [ProviderProfile] { profiles.values.sorted { $0.name < $1.name } }

    /// The bundled profiles, and those of the folders; a later one of the same name takes the earlier one's place.
    public static func load(directories: [String] = [], allowHTTP: Bool = false) throws(ProfileProblems)
        -> ProviderCatalog
    {
        var profiles: [ProviderProfile] = []
        var problems: [ProfileProblem] = []
        func read(_ bytes: [UInt8], _ file: String) {
            switch ProviderProfile.decode(bytes, file: file, allowHTTP: allowHTTP) {
            case .success(let profile):
                let name = file.split(separator: "/").last.map(String.init) ?? file
                if name == profile.name + ".json" {
                    profiles.append(profile)
                } else {
                    problems.append(
                        ProfileProblem(
                            file: file, path: "provider",
                            message: "is '\(profile.name)', so the file must be named \(profile.name).json"))
                }
            case .failure(let found): problems += found.problems
            }
        }
        for file in BundledProviders.files { read(file.bytes, file.name) }
        for directory in directories {
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
                throw ProfileProblems(problems: [
                    ProfileProblem(file: directory, path: "", message: "cannot be read as a folder")
                ])
            }
            for name in names.sorted() where name.hasSuffix(".json") {
                let path = "\(directory)/\(name)"
                let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
                guard let size, size <= 256 * 1024, let data = FileManager.default.contents(atPath: path) else {
                    problems.append(
                        ProfileProblem(file: path, path: "", message: "cannot be read, or is larger than 256 KiB"))
                    continue
                }
                read(Array(data), path)
            }
        }
        guard problems.isEmpty else { throw ProfileProblems(problems: problems) }
        return ProviderCatalog(profiles)
    }
}

/// `credence providers check`.
public enum ProfileCheck {
    /// Everything that is wrong; empty when nothing is.
    public static func problems(in bytes: [UInt8], file: String, allowHTTP: Bool = false) -> [ProfileProblem] {
        switch ProviderProfile.decode(bytes, file: file, allowHTTP: allowHTTP) {
        case .success: []
        case .failure(let found): found.problems
        }
    }
}
