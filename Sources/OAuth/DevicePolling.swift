/// Polling for the token of a device authorization (RFC 8628 §3.5), as a value: it says what to do next, somebody else
/// sends and waits. Times are in seconds since 1970.
///
/// What must outlast a restart is `interval` and `expiresAt`.
public struct DevicePolling: Sendable, Hashable {
    /// Seconds between polls: grows, and never shrinks.
    public private(set) var interval: Int
    public let expiresAt: Int64

    /// A back-off does not go beyond this, in seconds, where the interval is not longer by itself.
    static let longestBackOff = 60
    /// What a server may ask for, in seconds.
    static let longestInterval = 3600

    public init(interval: Int, expiresAt: Int64) {
        self.interval = max(interval, 1)
        self.expiresAt = expiresAt
    }

    public enum Step: Sendable, Hashable {
        /// Ends it.
        case granted(TokenResponse)
        /// Poll again after so many seconds; where it has expired by then, `start` says so.
        case wait(seconds: Int)
        /// Ends it: an OAuth error code, or `malformed_answer`.
        case ended(code: String)
    }

    /// Before the first poll, which comes after one interval; also for going on after a restart.
    public func start(now: Int64) -> Step { wait(interval, now) }

    /// What an answer of the token endpoint means. `authorization_pending` and `slow_down` count whatever the status:
    /// some send them with 200, others with 429.
    public mutating func answered(
        _ response: EndpointResponse, dialect: Dialect, accepting types: TokenTypes = .bearer, now: Int64
    ) -> Step {
        let code: String?
        let isFinal: Bool
        switch TokenResponse.judge(response, dialect: dialect, accepting: types) {
        case .granted(let token): return .granted(token)
        case .malformed: return .ended(code: "malformed_answer")
        case .refused(let error): (code, isFinal) = (error.code, true)
        case .unavailable: (code, isFinal) = (OAuthError.code(in: response), false)
        }
        switch code {
        case "authorization_pending"?: break
        case "slow_down"?: interval = max(interval + 5, min(requestedInterval(response, dialect), Self.longestInterval))
        // §3.5: any other error ends it.
        case let code? where isFinal: return .ended(code: code)
        default: backOff()
        }
        return wait(max(interval, RetryAfter(in: response)?.seconds(from: now) ?? 0), now)
    }

    /// There was no answer.
    public mutating func failed(now: Int64) -> Step {
        backOff()
        return wait(interval, now)
    }

    /// §3.5: poll less often; doubling is what it recommends.
    private mutating func backOff() { interval = max(interval, min(interval * 2, Self.longestBackOff)) }

    /// Not beyond the expiry, so that the end is seen when it comes.
    private func wait(_ seconds: Int, _ now: Int64) -> Step {
        guard now < expiresAt else { return .ended(code: "expired_token") }
        return .wait(seconds: Int(min(Int64(seconds), expiresAt - now)))
    }

    /// Some name the new interval beside `slow_down`.
    private func requestedInterval(_ response: EndpointResponse, _ dialect: Dialect) -> Int {
        let members = EndpointAnswer.members(of: response, naming: "error", dialect: dialect)
        return members?["interval"]?.asSeconds ?? 0
    }
}
