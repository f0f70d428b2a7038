import Synchronization

/// The time that a process goes by: the wall clock's, as long as that one goes forward (security case R20).
///
/// A wall clock that is set back takes nothing back: the time since is counted by the clock that nobody sets, so that
/// no credential is handed out beyond its life. One that is set forward is followed: what has expired by it is not
/// handed out, though it may be wrong.
public final class ProcessTime: Sendable {
    /// From the start of the clock that nobody sets to 1970, in milliseconds. It only ever grows.
    private let offset = Atomic<Int64>(.min)

    public init() {}

    /// - Parameters:
    ///   - wall: read first; an interruption between the two then makes nothing later than it is.
    ///   - elapsed: on a clock that goes on while the host sleeps, and that nobody sets.
    public func now(wall: Timestamp, elapsed: Duration) -> Timestamp {
        let elapsed = elapsed.wholeMilliseconds
        let candidate = wall.milliseconds &- elapsed
        let (_, known) = offset.max(candidate, ordering: .relaxed)
        return Timestamp(milliseconds: known &+ elapsed)
    }
}
