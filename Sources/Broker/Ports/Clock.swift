import OAuth

/// Where the broker gets the time from. Tests set it by hand.
public protocol BrokerClock: Sendable {
    /// What lifetimes count by. It never goes back (`ProcessTime`).
    var now: Timestamp { get }
    /// What the host's clock says, for what others compare with theirs: assertions, ID tokens, proofs.
    var wall: Timestamp { get }
    /// Since some moment; goes on while the host sleeps, and nobody sets it.
    var elapsed: Duration { get }
    /// Returns after the duration, or throws when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// Where the broker gets randomness from. Tests may count or fix it.
public protocol RandomSource: Sendable {
    func bytes(_ count: Int) -> [UInt8]
}

extension RandomSource {
    /// What makes a request fresh at this moment.
    func freshness(at now: Timestamp) -> Freshness {
        Freshness(now: Int(now.seconds), jti: bytes(20).base64URL)
    }

    /// A number in `0..<1`, for jitter.
    public func fraction() -> Double {
        let word = bytes(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Double(word) / 4_294_967_296
    }
}
