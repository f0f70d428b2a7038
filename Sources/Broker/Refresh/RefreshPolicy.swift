import OAuth

/// The numbers of refreshing (docs/architecture.md, "Refresh"): pure, so that each is tested by itself.
public struct RefreshPolicy: Sendable {
    /// The absolute limit of one call to a token endpoint.
    public var callDeadline: Duration = .seconds(30)
    /// Longer than the call may take, with two requests of discovery before it, so that nobody else starts while it
    /// runs.
    public var lease: Duration = .seconds(60)
    /// How long a caller waits for a refresh before it is told to try again.
    public var callerPatience: Duration = .seconds(35)
    public var firstBackoff: Duration = .seconds(1)
    public var longestBackoff: Duration = .seconds(300)
    /// How often a registration that the provider refuses is tried again (`invalid_client` and its kin).
    public var configurationRetry: Duration = .seconds(1800)
    /// A provider's Retry-After is honoured up to here (security case R11).
    public var longestRetryAfter: Duration = .seconds(3600)
    /// How many refreshes run at once in the background.
    public var concurrency = 64
    /// How many of them at one token endpoint's host, and how many begin there in a second (security case R18); a rate of
    /// zero is none.
    public var concurrencyPerHost = 16
    public var ratePerHost = 50
    /// How many may wait for their turn before the schedule looks for no more.
    public var longestQueue = 4096
    /// How often the schedule looks for connections that are due.
    public var tick: Duration = .milliseconds(250)

    public init() {}

    /// Sets the limit of one call, and what must be longer than it.
    public mutating func setCallDeadline(_ deadline: Duration) {
        callDeadline = deadline
        callerPatience = deadline + .seconds(5)
        lease = deadline + .seconds(30)
    }

    /// How long before its expiry a credential is refreshed: 20 % of the lifetime, five minutes at most, less up to a
    /// quarter of that by chance so that connections made together do not come due together.
    /// - Parameters:
    ///   - configured: the profile's `refresh_margin`, in seconds, in place of the rule; half the lifetime at most,
    ///     else a token that lives shorter than the margin would be due as soon as it came (security case R17).
    ///   - fraction: chance, in `0..<1`.
    public static func margin(lifetime: Duration, configured: Int?, fraction: Double) -> Duration {
        let whole =
            configured.map { min(Int64($0) * 1000, lifetime.wholeMilliseconds / 2) }
            ?? min(300_000, lifetime.wholeMilliseconds / 5)
        return .milliseconds(whole - Int64(Double(whole) * 0.25 * fraction))
    }

    /// What `min_ttl` means for a credential of this lifetime. Without one, 30 s or a twentieth of the lifetime,
    /// so that the background refresh, which begins far earlier, is what callers live on. With one, 80 % of the
    /// lifetime at most: a credential can never be asked to live longer than its provider lets it, and a short-lived
    /// one is not refreshed at every read (security case R17).
    public static func effectiveMinTTL(asked: Duration?, lifetime: Duration?) -> Duration {
        guard let lifetime else { return .zero }
        guard let asked else { return min(.seconds(30), lifetime / 20) }
        return min(asked, lifetime * 4 / 5)
    }

    /// Full jitter over an exponential back-off; a provider's Retry-After is the floor.
    /// - Parameter attempts: how many failed in a row, this one included.
    func backoff(attempts: Int, fraction: Double, retryAfter: Duration?) -> Duration {
        let doublings = min(max(attempts - 1, 0), 20)
        let ceiling = min(firstBackoff * (1 << doublings), longestBackoff)
        let jittered = Duration.milliseconds(Int64(Double(ceiling.wholeMilliseconds) * fraction))
        // Never at once: half a second keeps a failing endpoint from being asked in a loop.
        let chosen = max(jittered, .milliseconds(500))
        return max(chosen, min(retryAfter ?? .zero, longestRetryAfter))
    }
}

/// What a failed exchange means for the connection (security-cases "Classification").
enum RefreshVerdict: Sendable, Equatable {
    /// The owner must consent again.
    /// - Parameters:
    ///   - code: the provider's own word for it.
    ///   - claims: what that consent must ask for, where the provider says so.
    case terminal(ReauthorizationReason, code: String, claims: String? = nil)
    /// The registration is wrong: the grant is kept, an administrator acts.
    case configuration(reason: String)
    /// It will pass.
    /// - Parameter isOutcomeUnknown: whether the refresh token may be spent: the request left, and nobody can tell what
    ///   became of it.
    case transient(reason: String, retryAfter: Duration?, isOutcomeUnknown: Bool = false)

    /// Judges a refusal by its code alone: HTTP status and body shape never decide.
    static func of(_ error: OAuthError, remedies: ErrorMap) -> RefreshVerdict {
        switch error.remedy(remedies) {
        case .reauthorize: .terminal(error.code == "account_changed" ? .accountChanged : .revoked, code: error.code)
        case .stepUp: .terminal(.stepUp, code: error.code, claims: error.claims)
        case .administrator: .configuration(reason: error.code)
        case .retry: .transient(reason: error.code, retryAfter: nil)
        // An unknown code never costs a grant at once.
        case nil: .transient(reason: error.code, retryAfter: nil)
        }
    }

    /// Judges everything that is neither a credential nor an OAuth error.
    static func of(_ failure: ExchangeFailure) -> RefreshVerdict {
        failure.code == .addressRefused || failure.code == .clientKeyUnusable
            ? .configuration(reason: failure.code.rawValue)
            : .transient(
                reason: "provider_unavailable", retryAfter: nil, isOutcomeUnknown: failure.mayHaveArrived)
    }

    /// So many refusals in a row with a code that nobody knows cost a grant whose credential has expired: its owner can do
    /// something, and waiting did not.
    static let patienceWithUnknownCodes = 5
}
