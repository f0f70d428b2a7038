import ArgumentParser
import AsyncHTTPClient
import Foundation
import UnixSignals

/// `credence-sandbox demo`: what `make demo` and `make run` show.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Walk a connection from consent to refresh, with a real service and a sandbox to connect to.",
        discussion: "Works in a temporary folder and on free ports of 127.0.0.1. Exit code 0 when all was as expected.")

    @Option(help: "The program to show.")
    var credence: String

    @Option(help: ArgumentHelp("Say at the end how to go on with this provider.", valueName: "provider"))
    var next: String?

    @Flag(help: "Leave everything running at the end, for a person's browser; Ctrl-C ends it.")
    var stay = false

    private enum Outcome: Sendable {
        case done(DemoOutput, next: String)
        case failed(String)
        case interrupted
    }

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: credence) else {
            throw ValidationError("--credence: there is no program at \(credence).")
        }
    }

    func run() async throws {
        let programs = try DemoPrograms(credence: URL(fileURLWithPath: credence).standardizedFileURL)
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let outcome = await outcome(programs, http)
        try await http.shutdown()
        try await conclude(outcome, programs)
    }

    /// The demo, or the signal that came first.
    private func outcome(_ programs: DemoPrograms, _ http: HTTPClient) async -> Outcome {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        return await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                var walk = DemoWalk(programs: programs, http: http)
                do {
                    try await walk.run()
                    let next = try await walk.goingOn(with: self.next)
                    if stay { try await walk.stay() }
                    return .done(walk.output, next: next)
                } catch {
                    return .failed("Step \(walk.output.number) failed: \(walk.output.sentence)\n\(error)")
                }
            }
            group.addTask {
                for await _ in signals { break }
                return .interrupted
            }
            let first = await group.next() ?? .interrupted
            group.cancelAll()
            return first
        }
    }

    private func conclude(_ outcome: Outcome, _ programs: DemoPrograms) async throws {
        switch outcome {
        case .done(var output, let next):
            output.step("Both processes are told to end (SIGTERM), and the folder is removed.")
            let end = await programs.end()
            end.lines.forEach(output.answer)
            guard end.isClean else { throw failure("Step \(output.number) failed.", programs) }
            try programs.removeFolder()
            announce("\nAll of it was as expected.\n\n" + next)
        case .interrupted:
            let end = await programs.end()
            announce((["\nInterrupted."] + end.lines).joined(separator: "\n"))
            guard end.isClean else { throw failure("Not all processes ended as they should.", programs) }
            try programs.removeFolder()
            // Ctrl-C is how `--stay` is meant to end; by itself the demo would have gone on.
            throw stay ? ExitCode.success : ExitCode(130)
        case .failed(let what):
            _ = await programs.end()
            throw failure(what, programs)
        }
    }

    private func failure(_ what: String, _ programs: DemoPrograms) -> ExitCode {
        let logs = ["credence", "sandbox"].map { programs.log(of: $0).path }.filter(FileManager.default.fileExists)
        let left = logs.isEmpty ? "" : "The logs were left here:\n  \(logs.joined(separator: "\n  "))\n"
        if logs.isEmpty { try? programs.removeFolder() }
        try? FileHandle.standardError.write(contentsOf: Data("\n\(what)\n\(left)".utf8))
        return .failure
    }
}
