import ArgumentParser
import OAuth

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "What was done, by whom.",
        subcommands: [Tail.self, Verify.self, Export.self])

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the last lines of the audit log.", discussion: "Example: credence audit tail --lines 20")
        @Option(help: "How many.") var lines: Int = 20
        @OptionGroup var common: CommonOptions

        func run() async throws {
            guard (1...1000).contains(lines) else { throw CommandFailure(.usage, "--lines is from 1 to 1000.") }
            let answer = try await common.withAPI { [lines] in try await $0.call(.get, "/v1/audit?limit=\(lines)") }
            if common.json { return Terminal.say(answer.serialized()) }
            for event in answer["events"]?.elements ?? [] {
                Terminal.say(
                    ["time", "action", "caller", "connection", "subject", "result", "reason", "purpose"]
                        .compactMap { event[$0].map { Terminal.printable($0.display) } }.joined(separator: "  "))
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the whole audit log, and say whether anything in it was changed.",
            discussion: """
                Finds a line that was edited, taken out, put in or moved, and an end that was cut off behind the last signed
                head. Exit code 1 when it finds anything.
                Example: credence audit verify
                """)
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let found = try await common.withAPI { try await $0.call(.get, "/v1/audit/verification") }
            let problems = found["problems"]?.elements ?? []
            if common.json {
                Terminal.say(found.serialized())
            } else {
                for note in found["notes"]?.elements ?? [] {
                    Terminal.complain("note: \(Terminal.printable(note.display))")
                }
                for problem in problems { Terminal.say(Terminal.printable(problem.display)) }
                if problems.isEmpty {
                    let range =
                        found["last"].map { "numbers \(found["first"]?.display ?? "?") to \($0.display), " } ?? ""
                    Terminal.say(
                        "whole: \(found["lines"]?.display ?? "0") lines, \(range)\(found["heads"]?.display ?? "0") signed heads"
                    )
                }
            }
            guard problems.isEmpty else {
                throw CommandFailure(.failed, "The audit log is not what the service wrote.")
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the audit log for another system, one event a line.",
            discussion: """
                Formats: json (the lines as they are), ocsf (OCSF 1.3, class API Activity), cef (ArcSight CEF).
                --after goes on behind the number of the last event that was taken (`seq`, `metadata.uid`, `externalId`).
                Example: credence audit export --format ocsf --after 81203 >> events.ndjson
                """)

        enum Format: String, ExpressibleByArgument, CaseIterable { case json, ocsf, cef }

        @Option(help: "json, ocsf or cef.") var format: Format = .json
        @Option(help: ArgumentHelp("Begin behind this number.", valueName: "number")) var after: Int = 0
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let format = format
            let start = after
            try await common.withAPI { api in
                var after = start
                while true {
                    let answer = try await api.call(.get, "/v1/audit?after=\(after)&limit=1000")
                    let events = answer["events"]?.elements ?? []
                    guard let last = events.last?["seq"]?.display, let number = Int(last), number > after else {
                        return
                    }
                    for event in events {
                        switch format {
                        case .json: Terminal.say(event.serialized())
                        case .ocsf: Terminal.say(AuditExport.ocsf(event).serialized())
                        case .cef: Terminal.say(AuditExport.cef(event))
                        }
                    }
                    after = number
                }
            }
        }
    }
}
