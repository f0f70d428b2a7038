import ArgumentParser
import Broker
import Glibc
import OAuth
import SQLiteStore

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write a backup into a new file, while the service goes on.",
        discussion: """
            The file holds the database with everything sealed, and a signed manifest; not the master key, without which it
            is worth nothing, and not the audit log.
            Example: credence backup /backups/credence-$(date +%F).db
            """)
    @Argument(help: "The file; it must not be there yet.") var file: String
    @OptionGroup var common: CommonOptions

    func run() async throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .failed,
                errno == EEXIST
                    ? "\(Terminal.printable(file)) is there already: a backup is never written over."
                    : "\(Terminal.printable(file)) cannot be made: \(String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        do {
            let size = try await common.withAPI { try await $0.download(.post, "/v1/backup", to: descriptor) }
            guard fsync(descriptor) == 0 else {
                throw CommandFailure(.failed, "\(Terminal.printable(file)) cannot be written to the disk.")
            }
            // What was written is what was meant, before anybody relies on it.
            do { _ = try BackupFile(path: file) } catch { throw CommandFailure(.failed, error.detail) }
            Terminal.say(
                common.json
                    ? JSONValue.object(JSONObject([("file", .string(file)), ("bytes", .number(JSONNumber(size)))]))
                        .serialized()
                    : "backed up into \(file), \(size) bytes. Keep the master key elsewhere: without it this opens nothing."
            )
        } catch {
            unlink(file)
            throw error
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup into an empty data folder, or claim a restored one.",
        subcommands: [From.self, Claim.self], defaultSubcommand: From.self)

    struct From: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "from", abstract: "Put a backup into an empty data folder.",
            discussion: """
                The folder is made when it is not there; only master.key may lie in it. Refreshes are then held: a refresh
                token that the original spends too may end the grant for both. See: credence restore claim --help
                Example: credence restore /backups/credence-2026-11-23.db --data /var/lib/credence
                """)
        @Argument(help: "The backup.") var file: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            var options = ServiceOptions(folder: common.folder)
            try await options.fill(fromFile: nil)
            if !common.providerFolders.isEmpty { options.providerFolders = common.providerFolders }
            options.isDevelopment = common.development
            options.trustedCertificates = common.trustedCertificates ?? options.trustedCertificates
            let manifest = try await Service.restore(file, options)
            if common.json {
                return Terminal.say(
                    JSONValue.object(
                        JSONObject([
                            ("data", .string(options.folder)), ("created_at", .string(manifest.createdAt)),
                            ("connections", .number(JSONNumber(manifest.tables["connection"] ?? 0))),
                        ])
                    ).serialized())
            }
            Terminal.say(
                """
                restored \(manifest.tables["connection"] ?? 0) connections, as they were at \(manifest.createdAt), into \(options.folder)
                Refreshes are held until you say that no other copy is in use: credence restore claim
                """)
        }
    }

    struct Claim: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that this store is the one in use, and let refreshes go on.",
            discussion: """
                Say it only when the original is stopped for good. Two stores that refresh the same grants end them: a
                provider that sees an old refresh token again revokes the grant.
                Example: credence restore claim
                """)
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await common.withAPI { _ = try await $0.call(.post, "/v1/claim") }
            Terminal.say(common.json ? "{}" : "claimed: refreshes go on")
        }
    }
}

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Open every sealed box, and check database, audit log and versions.",
        discussion: """
            With a FILE that backup is restored into a folder of its own and verified there, with this folder's master key.
            Example: credence verify
            Example: credence verify /backups/credence-2026-11-23.db
            """)
    @Argument(help: "A backup; else the data folder.") var file: String?
    @OptionGroup var common: CommonOptions

    func run() async throws {
        let report: JSONValue
        if let file {
            report = try await verifyBackup(file)
        } else {
            report = try await common.withAPI { try await $0.call(.get, "/v1/verification") }
        }
        let problems = report["problems"]?.elements ?? []
        if common.json {
            Terminal.say(report.serialized())
        } else {
            for note in report["notes"]?.elements ?? [] {
                Terminal.complain("note: \(Terminal.printable(note.display))")
            }
            for problem in problems { Terminal.say(Terminal.printable(problem.display)) }
            if report["refresh_held"] == .bool(true), file == nil {
                Terminal.complain("note: refreshes are held: credence restore claim")
            }
            if problems.isEmpty {
                Terminal.say(
                    "in order: \(report["connections"]?.display ?? "0") connections, \(report["boxes"]?.display ?? "0") sealed boxes, \(report["audit_lines"]?.display ?? "0") audit lines"
                )
            }
        }
        guard problems.isEmpty else {
            throw CommandFailure(.failed, "\(problems.count) problems. An administrator must look at them.")
        }
    }

    private func verifyBackup(_ file: String) async throws -> JSONValue {
        var template = Array("\(common.folder)/verify-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
            throw CommandFailure(.failed, "No folder can be made in \(common.folder).")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { PrivateFile.removeFolder(folder) }
        var options = ServiceOptions(folder: folder)
        try await options.fill(fromFile: nil)
        options.isTrial = true
        if options.masterKey == nil, options.masterKeyFile == nil {
            options.masterKeyFile = ServiceOptions(folder: common.folder).masterKeyPath
        }
        options.isDevelopment = common.development
        if !common.providerFolders.isEmpty { options.providerFolders = common.providerFolders }
        _ = try await Service.restore(file, options)
        return try await Service.reach(options, meanwhile: .none) { try await $0.call(.get, "/v1/verification") }
    }
}
