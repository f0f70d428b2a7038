import ArgumentParser
import OAuth

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "The data keys that seal what is stored, and the master key that wraps them.",
        subcommands: [Status.self, Rotate.self, Rewrap.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count what is sealed under which data key.",
            discussion: "A key with 0 boxes is needed by nothing that is stored.\nExample: credence keys status")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let answer = try await common.withAPI { try await $0.call(.get, "/v1/keys") }
            if common.json { return Terminal.say(answer.serialized()) }
            if let masterKey = answer["master_key"] {
                let due =
                    masterKey["rewrap_due"] == .bool(true)
                    ? " (the previous one; 'credence keys rewrap' changes to the configured one)" : ""
                Terminal.say("master key \(masterKey["id"]?.display ?? "")\(due)")
            }
            Terminal.table(
                ["data key", "state", "boxes", "where"],
                (answer["data_keys"]?.elements ?? []).map { key in
                    [
                        key["term"]?.display ?? "", key["state"]?.display ?? "", key["boxes"]?.display ?? "",
                        key["places"]?.display ?? "",
                    ]
                })
            if let unwritten = answer["unwritten"]?.display, unwritten != "0" {
                Terminal.say("\(unwritten) credentials wait to be written, sealed too")
            }
            Terminal.say("now: \(answer["progress"]?["state"]?.display ?? "")")
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new data key and seal everything again under it.",
            discussion: """
                Nothing stops meanwhile. What is interrupted goes on when the service starts, or with this verb again. The
                old key is removed when nothing needs it: with a service, five minutes after the last row.
                Example: credence keys rotate
                """)
        @Flag(help: "Do not wait for the end; only beside a running service.") var noWait = false
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let isQuiet = common.json
            let last = try await common.withAPI(meanwhile: .keys) { [noWait] api in
                var progress = try await api.call(.post, "/v1/keys/rotate")
                let isUnderWay = { (progress: JSONValue) in progress["state"]?.string == "resealing" }
                while !noWait, isUnderWay(progress) {
                    try await Task.sleep(for: .milliseconds(250))
                    progress = try await api.call(.get, "/v1/keys/progress")
                    if !isQuiet, isUnderWay(progress) {
                        Terminal.complain(
                            "sealed again: \(progress["rows_resealed"]?.display ?? "0") rows, of \(progress["boxes_found"]?.display ?? "?") boxes found"
                        )
                    }
                }
                return progress
            }
            if isQuiet { Terminal.say(last.serialized()) }
            let term = last["active_term"]?.display ?? ""
            switch last["state"]?.string {
            case "blocked":
                throw CommandFailure(
                    .failed,
                    "Some boxes do not open and stay under the old data key: the service's log names them, 'credence keys status' counts them. Restore those rows from a backup."
                )
            case "idle" where !isQuiet: Terminal.say("everything is sealed under data key \(term)")
            case "waiting" where !isQuiet:
                Terminal.say(
                    "everything is sealed under data key \(term); the old one is removed by the service in a few minutes"
                )
            case "resealing" where !isQuiet:
                Terminal.say("data key \(term) is active; the service seals everything again")
            default: break
            }
        }
    }

    struct Rewrap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wrap the data keys by the new master key.",
            discussion: """
                Configure the new one as the master key and the old one as the previous one, and restart, first: both are
                needed until this is done. Keep the old one for the backups of before.
                Example: CREDENCE_MASTER_KEY=file:/etc/credence/new.key \\
                  CREDENCE_PREVIOUS_MASTER_KEY=file:/etc/credence/master.key credence keys rewrap
                """)
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let answer = try await common.withAPI { try await $0.call(.post, "/v1/keys/rewrap") }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.say(
                "the data keys are wrapped by master key \(answer["master_key"]?.display ?? ""), no longer by \(answer["previous"]?.display ?? "")"
            )
        }
    }
}
