import OAuth

extension Refresher {
    /// The sequence of one refresh: claim, call, commit. A value: time, store and network are outside, and every
    /// step is the answer to "what happened?" with "what next?".
    struct StateMachine {
        enum State: Equatable {
            /// Next: `claiming`, `finished`.
            case ready
            /// The intent is being committed. Next: `calling`, `finished`.
            case claiming
            /// The refresh token is out. Next: `committing`, `abandoning`.
            case calling
            /// A credential came; writing it is the first act. Next: `committing` (again), `finished`.
            case committing(tries: Int)
            /// No credential came; the intent is being cleared. Next: `finished`.
            case abandoning
            /// Nothing follows.
            case finished
        }

        enum Action {
            case claim(version: Int)
            case call(StoredConnection)
            case commit(TokenResponse, over: StoredConnection)
            /// Writing the credential failed: write it again after the pause. It is not sent for again.
            case commitAgain(TokenResponse, over: StoredConnection, pause: Duration)
            case abandon(StoredConnection, RefreshVerdict)
            case finish(RefreshOutcome)
        }

        private(set) var state: State = .ready
        private var claimed: StoredConnection?
        private var verdict: RefreshVerdict?
        private var response: TokenResponse?

        /// How often a credential is written before the flight gives up and says so.
        static let commitTries = 6

        /// What the store holds now decides: whoever asked may have looked before another flight landed.
        mutating func start(_ stored: StoredConnection, for occasion: RefreshOccasion, now: Timestamp) -> Action {
            precondition(state == .ready)
            if stored.connection.isDisabled { return finish(.disabled) }
            if let reason = stored.grant.reauthorization { return finish(.reauthorizationRequired(reason)) }
            if !stored.isRenewable { return finish(.notRefreshable(stored)) }
            switch occasion {
            case .due:
                guard let refreshAt = stored.grant.refreshAt, refreshAt <= now else {
                    return finish(.superseded(stored))
                }
            case .replacing(let version), .forced(let version):
                if stored.grant.version > version { return finish(.superseded(stored)) }
            }
            // A back-off binds whoever asks (security case R11); only an administrator, who may have mended the
            // registration a moment ago, need not wait for its end.
            if let failure = stored.grant.failure, failure.retryAt > now {
                guard case .forced = occasion else { return finish(.backingOff(stored, failure)) }
            }
            state = .claiming
            return .claim(version: stored.grant.version)
        }

        mutating func claimed(_ result: ClaimResult, wanted version: Int) -> Action {
            precondition(state == .claiming)
            switch result {
            case .claimed(let stored):
                claimed = stored
                state = .calling
                return .call(stored)
            case .lost(let current):
                // A newer credential is as good as one of our own; a standing attempt is somebody else's call.
                return finish(current.grant.version > version ? .superseded(current) : .underWayElsewhere(current))
            case .gone:
                return finish(.gone)
            }
        }

        /// Without a committed intent no call is made (security case R7).
        mutating func claimFailed(_ failure: StoreFailure) -> Action {
            precondition(state == .claiming)
            return finish(.storeFailed(failure))
        }

        mutating func answered(_ verdict: TokenVerdict, remedies: ErrorMap, now: Timestamp) -> Action {
            switch verdict {
            case .granted(let response):
                precondition(state == .calling)
                guard let claimed else { preconditionFailure("called without a claim") }
                self.response = response
                state = .committing(tries: 1)
                return .commit(response, over: claimed)
            case .refused(let error):
                return abandon(self.verdict(of: error, remedies: remedies))
            case .malformed:
                return abandon(.transient(reason: "provider_unavailable", retryAfter: nil))
            case .unavailable(_, let retryAfter):
                return abandon(.transient(reason: "provider_unavailable", retryAfter: retryAfter?.duration(from: now)))
            }
        }

        mutating func exchangeFailed(_ failure: ExchangeFailure) -> Action {
            abandon(.of(failure))
        }

        /// The registration could not be put together, so no call was made.
        mutating func notSent(_ verdict: RefreshVerdict) -> Action {
            abandon(verdict)
        }

        mutating func committed(_ result: CommitResult) -> Action {
            guard case .committing = state else { preconditionFailure("nothing was being committed") }
            switch result {
            case .committed(let stored): return finish(.refreshed(stored))
            // Ours is discarded, never revoked: that could end the whole family of tokens.
            case .superseded(let current): return finish(.superseded(current))
            case .gone: return finish(.gone)
            }
        }

        mutating func commitFailed(_ failure: StoreFailure) -> Action {
            guard case .committing(let tries) = state, let response, let claimed else {
                preconditionFailure("nothing was being committed")
            }
            guard tries < Self.commitTries else { return finish(.storeFailed(failure)) }
            state = .committing(tries: tries + 1)
            return .commitAgain(response, over: claimed, pause: .milliseconds(250 << (tries - 1)))
        }

        /// - Parameter current: the connection as it stands after the note, or after somebody else's write.
        mutating func abandoned(_ current: StoredConnection?) -> Action {
            precondition(state == .abandoning)
            guard let current, let verdict, let claimed else { return finish(.gone) }
            // `invalid_grant` is believed only while the refresh token that was sent is still ours (case R5).
            if current.grant.version > claimed.grant.version { return finish(.superseded(current)) }
            return finish(.failed(current, verdict))
        }

        mutating func abandonFailed(_ failure: StoreFailure) -> Action {
            precondition(state == .abandoning)
            return finish(.storeFailed(failure))
        }

        /// What nobody consented to nobody can consent to again: whoever looks after the registration must act.
        private func verdict(of error: OAuthError, remedies: ErrorMap) -> RefreshVerdict {
            let verdict = RefreshVerdict.of(error, remedies: remedies)
            guard case .terminal = verdict, let claimed, claimed.grant.refresh == nil,
                claimed.connection.grantType != .tokenExchange
            else { return verdict }
            return .configuration(reason: error.code)
        }

        private mutating func abandon(_ verdict: RefreshVerdict) -> Action {
            precondition(state == .calling)
            guard let claimed else { preconditionFailure("called without a claim") }
            self.verdict = verdict
            state = .abandoning
            return .abandon(claimed, verdict)
        }

        private mutating func finish(_ outcome: RefreshOutcome) -> Action {
            state = .finished
            return .finish(outcome)
        }
    }
}

/// Why somebody asks for a refresh.
enum RefreshOccasion: Sendable, Hashable {
    /// The schedule found it due.
    case due
    /// Something newer than this version is wanted.
    case replacing(version: Int)
    /// The same, by an administrator.
    case forced(version: Int)
}

/// How a refresh ended.
enum RefreshOutcome: Sendable {
    case refreshed(StoredConnection)
    /// Somebody else's newer credential stands.
    case superseded(StoredConnection)
    /// Another process is refreshing.
    case underWayElsewhere(StoredConnection)
    case failed(StoredConnection, RefreshVerdict)
    /// It failed a while ago and is not to be tried yet.
    case backingOff(StoredConnection, RefreshFailure)
    case reauthorizationRequired(ReauthorizationReason)
    case notRefreshable(StoredConnection)
    case disabled
    case gone
    case storeFailed(StoreFailure)
}

extension RetryAfter {
    /// How long from now, never negative.
    func duration(from now: Timestamp) -> Duration {
        switch self {
        case .seconds(let seconds): .seconds(max(0, seconds))
        case .date(let epochSeconds): .seconds(max(0, Int64(epochSeconds) - now.seconds))
        }
    }
}
