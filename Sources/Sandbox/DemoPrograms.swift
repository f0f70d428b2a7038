import Foundation

/// The processes of the demo, all of them children that end with it, in a private folder that goes with it.
actor DemoPrograms {
    struct Output: Sendable {
        let status: Int32
        let text: String
        let complaint: String
    }

    private struct Server {
        let name: String
        let process: Process
        var isReady = false
    }

    nonisolated let folder: URL
    nonisolated let credence: URL
    private var servers: [Server] = []
    private var verb: Process?

    /// - Parameter credence: The program.
    init(credence: URL) throws {
        // The admin socket lies in it, and a socket's path has 107 bytes at most.
        let temporary = FileManager.default.temporaryDirectory.path
        let place = temporary.utf8.count <= 64 ? temporary : "/tmp"
        var template = Array("\(place)/credence-demo.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DemoProblem("no folder can be made in \(place)") }
        let bytes = template.dropLast().map { UInt8(bitPattern: $0) }
        folder = URL(fileURLWithPath: String(decoding: bytes, as: UTF8.self), isDirectory: true)
        self.credence = credence
        // A verb that ends before it has read its input is found by its exit code.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Where the program lies, for a `PATH`.
    nonisolated var programFolder: String { credence.deletingLastPathComponent().path }

    nonisolated var data: String { folder.appendingPathComponent("data").path }

    nonisolated func log(of name: String) -> URL { folder.appendingPathComponent("\(name).log") }

    // MARK: Running

    /// Starts a program that prints a line with `listening on` when it is ready.
    ///
    /// - Returns: What it printed until then.
    func start(_ name: String, _ program: URL, _ arguments: [String]) async throws -> String {
        let log = log(of: name)
        try Data().write(to: log)
        let writer = try FileHandle(forWritingTo: log)
        let process = process(program, arguments)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = writer
        process.standardError = writer
        try process.run()
        servers.append(Server(name: name, process: process))
        try writer.close()
        let announced = try await Self.poll(seconds: 30, for: "\(name) to listen") {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            // All that is announced with the line comes in one piece.
            if text.hasSuffix("\n"), text.contains("listening on ") { return text }
            guard process.isRunning else { throw DemoProblem("\(name) ended at once. It said: \(text)") }
            return nil
        }
        servers[servers.count - 1].isReady = true
        return announced
    }

    /// Runs a verb of `credence` on the demo's data folder.
    ///
    /// - Throws: Where its exit code is not 0.
    func credence(_ arguments: [String], input: String? = nil) async throws -> Output {
        let process = process(credence, arguments)
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        verb = process
        if let input { try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try stdin.fileHandleForWriting.close()
        async let text = Self.all(of: stdout)
        async let complaint = Self.all(of: stderr)
        try await Self.poll(seconds: 60, for: "credence \(arguments.joined(separator: " "))") {
            process.isRunning ? nil : ()
        }
        verb = nil
        let output = Output(status: process.terminationStatus, text: await text, complaint: await complaint)
        guard output.status == 0, process.terminationReason == .exit else {
            throw DemoProblem("credence ended with \(output.status): \(output.complaint)")
        }
        return output
    }

    private func process(_ program: URL, _ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        // What the person has set for another service is not meant for this one.
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CREDENCE_") }
        environment["CREDENCE_DATA"] = data
        process.environment = environment
        return process
    }

    /// Reads to the end on a thread that may wait.
    private static func all(of pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let bytes = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    /// Asks again and again until there is an answer. A person watches: real time is fine.
    ///
    /// - Throws: `DemoProblem` when the seconds are over, `CancellationError`, and whatever the question throws.
    static func poll<Value>(
        seconds: Int, for what: String, isolation: isolated (any Actor)? = #isolation,
        _ question: () async throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let answer = try await question() { return answer }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw DemoProblem("waited \(seconds) seconds for \(what), in vain")
    }

    // MARK: Ending

    /// The first server that is no longer there.
    ///
    /// - Throws: `CancellationError`
    func untilOneEnds() async throws -> String {
        while true {
            if let server = servers.first(where: { !$0.process.isRunning }) { return server.name }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Tells all processes to end, in the order of their start, and waits for each.
    ///
    /// - Returns: How each server ended, and whether all did as a good server does.
    func end() async -> (lines: [String], isClean: Bool) {
        if let verb {
            verb.terminate()
            _ = await hasEnded(verb)
        }
        var lines: [String] = []
        var isClean = true
        for server in servers {
            server.process.terminate()
            if await !hasEnded(server.process) {
                kill(server.process.processIdentifier, SIGKILL)
                lines.append("\(server.name) did not end within 20 seconds and was killed")
                isClean = false
            } else if server.process.terminationReason == .exit {
                lines.append("\(server.name) ended with exit code \(server.process.terminationStatus)")
                isClean = isClean && server.process.terminationStatus == 0
            } else {
                lines.append("\(server.name) ended by signal \(server.process.terminationStatus)")
                // Before it listens, it need not yet know what to do about SIGTERM.
                isClean = isClean && !server.isReady
            }
        }
        servers = []
        return (lines, isClean)
    }

    private func hasEnded(_ process: Process) async -> Bool {
        (try? await Self.poll(seconds: 20, for: "its end") { process.isRunning ? nil : true }) ?? false
    }

    nonisolated func removeFolder() throws {
        try FileManager.default.removeItem(at: folder)
    }
}
