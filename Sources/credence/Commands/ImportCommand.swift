import ArgumentParser
import Foundation
import OAuth
import ProviderImport
import ProviderProfiles

/// What other products have written down about a provider, made into profiles.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make profiles of connectors that are there already.",
        subcommands: [PowerPlatform.self, OpenAPI.self, Postman.self, Discover.self])

    struct PowerPlatform: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read custom connectors of the Power Platform or Logic Apps.",
            discussion: """
                Takes apiProperties.json, the folder that it is in (with its Swagger file, if there is one), or a folder of
                such folders. What was mended, and what only a person knows, is told on standard error.
                Example: credence providers import power-platform ./text-analytics --output providers/text-analytics.json
                Example: credence providers import power-platform ./connectors --output-dir providers
                """)
        @Argument(help: "apiProperties.json, its folder, or a folder of folders.") var source: String
        @OptionGroup var output: ImportOutput

        func run() async throws {
            try output.check()
            let found = try ConnectorFiles.find(source)
            if found.count > 1, output.outputDir == nil, !output.json {
                throw CommandFailure(
                    .usage, "There are \(found.count) connectors in \(source): say where to with --output-dir DIR.")
            }
            var report = ImportReport()
            for files in found {
                do throws(ImportFailure) {
                    let result = try PowerPlatformImport.read(
                        apiProperties: try files.properties(), swagger: try files.swagger(),
                        name: output.name ?? files.name)
                    report.add(result.profiles, from: files.name)
                } catch {
                    report.refuse(files.name, "\(error)")
                }
            }
            try output.write(report)
        }
    }
}

/// Where a connector's files are.
struct ConnectorFiles {
    let name: String
    let propertiesPath: String?
    let swaggerPath: String?

    private static let largest = 16 << 20

    func properties() throws(ImportFailure) -> [UInt8]? { try propertiesPath.map(Self.bytes) }

    func swagger() throws(ImportFailure) -> [UInt8]? { try swaggerPath.map(Self.bytes) }

    static func bytes(_ path: String) throws(ImportFailure) -> [UInt8] {
        guard let bytes = PrivateFile.read(path, limit: largest) else {
            throw ImportFailure("\(path) cannot be read, or is larger than \(largest >> 20) MiB.")
        }
        return bytes
    }

    /// The connector in a file or a folder, or those in the folders of a folder.
    static func find(_ source: String) throws -> [ConnectorFiles] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source, isDirectory: &isFolder) else {
            throw CommandFailure(.notFound, "There is no \(Terminal.printable(source)).")
        }
        guard isFolder.boolValue else {
            let url = URL(fileURLWithPath: source)
            let isSwagger = isSwagger(url.lastPathComponent)
            let beside = isSwagger ? nil : connector(in: url.deletingLastPathComponent().path)?.swaggerPath
            let folder = url.deletingLastPathComponent().lastPathComponent
            return [
                ConnectorFiles(
                    name: isProperties(url.lastPathComponent) ? folder : url.deletingPathExtension().lastPathComponent,
                    propertiesPath: isSwagger ? nil : source, swaggerPath: isSwagger ? source : beside)
            ]
        }
        if let one = connector(in: source) { return [one] }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: source)) ?? []).sorted()
        let found = names.compactMap { connector(in: "\(source)/\($0)") }
        guard !found.isEmpty else {
            throw CommandFailure(
                .notFound, "There is no apiProperties.json in \(Terminal.printable(source)), nor in its folders.")
        }
        return found
    }

    /// nil where no connector is.
    private static func connector(in folder: String) -> ConnectorFiles? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder).sorted() else { return nil }
        let properties = names.first(where: isProperties)
        let swagger = names.first(where: isSwagger)
        guard properties != nil || swagger != nil else { return nil }
        return ConnectorFiles(
            name: URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent,
            propertiesPath: properties.map { "\(folder)/\($0)" }, swaggerPath: swagger.map { "\(folder)/\($0)" })
    }

    private static func isProperties(_ name: String) -> Bool { name.lowercased() == "apiproperties.json" }

    private static func isSwagger(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.hasSuffix(".swagger.json") || name.hasSuffix("swagger.json") || name == "swagger-security.json"
    }
}

/// What an import made of everything that it was given.
struct ImportReport {
    struct Row {
        let source: String
        var profile: ImportedProfile?
        /// What was wrong: why there is no profile, or what its check says.
        var problems: [String] = []
    }

    private(set) var rows: [Row] = []
    var allowHTTP = false

    init(allowHTTP: Bool = false) {
        self.allowHTTP = allowHTTP
    }

