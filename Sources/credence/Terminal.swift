import Glibc

/// What the command line reads and writes. Secrets come from a pipe, a file or a hidden prompt, never from arguments
/// (security case I24).
enum Terminal {
    static func say(_ text: String) {
        write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO)
    }

    static func complain(_ text: String) {
        write(text.hasSuffix("\n") ? text : text + "\n", to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Columns set apart by two spaces, the first row in capitals.
    /// - Parameter say: where the lines go, unless they are the answer.
    static func table(_ headings: [String], _ rows: [[String]], to say: (String) -> Void = say) {
        let all = [headings.map { $0.uppercased() }] + rows.map { $0.map(printable) }
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            say(cells.joined(separator: "  "))
        }
    }

    /// Names and values, one a line.
    static func list(_ pairs: [(String, String)]) {
        let width = pairs.map(\.0.count).max() ?? 0
        for (name, value) in pairs {
            say(name + String(repeating: " ", count: width - name.count + 2) + printable(value))
        }
    }

    /// Text from elsewhere may not steer the terminal.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }))
    }

    /// What a library says over several lines, as far as it fits into one.
    static func firstLine(_ text: String) -> String {
        printable(String(text.prefix { !$0.isNewline }))
    }

    // MARK: Secrets

    static let secretLimit = 128 * 1024

    static func secret(fromStandardInput: Bool, file: String?, prompt: String) throws -> String? {
        if fromStandardInput && file != nil {
            throw CommandFailure(.usage, "--secret-stdin and --secret-file exclude each other.")
        }
        if fromStandardInput {
            return try clean(try read(STDIN_FILENO, "standard input"))
        }
        if let file {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw CommandFailure(.failed, "\(file) cannot be read: \(String(cString: strerror(errno))).")
            }
            defer { close(descriptor) }
            return try clean(try read(descriptor, file))
        }
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        guard let line = getpass(prompt) else { return nil }
        defer { explicit_bzero(line, strlen(line)) }
        return try clean(String(cString: line))
    }

    /// A file of at most 64 KiB, as it is.
    static func file(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.failed, "\(path) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        let bytes = try bytes(of: descriptor, path)
        guard bytes.count <= 65_536 else { throw CommandFailure(.usage, "\(path) is longer than 64 KiB.") }
        return bytes
    }

    static func secretIsMissing() -> CommandFailure {
        CommandFailure(.usage, "Give the secret with --secret-stdin or --secret-file FILE (never as an argument).")
    }

    private static func read(_ descriptor: Int32, _ name: String) throws -> String {
        guard let text = String(validating: try bytes(of: descriptor, name), as: UTF8.self) else {
            throw CommandFailure(.usage, "The secret in \(name) is not UTF-8 text.")
        }
        return text
    }

    private static func bytes(of descriptor: Int32, _ name: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw CommandFailure(.failed, "\(name) cannot be read.") }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= secretLimit else {
                throw CommandFailure(.usage, "The secret in \(name) is longer than 128 KiB.")
            }
        }
        return bytes
    }

    /// One line end at the end is the editor's, not the secret's.
    private static func clean(_ text: String) throws -> String {
        var text = text
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        guard !text.isEmpty else { throw CommandFailure(.usage, "The secret is empty.") }
        return text
    }
}
