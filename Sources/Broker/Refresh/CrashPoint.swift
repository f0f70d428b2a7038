/// The moments of a refresh (security case R3) and of a change of keys (S8) at which a stop costs most: named, so that a
/// trial can end the process at each of them.
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
    /// The new data key is stored; this process still seals under the one before.
    case keyAdded = "key_added"
    /// A hundred rows are under the new data key.
    case resealed
    /// The data key that nothing needed any more is gone from the store.
    case keyRemoved = "key_removed"
    /// The data keys are wrapped by the new master key; nobody has heard of it.
    case rewrapped

    /// Called when the process gets there.
    public typealias Observer = @Sendable (CrashPoint) -> Void
}
