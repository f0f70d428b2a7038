import ArgumentParser
import OAuth

struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Who is told what becomes of connections.",
        subcommands: [Add.self, List.self, Test.self, Rotate.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a webhook and print its secret, once.",
            discussion: """
                Events: connection.reauthorization_required, connection.degraded, connection.recovered,
                connection.expiring; all of them unless --event chooses.
                A delivery is signed as Standard Webhooks says: docs/operations.md shows how to check it.
                Example: credence webhooks add ops --url https://ops.example.com/credence
                """)
        @Argument(help: "The webhook's ID: letters, digits and . _ -") var id: String
        @Option(help: "Where to: https.") var url: String
        @Option(name: .customLong("event"), help: "An event to be told of.") var events: [String] = []
        @OptionGroup var secret: SecretOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            var body = JSONObject([
                ("id", .string(try segment(id))), ("url", .string(url)), ("events", .strings(events)),
            ])
            // Without one of its own, the service makes one.
            if secret.isGiven { body["secret"] = try secret.read(prompt: "Secret: ").map { .string($0) } }
            let added = try await common.withAPI { [body] in try await $0.call(.post, "/v1/webhooks", .object(body)) }
            if common.json { return Terminal.say(added.serialized()) }
            Terminal.complain("The secret of \(id), shown this once; the receiver checks signatures with it:")
            Terminal.say(added["secret"]?.string ?? "")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the webhooks, and how much waits for each.", discussion: "Example: credence webhooks list")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let answer = try await common.withAPI { try await $0.call(.get, "/v1/webhooks") }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.table(
                ["id", "status", "waiting", "since", "events", "url"],
                (answer["webhooks"]?.elements ?? []).map { webhook in
                    let events = webhook["events"]?.elements ?? []
                    return [
                        webhook["id"]?.display ?? "", webhook["status"]?.display ?? "",
                        webhook["waiting"]?.display ?? "", webhook["waiting_since"]?.display ?? "-",
                        events.isEmpty ? "all" : webhook["events"]?.display ?? "", webhook["url"]?.display ?? "",
                    ]
                })
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a webhook.test now, and say what came of it.",
            discussion: "Exit code 5 when it was not taken.\nExample: credence webhooks test ops")
        @Argument(help: "The webhook's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/webhooks/\(try segment(id))/test"
            let answer = try await common.withAPI { try await $0.call(.post, path) }
            if common.json { Terminal.say(answer.serialized()) }
            guard answer["delivered"] == .bool(true) else {
                throw CommandFailure(
                    .tryLater,
                    "The receiver did not take it: \(answer["reason"]?.display ?? "no answer"). See docs/operations.md, \"Webhooks\"."
                )
            }
            if !common.json { Terminal.say("taken (status \(answer["status"]?.display ?? ""))") }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a webhook a new secret; the old one signs along for a while.",
            discussion: "Example: credence webhooks rotate ops --grace 3600")
        @Argument(help: "The webhook's ID.") var id: String
        @Option(help: ArgumentHelp("How long the old secret still signs.", valueName: "seconds")) var grace: Int =
            86_400
        @OptionGroup var secret: SecretOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/webhooks/\(try segment(id))/rotate"
            var body = JSONObject([("grace", .number(JSONNumber(grace)))])
            // Without one of its own, the service makes one.
            if secret.isGiven { body["secret"] = try secret.read(prompt: "Secret: ").map { .string($0) } }
            let answer = try await common.withAPI { [body] in try await $0.call(.post, path, .object(body)) }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.complain("The new secret of \(id), shown this once; the old one signs along for \(grace) s:")
            Terminal.say(answer["secret"]?.string ?? "")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send again to a webhook whose receiver said that it was gone.",
            discussion: "Example: credence webhooks enable ops")
        @Argument(help: "The webhook's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/webhooks/\(try segment(id))/enable"
            let answer = try await common.withAPI { try await $0.call(.post, path) }
            Terminal.say(common.json ? answer.serialized() : "enabled \(id)")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a webhook, and what waits for it.", discussion: "Example: credence webhooks remove ops")
        @Argument(help: "The webhook's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/webhooks/\(try segment(id))"
            try await common.withAPI { _ = try await $0.call(.delete, path) }
            Terminal.say(common.json ? "{}" : "removed \(id)")
        }
    }
}
