public import Broker
import Glibc
import Synchronization

/// The audit log in append-only files: one JSON object a line, written before the secret leaves.
///
/// A line is one `write(2)` on a descriptor opened for appending, so lines never mix and a reader sees whole ones. What
/// could break a line or a terminal (control characters, line separators) is escaped (security case I30). Each line is
/// chained to the one before (`AuditChain`).
public final class FileAuditSink: AuditSink {
    public struct Settings: Sendable {
        /// Whether a line is on the disk, and not only with the system, before the secret leaves.
        public var isSynced = false
        /// The file is rotated before it grows beyond this many bytes, and at the end of its day (UTC).
        public var largest = 256 << 20
        /// Where signed heads go; nil for `audit.heads` beside the log. Better on another disk or host.
        public var heads: String?

        public init() {}
    }

    private struct State {
        var descriptor: Int32
        var chain: AuditChain
        var buffer: [UInt8] = []
        var size: Int
        /// Of the file's first line; nil while it is empty.
        var first: Int?
        /// Days since 1970 of the file's last line.
        var day: Int64
        /// Of the head that was published last.
        var head = 0
        /// Set by a failed or partial write: from then on nothing is recorded, so no secret leaves.
        var broken: String?
    }

    private let files: AuditFiles
    private let headsPath: String
    private let keys: AuditKeys
    private let settings: Settings
    private let state: Mutex<State>
    /// Up to which line the disk has it. Whoever waits here finds the work done by the one before: one fdatasync commits
    /// the lines of all who wait.
    private let synced: Mutex<Int>

