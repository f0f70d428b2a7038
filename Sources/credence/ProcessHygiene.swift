import CProcess
import Glibc

/// What keeps secrets of this process out of files: no core dumps, no tracing by the same user, private files
/// (security cases I25 and S18).
enum ProcessHygiene {
    static func apply() {
        umask(0o077)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        _ = credence_forbid_dumps()
        signal(SIGPIPE, SIG_IGN)
        silenceBacktraces()
    }

    /// The runtime's crash backtraces print registers and memory; they are switched by the environment at start-up
    /// alone, so the process begins again with the switch set.
    private static func silenceBacktraces() {
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        // When the kernel will not, the service still runs; it only crashes louder.
    }
}