    mutating func add(_ profiles: [ImportedProfile], from source: String) {
        for profile in profiles {
            // A profile that does not pass its own check is a fault of ours, and nobody should find it later.
            let problems = ProfileCheck.problems(
                in: Array(profile.file.utf8), file: "\(profile.name).json", allowHTTP: allowHTTP)
            rows.append(Row(source: source, profile: profile, problems: problems.map { "\($0)" }))
        }
    }

    mutating func refuse(_ source: String, _ why: String) {
        rows.append(Row(source: source, profile: nil, problems: [why]))
    }

    var failed: Int { rows.count { !$0.problems.isEmpty } }
}

/// Where profiles go.
struct ImportOutput: ParsableArguments {
    @Option(help: ArgumentHelp("Write the profile to this file.", valueName: "file")) var output: String?
    @Option(help: ArgumentHelp("Write each profile into this folder, as NAME.json.", valueName: "dir"))
    var outputDir: String?
    @Option(help: "What the profile is called; else as its source is.") var name: String?
    @Flag(help: "Write over files that are there.") var force = false
    @Flag(help: "Answer in JSON, for machines: the profiles, and what is to be known of them.") var json = false

    func check() throws {
        if output != nil, outputDir != nil { throw CommandFailure(.usage, "Give --output or --output-dir, not both.") }
    }

    func write(_ report: ImportReport) throws {
        let profiles = report.rows.compactMap { $0.problems.isEmpty ? $0.profile : nil }
        if let outputDir {
            try FileManager.default.createDirectory(atPath: outputDir, withIntermediateDirectories: true)
            for profile in profiles { try write(profile, to: "\(outputDir)/\(profile.name).json") }
        } else if profiles.count > 1, !json {
            let names = profiles.map(\.name).joined(separator: ", ")
            throw CommandFailure(.usage, "This makes \(profiles.count) profiles (\(names)): give --output-dir DIR.")
        } else if let output, let profile = profiles.first {
            try write(profile, to: output)
        }
        if json {
            Terminal.say(Self.json(report).serialized())
        } else if output == nil, outputDir == nil, let profile = profiles.first {
            Terminal.say(String(profile.file.dropLast()))
        }
        if !json { complain(report) }
        guard report.failed == 0 else {
            throw CommandFailure(
                .failed, report.failed == 1 ? "1 source gave no profile." : "\(report.failed) sources gave no profile.")
        }
    }

    private func write(_ profile: ImportedProfile, to path: String) throws {
        let mode = O_WRONLY | O_CREAT | (force ? O_TRUNC : O_EXCL)
        let file = open(path, mode, 0o644)
        guard file >= 0 else {
            throw CommandFailure(
                .failed,
                errno == EEXIST
                    ? "\(path) is there already: give --force to write over it." : "\(path) cannot be written.")
        }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: Data(profile.file.utf8))
    }

    /// A table of many, the sentences of one.
    private func complain(_ report: ImportReport) {
        if report.rows.count > 1 {
            Terminal.table(
                ["source", "profile", "kind", "needs", "repairs", "warnings"],
                report.rows.map { row in
                    guard let profile = row.profile, row.problems.isEmpty else {
                        return [row.source, "-", "-", "-", "-", "-"]
                    }
                    return [
                        row.source, profile.name, profile.document["kind"]?.string ?? "", "\(profile.needs.count)",
                        "\(profile.repairs.count)", "\(profile.warnings.count)",
                    ]
                }, to: Terminal.complain)
        }
        for row in report.rows {
            let name = report.rows.count > 1 ? "\(row.source): " : ""
            for problem in row.problems { Terminal.complain("\(name)failed: \(problem)") }
            guard let profile = row.profile else { continue }
            for need in profile.needs { Terminal.complain("\(name)needs: \(need)") }
            for repair in profile.repairs { Terminal.complain("\(name)repaired: \(repair)") }
            for warning in profile.warnings { Terminal.complain("\(name)warning: \(warning)") }
        }
    }

    private static func json(_ report: ImportReport) -> JSONValue {
        let rows = report.rows.map { row in
            var members = JSONObject([("source", .string(row.source))])
            if let profile = row.profile {
                members["name"] = .string(profile.name)
                members["profile"] = .object(profile.document)
                members["needs"] = .strings(profile.needs)
                members["repairs"] = .strings(profile.repairs)
                members["warnings"] = .strings(profile.warnings)
            }
            if !row.problems.isEmpty { members["problems"] = .strings(row.problems) }
            return JSONValue.object(members)
        }
        return .object(JSONObject([("profiles", .array(rows))]))
    }
}
