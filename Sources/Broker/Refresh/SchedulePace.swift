/// How far the schedule looks: up to now, but after a leap of the clock it comes there by and by.
///
/// A clock that was set an hour ahead makes an hour's connections due at once. The schedule takes them in a quarter of
/// that hour, so that a mistake put right soon has cost little (security case R20). Whoever asks waits for none of it.
struct SchedulePace: Sendable {
    /// So many times as fast as time goes.
    static let haste = 4
    /// What is no leap: a host under load wakes late.
    static let patience: Duration = .seconds(10)

    private var last: (now: Timestamp, elapsed: Duration)?
    private(set) var behind: Duration = .zero

    /// The moment up to which connections are due.
    mutating func horizon(now: Timestamp, elapsed: Duration) -> Timestamp {
        if let last {
            let passed = elapsed - last.elapsed
            let leap = now.since(last.now) - passed
            if leap > Self.patience { behind += leap }
            behind = max(.zero, behind - passed * (Self.haste - 1))
        }
        last = (now, elapsed)
        return now - behind
    }
}
