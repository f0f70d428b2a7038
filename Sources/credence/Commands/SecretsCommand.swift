import ArgumentParser
import OAuth

struct SecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secrets", abstract: "API keys, Basic credentials and subject tokens, in versions.",
        subcommands: [Set.self, Rotate.self, Rollback.self, History.self])

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the API key, or the user name and password, of a connection.",
            discussion: """
                A connection by token exchange takes the subject token that it exchanges. Where a profile asks for several
                secrets, they are a JSON object: {"api_key": "…", "tenant_key": "…"}.
                Example: credence secrets set text-analytics --secret-file key.txt
                Example: pass show billing | credence secrets set billing --username svc --secret-stdin
                """)

        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var value: SecretValueOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let shown = try await value.send(.put, "secret", of: id, common, requiresEarlier: false)
            if common.json { return Terminal.say(shown.serialized()) }
            // Beside OAuth's tokens a secret counts by itself: credence secrets history.
            let isBeside =
                shown["kind"]?.string == "oauth2" && shown["grant"]?.string != GrantType.tokenExchange.rawValue
            Terminal.say(isBeside ? "set \(id)" : "set \(id), version \(shown["version"]?.display ?? "?")")
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a new secret in place of the one that is there, which may be brought back for a while.",
            discussion: """
                With --verify the API is asked first: the new secret takes the old one's place only where it answers 2xx.
                With --all every connection that matches is rotated from a file of one JSON object a line:
                {"connection": "acme-1", "api_key": "…"} or {"connection": "acme-2", "username": "…", "password": "…"}.
                A run that was interrupted is run again: what has its new secret already is left alone.
                Example: credence secrets rotate text-analytics --secret-file new.txt --verify https://api.example.com/me
                Example: credence secrets rotate --all --provider api-key --from-file new-keys.jsonl
                """)

        @Argument(help: "The connection's ID; none with --all.") var id: String?
        @Flag(help: "Rotate every connection that matches.") var all = false
        @Option(help: "With --all: those of this client.") var client: String?
        @Option(help: "With --all: those of this provider.") var provider: String?
        @Option(help: ArgumentHelp("With --all: the new secrets, a JSON object a line.", valueName: "file"))
        var fromFile: String?
        @OptionGroup var value: SecretValueOptions
        @OptionGroup var common: CommonOptions

        func validate() throws {
            if all {
                guard id == nil, !value.secret.isGiven else {
                    throw ValidationError("--all takes no ID and no --secret-…: the secrets come --from-file.")
                }
                guard fromFile != nil else { throw ValidationError("--all needs --from-file FILE.") }
                guard client != nil || provider != nil else {
                    throw ValidationError("Say whose connections: --client C or --provider P.")
                }
            } else {
                guard id != nil else { throw ValidationError("Give a connection's ID, or --all.") }
                guard fromFile == nil, client == nil, provider == nil else {
                    throw ValidationError("--from-file, --client and --provider go with --all.")
                }
            }
        }

        func run() async throws {
            if let fromFile {
                return try await BulkRotation(
                    file: fromFile, client: client, provider: provider, options: try value.members()
                ).run(common)
            }
            let id = id ?? ""
            let shown = try await value.send(.post, "secret/rotate", of: id, common, requiresEarlier: true)
            if !common.json, shown["kind"]?.string == "oauth2" { return Terminal.say("rotated \(id)") }
            Terminal.say(
                common.json
                    ? shown.serialized()
                    : """
                    rotated \(id), version \(shown["version"]?.display ?? "?")
                    The one before is kept for a while: credence secrets rollback \(id)
                    """)
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring an earlier secret back, as a new version.",
            discussion: """
                Example: credence secrets rollback text-analytics
                Example: credence secrets rollback text-analytics --version 3
                """)
        @Argument(help: "The connection's ID.") var id: String
        @Option(name: .customLong("version"), help: "Which one; else the newest that is kept.") var number: Int?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))/secret/rollback"
            let body = JSONValue.object(JSONObject(number.map { [("version", .number(JSONNumber($0)))] } ?? []))
            let shown = try await common.withAPI { try await $0.call(.post, path, body) }
            Terminal.say(
                common.json ? shown.serialized() : "rolled back \(id), version \(shown["version"]?.display ?? "?")")
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who set which version when; never a value.",
            discussion: """
                The same fingerprint is the same value. Fingerprints are keyed: nobody can try passwords against them.
                Example: credence secrets history text-analytics
                """)
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))/secret"
            let answer = try await common.withAPI { try await $0.call(.get, path) }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.table(
                ["version", "set", "by", "fingerprint", "expires", "state"],
                (answer["versions"]?.elements ?? []).map { version in
                    let state =
                        if version["current"] == .bool(true) {
                            "current"
                        } else if let end = version["restorable_until"]?.display {
                            "kept until \(end)"
                        } else {
                            "destroyed"
                        }
                    let restored = version["restores"].map { " (value of \($0.display))" } ?? ""
                    return [
                        "\(version["version"]?.display ?? "?")\(restored)", version["created_at"]?.display ?? "",
                        version["set_by"]?.display ?? "-", version["fingerprint"]?.display ?? "",
                        version["expires_at"]?.display ?? "-", state,
                    ]
                })
        }
    }
}

/// A new secret, and what is said with it.
struct SecretValueOptions: ParsableArguments {
    @Option(help: "The user name, for a Basic credential; the secret is then its password.") var username: String?
    @Option(help: ArgumentHelp("When the provider ends it: the credential is then refused.", valueName: "date"))
    var expiresAt: String?
    @Option(help: ArgumentHelp("Ask this address with the new secret first; 2xx must come.", valueName: "url"))
    var verify: String?
    @Option(help: ArgumentHelp("How long the one before may be brought back (default: 7).", valueName: "days"))
    var keepDays: Int?
    @OptionGroup var secret: SecretOptions

    func members() throws -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if let expiresAt { members.append(("expires_at", .string(expiresAt))) }
        if let verify { members.append(("verify_url", .string(verify))) }
        if let keepDays {
            guard (0...90).contains(keepDays) else { throw CommandFailure(.usage, "--keep-days is 0 to 90.") }
            members.append(("keep_previous", .number(JSONNumber(keepDays * 86_400))))
        }
        return members
    }

    func send(
        _ method: API.Method, _ verb: String, of id: String, _ common: CommonOptions, requiresEarlier: Bool
    ) async throws -> JSONValue {
        guard let text = try secret.read(prompt: "\(requiresEarlier ? "New secret" : "Secret") of \(id): ") else {
            throw Terminal.secretIsMissing()
        }
        let connection = "/v1/connections/\(try segment(id))"
        let username = username
        let options = try members()
        return try await common.withAPI { api in
            let members: [(String, JSONValue)] =
                if let username {
                    [("username", .string(username)), ("password", .string(text))]
                } else {
                    try Self.members(of: text, for: try await api.call(.get, connection))
                }
            return try await api.call(method, "\(connection)/\(verb)", .object(JSONObject(members + options)))
        }
    }

    /// What the connection takes; several secrets stand by their names in a JSON object.
    private static func members(of text: String, for connection: JSONValue) throws -> [(String, JSONValue)] {
        if connection["grant"]?.string == GrantType.tokenExchange.rawValue {
            return [("subject_token", .string(text))]
        }
        if text.hasPrefix("{"), case .object? = try? JSONReader.read(Array(text.utf8)) {
            return [("fields", try JSONReader.read(Array(text.utf8)))]
        }
        let kind = connection["kind"]?.string
        return [(kind == "secret" || kind == "oauth2" ? "secret" : "api_key", .string(text))]
    }
}
