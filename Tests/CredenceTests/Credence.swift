import Foundation
import Testing

/// The real binary, in a private folder of its own.
final class Credence {
    let data: String
    private var service: Process?
    private(set) var url = ""
    let log: String

    /// Beside the test bundle: SwiftPM puts both into one folder.
    static let binary: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "credence").path
    }()

    init() throws {
        let folder = NSTemporaryDirectory() + "credence-test-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        data = folder + "/data"
        log = folder + "/service.log"
    }

    deinit {
        service?.terminate()
        service?.waitUntilExit()
        try? FileManager.default.removeItem(atPath: (data as NSString).deletingLastPathComponent)
    }

    struct Outcome {
        let status: Int32
        let output: String
        let complaint: String
    }

    /// Runs a verb to its end.
    @discardableResult
    func run(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments =
            arguments + (arguments.contains("--data") || arguments.first == "--help" ? [] : ["--data", data])
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let (output, complaint, stdin) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaint
        process.standardInput = stdin
        try process.run()
        stdin.fileHandleForWriting.write(Data((input ?? "").utf8))
        try stdin.fileHandleForWriting.close()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = complaint.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            complaint: String(decoding: complained, as: UTF8.self))
    }

    /// Starts the service and returns when it says that it listens.
    func serve(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments =
            ["serve", "--data", data, "--development", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]
            + arguments
        let output = Pipe()
        guard FileManager.default.createFile(atPath: log, contents: nil) else { throw Failure("no log file") }
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        service = process
        var said = ""
        while !said.contains("\n") {
            let chunk = output.fileHandleForReading.availableData
            guard !chunk.isEmpty else { throw Failure("the service did not start: \(try logText())") }
            said += String(decoding: chunk, as: UTF8.self)
        }
        guard let start = said.range(of: "listening on ") else { throw Failure("it said \(said)") }
        url = said[start.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines)
    }

    var processID: Int32 { service?.processIdentifier ?? 0 }

    func logText() throws -> String { try String(contentsOfFile: log, encoding: .utf8) }

    /// Ends the service as a supervisor would, and returns its exit status.
    @discardableResult
    func stop(signal: Int32 = SIGTERM) -> Int32 {
        guard let service else { return 0 }
        kill(service.processIdentifier, signal)
        service.waitUntilExit()
        self.service = nil
        return service.terminationStatus
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
