import ArgumentParser
import OAuth

struct CallersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callers", abstract: "Who may call the API, and their keys.",
        subcommands: [Add.self, List.self, Rotate.self, Revoke.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a caller and print its key, once.",
            discussion: """
                Roles: runtime (reads credentials), app (makes connections and consents), admin.
                Without --connection and --label the caller sees every connection its role may touch.
                Example: credence callers add crm-connector --role runtime --connection acme-crm
                """)
        @Argument(help: "The caller's ID: letters, digits and . _ -") var id: String
        @Option(help: "runtime, app or admin.") var role: String
        @Option(name: .customLong("connection"), help: "A connection it may see.") var connections: [String] = []
        @Option(
            name: .customLong("label"),
            help: ArgumentHelp("Connections that carry all of these it may see.", valueName: "k=v"))
        var labels: [String] = []
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let body = JSONValue.object(
                JSONObject([
                    ("id", .string(try segment(id))), ("role", .string(role)), ("connections", .strings(connections)),
                    ("labels", .map(try keyValues(labels, option: "--label"))),
                ]))
            let added = try await common.withAPI { try await $0.call(.post, "/v1/callers", body) }
            if common.json { return Terminal.say(added.serialized()) }
            if connections.isEmpty, labels.isEmpty, role != "admin" {
                Terminal.complain("note: \(id) may see every connection; narrow it with --connection or --label.")
            }
            Terminal.complain("The key of \(id), shown this once:")
            Terminal.say(added["key"]?.string ?? "")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the callers, without their keys.", discussion: "Example: credence callers list")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let answer = try await common.withAPI { try await $0.call(.get, "/v1/callers") }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.table(
                ["id", "role", "state", "connections", "labels"],
                (answer["callers"]?.elements ?? []).map { caller in
                    [
                        caller["id"]?.display ?? "", caller["role"]?.display ?? "",
                        caller["revoked_at"] == nil ? "active" : "revoked", caller["connections"]?.display ?? "",
                        caller["labels"]?.display ?? "",
                    ]
                })
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a caller a new key; the old one lives on for a while.",
            discussion: "Example: credence callers rotate crm-connector --grace 600")
        @Argument(help: "The caller's ID.") var id: String
        @Option(help: ArgumentHelp("How long the old key still works.", valueName: "seconds")) var grace: Int = 3600
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/callers/\(try segment(id))/rotate"
            let body = JSONValue.object(JSONObject([("grace", .number(JSONNumber(grace)))]))
            let answer = try await common.withAPI { try await $0.call(.post, path, body) }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.complain("The new key of \(id), shown this once; the old one works for \(grace) s more:")
            Terminal.say(answer["key"]?.string ?? "")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End all keys of a caller at once.", discussion: "Example: credence callers revoke crm-connector")
        @Argument(help: "The caller's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/callers/\(try segment(id))"
            try await common.withAPI { _ = try await $0.call(.delete, path) }
            Terminal.say(common.json ? "{}" : "revoked \(id)")
        }
    }
}
