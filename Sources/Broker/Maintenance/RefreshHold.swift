import Synchronization

/// Refreshes and revocations wait: the store may be a copy of one that is in use elsewhere, and to spend its refresh tokens
/// would end the grants of the original (security case R22).
public final class RefreshHold: Sendable {
    private let isSet = Locked(false)

    public var isHeld: Bool { isSet.withLock { $0 } }

    public func begin() { isSet.withLock { $0 = true } }
    public func end() { isSet.withLock { $0 = false } }

    /// What runtimes and administrators read as the reason.
    public static let reason = "restored"

    /// As if the refresh had failed a moment ago.
    func failure(at now: Timestamp) -> RefreshFailure {
        RefreshFailure(since: now, reason: Self.reason, attempts: 1, retryAt: now + .seconds(30))
    }
}
