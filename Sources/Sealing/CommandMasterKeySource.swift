import COpenSSL
import Glibc

/// The master key from a program's standard output, in the form of a master key file: a password manager, a vendor's
/// own client, a smart card. No shell is in between; the program gets nothing but its arguments and this environment.
///
/// The service takes no part in how it proves who it is: whoever can run the program as this user has the key.
public struct CommandMasterKeySource: MasterKeySource {
    private let arguments: [String]
    private let limit: Duration

    /// - Parameter arguments: the program's full path, then what it is given.
    public init(_ arguments: [String]) throws(SealingError) {
        try self.init(arguments, limit: .seconds(30))
    }

    init(_ arguments: [String], limit: Duration) throws(SealingError) {
        guard let path = arguments.first, path.hasPrefix("/"), arguments.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw SealingError(
                .masterKeyUnreadable, "The program that gives the master key is named by its full path, from / on.")
        }
        self.arguments = arguments
        self.limit = limit
    }

    public func masterKey() async throws(SealingError) -> MasterKey {
        let result: Result<MasterKey, SealingError> = await withCheckedContinuation { continuation in
            // Waiting for a program holds a thread: one of its own.
            Thread.detached { continuation.resume(returning: Result { () throws(SealingError) in try read() }) }
        }
        return try result.get()
    }

    private func read() throws(SealingError) -> MasterKey {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw failure("cannot be run (\(reason(errno)))") }
        let output = ends[0]
        defer { close(output) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let started = Result { () throws(SealingError) in try start(output: ends[1]) }
        close(ends[1])
        let process = try started.get()
        var text = [UInt8](repeating: 0, count: MasterKeyText.longest + 1)
        defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let deadline = ContinuousClock.now + limit
        var count = 0
        var isLate = false
        while count < text.count {
            let left = ContinuousClock.now.duration(to: deadline).components
            var wait = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            let ready = poll(&wait, 1, Int32(clamping: max(0, milliseconds)))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else {
                isLate = true
                break
            }
            let got = text.withUnsafeMutableBytes { Glibc.read(output, $0.baseAddress! + count, $0.count - count) }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            count += got
        }
        // With all of its group: what it started holds the pipe too.
        if isLate || count == text.count { kill(-process, SIGKILL) }
        let status = end(of: process, until: deadline)
        if isLate || status == nil { throw failure("gave no answer within \(limit.components.seconds) seconds") }
        guard status == 0 || count == text.count else {
            throw failure("failed (status \(status ?? -1)); it says why on standard error")
        }
        return try text.withUnsafeBytes { MasterKeyText.parse($0[..<count], path: "that \(name) gives") }.get()
    }

    /// Standard output into the pipe, standard input from nowhere, standard error left to the service's log.
    private func start(output: Int32) throws(SealingError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawnattr_setpgroup(&attributes, 0)
        // The service ignores some signals and blocks others; the program begins with none of that.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var process = pid_t()
        let code = posix_spawn(&process, arguments[0], &actions, &attributes, words, environ)
        guard code == 0 else { throw failure("cannot be run (\(reason(code)))") }
        return process
    }

    /// The exit status; nil where it had to be ended. 128 and more for a signal, as shells count.
    private func end(of process: pid_t, until deadline: ContinuousClock.Instant) -> Int32? {
        var status: Int32 = 0
        var wasEnded = false
        while true {
            let found = waitpid(process, &status, wasEnded ? 0 : WNOHANG)
            if found == process { break }
            if found < 0 && errno != EINTR { return nil }
            if found == 0 {
                if ContinuousClock.now >= deadline {
                    kill(-process, SIGKILL)
                    wasEnded = true
                } else {
                    usleep(2000)
                }
            }
        }
        if wasEnded { return nil }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// Never the arguments: they may name what is nobody's business.
    private var name: String { arguments[0] }

    private func failure(_ what: String) -> SealingError {
        SealingError(
            .masterKeyUnreadable,
            "The program \(name), which gives the master key, \(what). Run it by hand as the service's user.")
    }
}

private enum Thread {
    static func detached(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            return body()
        }
        pthread_detach(thread)
    }
}

private func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
