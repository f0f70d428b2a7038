import Foundation

/// The profiles in force. One that is wrong stops the service: a catalogue that is quietly smaller helps nobody.
public struct ProviderCatalog: Sendable {
    private let profiles: [String: ProviderProfile]

    /// Of profiles of the same name, the last counts.
    public init(_ profiles: [ProviderProfile]) {
        self.profiles = Dictionary(profiles.map { ($0.name, $0) }) { _, later in later }
    }

    public subscript(name: String) -> ProviderProfile? { profiles[name] }

    /// By name.
    public var all: [ProviderProfile] { profiles.values.sorted { $0.name < $1.name } }

    /// The files of `providers/`, as they were when this was built: name and content, sorted by name.
    public static var bundled: [(name: String, content: String)] { BundledProviders.files }

    /// The largest profile, in bytes.
    static let largestFile = 256 * 1024
    /// The most profiles in one folder.
    static let mostFiles = 2000

    /// The bundled profiles and those of the folders, `NAME.json` each; a later one of the same name takes the earlier
    /// one's place. Hidden files and those of another ending are passed over.
    /// - Parameters:
    ///   - directories: folders, in order; none of them is looked into deeper.
    ///   - allowHTTP: development alone.
    /// - Throws: everything that is wrong with any of the files, at once.
    public static func load(
        bundled: [(name: String, content: String)] = bundled, directories: [String] = [], allowHTTP: Bool = false
    ) throws(ProfileProblems) -> ProviderCatalog {
        var profiles: [ProviderProfile] = []
        var problems: [ProfileProblem] = []
        func read(_ bytes: [UInt8], file: String, named name: String) {
            switch ProviderProfile.decode(bytes, file: file, allowHTTP: allowHTTP) {
            case .success(let profile) where name != "\(profile.name).json":
                let message = "is '\(profile.name)', so the file must be named \(profile.name).json"
                problems.append(ProfileProblem(file: file, path: "/provider", message: message))
            case .success(let profile): profiles.append(profile)
            case .failure(let found): problems += found.problems
            }
        }
        for file in bundled { read(Array(file.content.utf8), file: file.name, named: file.name) }
        for directory in directories {
            do throws(ProfileProblem) {
                for name in try names(in: directory) {
                    let file = directory.hasSuffix("/") ? "\(directory)\(name)" : "\(directory)/\(name)"
                    do throws(ProfileProblem) {
                        read(try bytes(of: file), file: file, named: name)
                    } catch {
                        problems.append(error)
                    }
                }
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw ProfileProblems(problems: problems) }
        return ProviderCatalog(profiles)
    }

    private static func names(in directory: String) throws(ProfileProblem) -> [String] {
        guard let all = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw ProfileProblem(file: directory, path: "", message: "cannot be read as a folder")
        }
        let names = all.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.sorted()
        guard names.count <= mostFiles else {
            throw ProfileProblem(
                file: directory, path: "", message: "holds \(names.count) profiles; \(mostFiles) are the most")
        }
        return names
    }

    /// Links are followed; a pipe or a device, which might never end, is not opened.
    private static func bytes(of file: String) throws(ProfileProblem) -> [UInt8] {
        let url = URL(fileURLWithPath: file).resolvingSymlinksInPath()
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false))
        guard attributes?[.type] as? FileAttributeType == .typeRegular,
            let handle = try? FileHandle(forReadingFrom: url),
            let data = try? handle.read(upToCount: largestFile + 1)
        else { throw ProfileProblem(file: file, path: "", message: "cannot be read, or is not a regular file") }
        guard data.count <= largestFile else {
            throw ProfileProblem(file: file, path: "", message: "is larger than \(largestFile / 1024) KiB")
        }
        return Array(data)
    }
}
