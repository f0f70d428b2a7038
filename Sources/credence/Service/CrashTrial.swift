import Broker
import Glibc

/// Ends the process at a named point of a refresh, for `make test-crash`. A release build has none of it.
enum CrashTrial {
    #if DEBUG
    /// `CREDENCE_CRASH_AT=POINT`
    static let observer: CrashPoint.Observer = {
        guard let text = getenv("CREDENCE_CRASH_AT"), let point = CrashPoint(rawValue: String(cString: text))
        else { return { _ in } }
        return { reached in
            if reached == point { kill(getpid(), SIGKILL) }
        }
    }()
    #else
    static let observer: CrashPoint.Observer = { _ in }
    #endif
}
