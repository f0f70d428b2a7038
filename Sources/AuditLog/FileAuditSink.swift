public import Broker
import Glibc
import Synchronization

/// The audit log in an append-only file: one JSON object a line, written before the secret leaves.
///
/// A line is one `write(2)` on a descriptor opened for appending, so lines never mix and a reader sees whole ones. What
/// could break a line or a terminal (control characters, line separators) is escaped (security case I30).
public final class FileAuditSink: AuditSink {
    private struct State {
        var buffer: [UInt8] = []
        /// Set by a failed or partial write: from then on nothing is recorded, so no secret leaves.
        var broken: String?
    }

    private let path: String
    private let descriptor: Int32
    private let state = Mutex(State())

    /// Opens the file, or makes it with mode 0600.
    ///
    /// Refuses symbolic links and files that others may read or write.
    public init(path: String) throws(AuditFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw AuditFailure("The audit log \(path) cannot be opened for writing: \(Self.reason(errno)).")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw AuditFailure("The audit log \(path) is not a regular file: move it away.")
        }
        guard status.st_mode & 0o077 == 0 else {
            close(descriptor)
            throw AuditFailure("The audit log \(path) is open to others: chmod 600 \(path)")
        }
        if status.st_size > 0, Self.lastByte(of: path) != UInt8(ascii: "\n") {
            // A crash cut the last line: what follows starts on a line of its own.
            var newline = UInt8(ascii: "\n")
            guard write(descriptor, &newline, 1) == 1 else {
                close(descriptor)
                throw AuditFailure("The audit log \(path) cannot be written: \(Self.reason(errno)).")
            }
        }
    }

    deinit {
        close(descriptor)
    }

    public func record(_ event: AuditEvent) throws(AuditFailure) {
        let failure: String? = state.withLock { state in
            if let broken = state.broken { return broken }
            state.buffer.removeAll(keepingCapacity: true)
            event.append(to: &state.buffer)
            let count = state.buffer.count
            let written = state.buffer.withUnsafeBytes { bytes in
                var result: Int
                repeat { result = write(descriptor, bytes.baseAddress, count) } while result < 0 && errno == EINTR
                return result
            }
            guard written != count else { return nil }
            let reason = written < 0 ? Self.reason(errno) : "only part of a line fitted"
            // Part of a line is in the file: nothing may follow it, or two events would read as one.
            if written > 0 { state.broken = reason }
            return reason
        }
        if let failure { throw AuditFailure("The audit log \(path) cannot be written: \(failure).") }
    }

    /// At most the last mebibyte is looked at.
    public func tail(_ count: Int) throws(AuditFailure) -> [String] {
        let reader = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard reader >= 0 else { throw AuditFailure("The audit log \(path) cannot be read: \(Self.reason(errno)).") }
        defer { close(reader) }
        let size = lseek(reader, 0, SEEK_END)
        let start = max(0, size - 1_048_576)
        var bytes = [UInt8](repeating: 0, count: Int(size - start))
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(reader, buffer.baseAddress! + filled, buffer.count - filled, start + Int(filled))
            }
            guard got > 0 else { break }
            filled += got
        }
        var lines = bytes[..<filled].split(separator: UInt8(ascii: "\n"))
        if start > 0, !lines.isEmpty { lines.removeFirst() }
        return lines.suffix(max(0, count)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func lastByte(of path: String) -> UInt8? {
        let reader = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard reader >= 0 else { return nil }
        defer { close(reader) }
        var byte: UInt8 = 0
        guard lseek(reader, -1, SEEK_END) >= 0, read(reader, &byte, 1) == 1 else { return nil }
        return byte
    }

    private static func reason(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