    /// Opens the file, or makes it with mode 0600.
    ///
    /// Refuses symbolic links and files that others may read or write.
    public init(path: String, keys: AuditKeys, settings: Settings = Settings()) throws(AuditFailure) {
        files = AuditFiles(path: path)
        headsPath = settings.heads ?? files.folder + "/audit.heads"
        self.keys = keys
        self.settings = settings
        var (descriptor, size) = try Self.open(path)
        do throws(AuditFailure) {
            files.undoHalfRotation()
            var (chain, first, isCut) = try Self.chain(in: files)
            if chain == nil, size > 0 {
                // Of before there were chains: it is kept, beside the log.
                Glibc.close(descriptor)
                guard rename(path, files.unchained(at: Self.now)) == 0 else { throw Self.failure(path) }
                (descriptor, size) = try Self.open(path)
                isCut = false
            }
            if isCut {
                // A crash cut the last line: what follows starts on a line of its own.
                var newline = UInt8(ascii: "\n")
                guard Glibc.write(descriptor, &newline, 1) == 1 else { throw Self.failure(path) }
                size += 1
            }
            var start = chain ?? AuditChain()
            if let head = try Self.heads(at: headsPath, keys).last, head.sequence > start.sequence {
                // The log ends before its head: cut, or lost with the power. It goes on behind the gap, which `verify`
                // then tells.
                start.sequence = head.sequence
                start.mac = head.line
            }
            var status = stat()
            fstat(descriptor, &status)
            let modified = size > 0 ? Timestamp(seconds: Int64(status.st_mtim.tv_sec)) : Self.now
            state = Mutex(
                State(
                    descriptor: descriptor, chain: start, size: size, first: first, day: Self.day(of: modified),
                    head: start.sequence))
            synced = Mutex(start.sequence)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    deinit {
        try? publishHead(at: Self.now)
        state.withLock { state in _ = Glibc.close(state.descriptor) }
    }

    // MARK: Writing

    public func record(_ event: AuditEvent) throws(AuditFailure) {
        let result: Result<(Int, Int32), AuditFailure> = state.withLock { state in
            if let broken = state.broken { return .failure(failure(broken)) }
            do throws(AuditFailure) { try rotateIfDue(&state, before: event.at) } catch { return .failure(error) }
            var chain = state.chain
            state.buffer.removeAll(keepingCapacity: true)
            chain.append(event, to: &state.buffer, key: keys.chain)
            let count = state.buffer.count
            let written = Self.write(state.buffer, to: state.descriptor)
            guard written == count else {
                let reason = written < 0 ? Self.reason(errno) : "only part of a line fitted"
                // Part of a line is in the file: nothing may follow it, or two events would read as one.
                if written > 0 { state.broken = reason }
                return .failure(failure(reason))
            }
            if state.size == 0 { state.first = chain.sequence }
            state.chain = chain
            state.size += count
            return .success((chain.sequence, state.descriptor))
        }
        let (sequence, _) = try result.get()
        if settings.isSynced { try sync(upTo: sequence) }
    }

    /// An fdatasync that fails says that what was written may be gone, and a second one would say that all is well:
    /// nothing is recorded after it (security case S13).
    private func sync(upTo sequence: Int) throws(AuditFailure) {
        let reason: String? = synced.withLock { synced in
            guard synced < sequence else { return nil }
            let (last, descriptor, broken) = state.withLock { ($0.chain.sequence, dup($0.descriptor), $0.broken) }
            defer { Glibc.close(descriptor) }
            if let broken { return broken }
            guard fdatasync(descriptor) == 0 else {
                let reason = Self.reason(errno)
                state.withLock { $0.broken = reason }
                return reason
            }
            synced = last
            return nil
        }
        if let reason { throw failure(reason) }
    }

    private func rotateIfDue(_ state: inout State, before moment: Timestamp) throws(AuditFailure) {
        let day = Self.day(of: moment)
        guard state.size >= settings.largest || (day > state.day && state.size > 0), let first = state.first else {
            state.day = max(day, state.day)
            return
        }
        if settings.isSynced, fdatasync(state.descriptor) != 0 {
            state.broken = Self.reason(errno)
            throw failure(Self.reason(errno))
        }
        let old = files.rotated(first: first, at: Timestamp(seconds: state.day * 86_400))
        // A name that is taken is never written over, and at no moment is there no log.
        guard link(files.path, old) == 0 else {
            throw failure("it cannot be rotated to \(old): \(Self.reason(errno))")
        }
        let opened: (descriptor: Int32, size: Int)
        do throws(AuditFailure) {
            opened = try Self.open(files.path + ".new")
            guard rename(files.path + ".new", files.path) == 0 else {
                Glibc.close(opened.descriptor)
                throw failure("it cannot be rotated: \(Self.reason(errno))")
            }
        } catch {
            unlink(old)
            throw error
        }
        if settings.isSynced { Self.syncFolder(files.folder) }
        Glibc.close(state.descriptor)
        state.descriptor = opened.descriptor
        state.size = 0
        state.first = nil
        state.day = day
    }

    public func publishHead(at now: Timestamp) throws(AuditFailure) {
        let chain = state.withLock { state -> AuditChain? in
            guard state.chain.sequence > state.head, state.broken == nil else { return nil }
            state.head = state.chain.sequence
            return state.chain
        }
        guard let chain else { return }
        if (try? AuditFiles.size(of: headsPath)) ?? 0 > 8 << 20 { rename(headsPath, headsPath + ".1") }
        let (descriptor, size) = try Self.open(headsPath)
        defer { Glibc.close(descriptor) }
        // A head that was cut in the middle stays apart.
        let isCut = size > 0 ? try AuditFiles.end(of: headsPath).isCut : false
        let line = (isCut ? [UInt8(ascii: "\n")] : []) + AuditHead(chain, at: now, key: keys.head).text + [0x0A]
        guard Self.write(line, to: descriptor) == line.count else { throw Self.failure(headsPath) }
        if settings.isSynced, fdatasync(descriptor) != 0 { throw Self.failure(headsPath) }
    }

    // MARK: Reading

    /// At most the last mebibyte is looked at.
    public func tail(_ count: Int) throws(AuditFailure) -> [String] {
        var lines: [String] = []
        for file in files.all().reversed() where lines.count < count {
            let size = try AuditFiles.size(of: file)
            let start = max(0, size - 1_048_576)
            var found = try AuditFiles.read(file, from: start, count: size - start).split(separator: UInt8(ascii: "\n"))
            if start > 0, !found.isEmpty { found.removeFirst() }
            lines = found.suffix(max(0, count - lines.count)).map { String(decoding: $0, as: UTF8.self) } + lines
            if start > 0 { break }
        }
        return lines
    }

    public func lines(after sequence: Int, limit: Int) throws(AuditFailure) -> [String] {
        var lines: [String] = []
        let all = files.all()
        for (index, file) in all.enumerated() where lines.count < limit {
            // The next file's first line tells that this one is over before it is begun.
            if index + 1 < all.count, let next = try Self.firstNumber(in: all[index + 1]), next <= sequence + 1 {
                continue
            }
            try AuditFiles.forEachLine(of: file) { line, _, isCut throws(AuditFailure) in
                if !isCut, let chained = ChainedLine(line), chained.sequence > sequence {
                    lines.append(String(decoding: line, as: UTF8.self))
                }
                return lines.count < limit
            }
        }
        return lines
    }

    public func head() -> (sequence: Int, mac: String) {
        state.withLock { ($0.chain.sequence, String(decoding: $0.chain.mac, as: UTF8.self)) }
    }

    public func versionsHandedOut() throws(AuditFailure) -> [String: Int] {
        var versions: [String: Int] = [:]
        for file in files.all() {
            try AuditFiles.forEachLine(of: file) { line, _, _ throws(AuditFailure) in
                guard let chained = ChainedLine(line), chained.isAuthentic(keys.chain) else { return true }
                let event = AuditLine(chained.signed)
                guard let connection = event.text("connection") else { return true }
                switch event.text("action") {
                // An ID that is taken again is another connection.
                case "connection.create", "connection.delete": versions[connection] = nil
                case "credential.read", "credential.prove":
                    if event.text("result") == "ok", let version = event.number("version") {
                        versions[connection] = max(version, versions[connection] ?? 0)
                    }
                default: break
                }
                return true
            }
        }
        return versions
    }

    /// A restored store's log begins behind the place where the original's stood.
    public static func `continue`(
        behind sequence: Int, mac: String, heads path: String, keys: AuditKeys
    ) throws(AuditFailure) {
        let head = AuditHead(AuditChain(sequence: sequence, mac: Array(mac.utf8)), at: now, key: keys.head)
        let (descriptor, _) = try open(path)
        defer { Glibc.close(descriptor) }
        let line = head.text + [0x0A]
        guard write(line, to: descriptor) == line.count else { throw failure(path) }
    }

    public func verify() throws(AuditFailure) -> AuditVerification {
        try? publishHead(at: Self.now)
        let heads = try Self.heads(at: headsPath, keys)
        let broken = try Self.brokenHeads(at: headsPath, keys)
        return try AuditVerifier(keys: keys, heads: heads, brokenHeads: broken, headsPath: headsPath).verify(
            files.all())
    }

    // MARK: Parts

    /// Where the newest file's chain stands; nil where there is none.
    private static func chain(in files: AuditFiles) throws(AuditFailure) -> (AuditChain?, first: Int?, isCut: Bool) {
        for file in files.all().reversed() {
            let (line, isCut) = try AuditFiles.end(of: file)
            guard let line else { continue }
            let isCurrent = file == files.path
            guard let last = ChainedLine(line[...]) else {
                // Whoever wrote this took no number: the file before may know.
                if isCurrent { return (nil, nil, isCut) }
                continue
            }
            let chain = AuditChain(sequence: last.sequence, mac: Array(last.mac))
            return (chain, isCurrent ? try firstNumber(in: file) ?? last.sequence : nil, isCurrent && isCut)
        }
        return (nil, nil, false)
    }

    private static func firstNumber(in file: String) throws(AuditFailure) -> Int? {
        ChainedLine.number(in: try AuditFiles.read(file, from: 0, count: 64)[...])
    }

    private static func heads(at path: String, _ keys: AuditKeys) throws(AuditFailure) -> [AuditHead] {
        var heads: [AuditHead] = []
        for file in [path + ".1", path] where access(file, F_OK) == 0 {
            try AuditFiles.forEachLine(of: file) { line, _, _ throws(AuditFailure) in
                if let head = AuditHead(line, key: keys.head) { heads.append(head) }
                return true
            }
        }
        return heads
    }

    private static func brokenHeads(at path: String, _ keys: AuditKeys) throws(AuditFailure) -> [Int] {
        var broken: [Int] = []
        if access(path, F_OK) == 0 {
            try AuditFiles.forEachLine(of: path) { line, number, isCut throws(AuditFailure) in
                if !isCut, !line.isEmpty, AuditHead(line, key: keys.head) == nil { broken.append(number) }
                return true
            }
        }
        return broken
    }

    private static func open(_ path: String) throws(AuditFailure) -> (descriptor: Int32, size: Int) {
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw AuditFailure("The audit log \(path) cannot be opened for writing: \(reason(errno)).")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            throw AuditFailure("The audit log \(path) is not a regular file: move it away.")
        }
        guard status.st_mode & 0o077 == 0 else {
            Glibc.close(descriptor)
            throw AuditFailure("The audit log \(path) is open to others: chmod 600 \(path)")
        }
        return (descriptor, Int(status.st_size))
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        bytes.withUnsafeBytes { buffer in
            var result: Int
            repeat {
                result = Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            } while result < 0 && errno == EINTR
            return result
        }
    }

    private static func syncFolder(_ path: String) {
        let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        Glibc.close(folder)
    }

    private static func day(of moment: Timestamp) -> Int64 { moment.seconds / 86_400 }

    private static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec))
    }

    private func failure(_ reason: String) -> AuditFailure {
        AuditFailure("The audit log \(files.path) cannot be written: \(reason).")
    }

    private static func failure(_ path: String) -> AuditFailure {
        AuditFailure("The audit log \(path) cannot be written: \(reason(errno)).")
    }

    private static func reason(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
