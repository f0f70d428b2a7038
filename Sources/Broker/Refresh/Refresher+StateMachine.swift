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
            /// A credential came; writing it is the first act. Next: `spooling`, `committing` (again), `finished`.
            case committing(tries: Int)
            /// Writing it failed once; it goes into the spool before anything else. Next: `committing`.
            case spooling
            /// No credential came; the intent is being cleared. Next: `finished`.
            case abandoning
            /// Nothing follows.
            case finished
        }

        enum Action {
            case claim(version: Int)
            case call(StoredConnection)
            case commit(TokenResponse, over: StoredConnection)
            /// Writing the credential failed: put it where it survives this process.
            case spool(over: StoredConnection)
            /// Write it again after the pause. It is not sent for again.
            case commitAgain(over: StoredConnection, pause: Duration)
            case abandon(StoredConnection, RefreshVerdict)
            case finish(RefreshOutcome)
        }

        private(set) var state: State = .ready
        private var claimed: StoredConnection?
        /// Whether an earlier request with this refresh token has no known outcome: an intent that nobody ended, or an
        /// answer that never came (security-cases D, "Unknown outcome").
        private(set) var isPrecarious = false
        private var verdict: RefreshVerdict?

        /// How often a credential is written before it is left to whoever writes what waits.
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
            isPrecarious = stored.grant.attempt != nil || stored.grant.failure?.isOutcomeUnknown == true
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

        /// - Parameter rotates: whether a refresh spends the refresh token, as far as anybody knows.
        mutating func answered(
            _ verdict: TokenVerdict, remedies: ErrorMap, rotates: Bool = true, now: Timestamp
        ) -> Action {
            switch verdict {
            case .granted(let response):
                precondition(state == .calling)
                guard let claimed else { preconditionFailure("called without a claim") }
                state = .committing(tries: 1)
                return .commit(response, over: claimed)
            case .refused(let error):
                return abandon(self.verdict(of: error, remedies: remedies, rotates: rotates, now: now))
            case .malformed:
                return abandon(unknown(retryAfter: nil))
            case .unavailable(let status, let retryAfter):
                // 408, 429 and 503 say that nothing was done; behind any other 5xx something may have been.
                let verdict = RefreshVerdict.transient(
                    reason: "provider_unavailable", retryAfter: retryAfter?.duration(from: now),
                    isOutcomeUnknown: isPrecarious)
                return abandon(
                    [408, 429, 503].contains(status) ? verdict : unknown(retryAfter: retryAfter?.duration(from: now)))
            }
        }

        mutating func exchangeFailed(_ failure: ExchangeFailure) -> Action {
            abandon(stillUnknown(.of(failure)))
        }

        /// What was unknown before stays so until an answer settles it.
        private func stillUnknown(_ verdict: RefreshVerdict) -> RefreshVerdict {
            guard isPrecarious, case .transient(let reason, let retryAfter, _) = verdict else { return verdict }
            return .transient(reason: reason, retryAfter: retryAfter, isOutcomeUnknown: true)
        }

        private func unknown(retryAfter: Duration?) -> RefreshVerdict {
            .transient(reason: "provider_unavailable", retryAfter: retryAfter, isOutcomeUnknown: true)
        }

        /// The registration could not be put together, so no call was made.
        mutating func notSent(_ verdict: RefreshVerdict) -> Action {
            abandon(stillUnknown(verdict))
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

        /// It cannot be kept in any form.
        mutating func notSealed(_ failure: StoreFailure) -> Action {
            finish(.storeFailed(failure))
        }

        mutating func commitFailed(_ failure: StoreFailure) -> Action {
            guard case .committing(let tries) = state, let claimed else {
                preconditionFailure("nothing was being committed")
            }
            guard tries > 1 else {
                state = .spooling
                return .spool(over: claimed)
            }
            return again(tries)
        }

        /// Whether or not the spool took it: memory holds it either way.
        mutating func spooled() -> Action {
            precondition(state == .spooling)
            return again(1)
        }

        private mutating func again(_ tries: Int) -> Action {
            guard let claimed else { preconditionFailure("committed without a claim") }
            guard tries < Self.commitTries else { return finish(.unwritten(claimed)) }
            state = .committing(tries: tries + 1)
            return .commitAgain(over: claimed, pause: .milliseconds(250 << (tries - 1)))
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

        private func verdict(
            of error: OAuthError, remedies: ErrorMap, rotates: Bool, now: Timestamp
        ) -> RefreshVerdict {
            let verdict = RefreshVerdict.of(error, remedies: remedies)
            guard let claimed else { return verdict }
            switch verdict {
            case .terminal where claimed.grant.refresh == nil && claimed.connection.grantType != .tokenExchange:
                // What nobody consented to nobody can consent to again: whoever looks after the registration must act.
                return .configuration(reason: error.code)
            case .terminal(.revoked, let code, let claims) where isPrecarious && rotates:
                // The one that was sent may have been spent by the request whose answer never came.
                return .terminal(.lost, code: code, claims: claims)
            case .transient where error.remedy(remedies) == nil && claimed.grant.isExpired(at: now):
                let attempts = (claimed.grant.failure?.attempts ?? 0) + 1
                guard attempts >= RefreshVerdict.patienceWithUnknownCodes, claimed.grant.refresh != nil else {
                    return stillUnknown(verdict)
                }
                return .terminal(.refused, code: error.code)
            default: return stillUnknown(verdict)
            }
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
    /// A credential came, and the store does not take it: this is the connection as it would stand with it.
    case unwritten(StoredConnection)
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
