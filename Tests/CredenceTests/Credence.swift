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
        try? FileManager.default.removeItem(atPath: (data as NSString).deletingLastPathComponent)
    }

    struct Outcome {
        let status: Int32
        let output: String
        let complaint: String
    }

    /// Runs a verb to its end.
    @discardableResult
    func run(_ arguments: String..., input: String? = nil) async throws -> Outcome {
        try await run(arguments, input: input)
    }

    func run(_ arguments: [String], input: String? = nil) async throws -> Outcome {
        try await Self.run(
            arguments + (arguments.contains("--data") || arguments.first == "--help" ? [] : ["--data", data]),
            input: input)
    }

    /// A verb that names its folder.
    static func run(_ arguments: [String], input: String? = nil) async throws -> Outcome {
        try await apart { try outcome(arguments, input: input ?? "") }
    }

    private static func outcome(_ arguments: [String], input: String) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = arguments
        let (output, complaint, stdin) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaint
        process.standardInput = stdin
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = complaint.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            complaint: String(decoding: complained, as: UTF8.self))
    }

    /// On a thread of its own: waiting for a process would hold up the other tests.
    private static func apart<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Starts the service and returns when it says that it listens.
    func serve(_ arguments: String...) async throws {
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
        let reading = output.fileHandleForReading
        let said = try await Self.apart {
            var said = ""
            while !said.contains("\n") {
                let chunk = reading.availableData
                guard !chunk.isEmpty else { break }
                said += String(decoding: chunk, as: UTF8.self)
            }
            return said
        }
        guard let start = said.range(of: "listening on ") else {
            let end = process.isRunning ? "it runs" : "it ended with \(process.terminationStatus)"
            throw Failure("the service did not start, \(end): \(said) \(try logText())")
        }
        url = said[start.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines)
    }

    var processID: Int32 { service?.processIdentifier ?? 0 }

    func logText() throws -> String { try String(contentsOfFile: log, encoding: .utf8) }

    /// Ends the service as a supervisor would, and returns its exit status.
    @discardableResult
    func stop(signal: Int32 = SIGTERM) async throws -> Int32 {
        guard let service else { return 0 }
        self.service = nil
        let process = service.processIdentifier
        kill(process, signal)
        let waiting = Waiting(process: service)
        return try await Self.apart {
            waiting.process.waitUntilExit()
            return waiting.process.terminationStatus
        }
    }

    /// A process that one thread alone waits for.
    private struct Waiting: @unchecked Sendable {
        let process: Process
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
