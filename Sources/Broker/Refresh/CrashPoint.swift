/// The moments of a refresh at which a stop costs most (security case R3): named, so that a trial can end the process at
/// each of them.
public enum CrashPoint: String, Sendable, CaseIterable {
    /// The intent is not written yet.
    case beforeClaim = "before_claim"
    /// It is; nothing was sent.
    case claimed
    /// The answer is in memory alone.
    case answered
    /// The credential is stored; nobody has heard of it.
    case committed
    /// The store did not take it; the spool has it.
    case spooled
    /// At the next start: it was read from the spool.
    case replaying
    /// It was written from there; its place is not free yet.
    case replayed

    /// Called when a refresh gets there.
    public typealias Observer = @Sendable (CrashPoint) -> Void
}
