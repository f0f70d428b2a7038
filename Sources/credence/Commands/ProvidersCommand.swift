import ArgumentParser
import OAuth
import ProviderProfiles

struct ProvidersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers", abstract: "Providers' profiles.",
        subcommands: [List.self, Show.self, Check.self, PreviewCommand.self, ImportCommand.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the profiles.", discussion: "Example: credence providers list")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let profiles = try await Profiles.all(common)
            if common.json {
                return Terminal.say(JSONValue.object(JSONObject([("providers", .array(profiles))])).serialized())
            }
            let columns = ["provider", "kind", "title"]
            Terminal.table(columns, profiles.map { profile in columns.map { profile[$0]?.display ?? "" } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a profile: what it asks for, and its file.",
            discussion: "Example: credence providers show oauth2")
        @Argument(help: "The profile's name.") var name: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let profile = try await Profiles.named(name, common)
            if common.json { return Terminal.say(profile.source.serialized()) }
            Terminal.list([
                ("provider", profile.name), ("title", profile.title), ("kind", profile.kind.rawValue),
                ("documentation", profile.documentation ?? "-"),
            ])
            guard !profile.fields.isEmpty else { return }
            Terminal.say("")
            Terminal.table(
                ["field", "of", "required", "default", "title"],
                profile.fields.map { field in
                    [field.name, field.of.rawValue, field.required ? "yes" : "no", field.default ?? "-", field.title]
                })
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with profile files.",
            discussion: "Example: credence providers check providers/my-crm.json")
        @Argument(help: "The files.") var files: [String]
        @Flag(help: "Answer in JSON, for machines.") var json = false
        @Flag(help: "Allow http endpoints, as serve --development does.") var development = false

        func run() async throws {
            var problems: [ProfileProblem] = []
            for file in files {
                problems += ProfileCheck.problems(in: try Profiles.bytes(of: file), file: file, allowHTTP: development)
            }
            if json {
                let all = problems.map { problem in
                    JSONValue.object(
                        JSONObject([
                            ("file", .string(problem.file)), ("path", .string(problem.path)),
                            ("message", .string(problem.message)),
                        ]))
                }
                Terminal.say(JSONValue.object(JSONObject([("problems", .array(all))])).serialized())
            } else {
                for problem in problems { Terminal.say("\(problem)") }
            }
            guard problems.isEmpty else {
                throw CommandFailure(.failed, problems.count == 1 ? "1 problem." : "\(problems.count) problems.")
            }
            if !json { Terminal.say(files.count == 1 ? "1 profile is fine." : "\(files.count) profiles are fine.") }
        }
    }
}

/// Where profiles are looked for: in the service that runs; in the folders that `--providers` or the settings name, and in
/// the program, where none does.
enum Profiles {
    /// As `GET /v1/providers` has them: provider, title, kind.
    static func all(_ common: CommonOptions) async throws -> [JSONValue] {
        if let answer = try await common.ofRunningService({ try await $0.call(.get, "/v1/providers") }) {
            return answer["providers"]?.elements ?? []
        }
        return try await catalog(common).all.map { profile in
            .object(
                JSONObject([
                    ("provider", .string(profile.name)), ("title", .string(profile.title)),
                    ("kind", .string(profile.kind.rawValue)),
                ]))
        }
    }

    static func named(_ name: String, _ common: CommonOptions) async throws -> ProviderProfile {
        let unknown = CommandFailure(
            .notFound, "There is no provider \(Terminal.printable(name)). See: credence providers list")
        let path = "/v1/providers/\(try segment(name))"
        let answer = try await common.ofRunningService { api -> JSONValue? in
            do {
                return try await api.call(.get, path)
            } catch let failure as CommandFailure where failure.exit == .notFound {
                throw unknown
            }
        }
        guard let document = answer ?? nil else {
            guard let profile = try await catalog(common)[name] else { throw unknown }
            return profile
        }
        // The service has checked it, under its own settings.
        switch ProviderProfile.decode(Array(document.serialized().utf8), file: "\(name).json", allowHTTP: true) {
        case .success(let profile): return profile
        case .failure(let problems): throw CommandFailure(.failed, "The service is of another version: \(problems)")
        }
    }

    private static func catalog(_ common: CommonOptions) async throws -> ProviderCatalog {
        var options = ServiceOptions(folder: common.folder)
        try await options.fill(fromFile: nil)
        let folders = common.providerFolders.isEmpty ? options.providerFolders : common.providerFolders
        return try catalog(folders: folders, allowHTTP: common.development)
    }

    static func catalog(folders: [String], allowHTTP: Bool) throws -> ProviderCatalog {
        do {
            return try ProviderCatalog.load(directories: folders, allowHTTP: allowHTTP)
        } catch {
            throw CommandFailure(.failed, "Profiles are not in order:\n\(error)")
        }
    }

    static func bytes(of file: String) throws -> [UInt8] {
        guard let bytes = PrivateFile.read(file, limit: 1 << 20) else {
            throw CommandFailure(.failed, "\(file) cannot be read, or is larger than 1 MiB.")
        }
        return bytes
    }
}
