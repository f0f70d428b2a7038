import Logging
import Metrics
import OAuth
import ProviderProfiles
import Sealing

/// Renews credentials: one flight per connection, detached from whoever waits for it.
///
/// A flight runs to its end even when every caller has gone (security case R6); what it brought is committed before
/// anybody hears of it.
actor Refresher {
    let store: any ConnectionStore
    let registrations: Registrations
    let sealing: GrantSealing
    let calls: ProviderCalls
    private let lifetimes: Lifetimes
    let clock: any BrokerClock
    let random: any RandomSource
    private let audit: any AuditSink
    private let revoker: Revoker
    let policy: RefreshPolicy
    let logger: Logger
    /// Told of every connection whose grant changed or whose failure was noted.
    let onChange: @Sendable (StoredConnection) -> Void
    let unwritten: Unwritten
    let brakes: Brakes
    private let hold: RefreshHold
    private let reached: CrashPoint.Observer
    /// This process, in the intents it commits.
    let owner: String

    private var flights: [ConnectionID: Task<RefreshOutcome, Never>] = [:]
    private var isDraining = false
    private let refreshed = Counter(label: "credence_refresh_total", dimensions: [("result", "refreshed")])
    private let failed = Counter(label: "credence_refresh_total", dimensions: [("result", "failed")])

    init(
        store: any ConnectionStore, registrations: Registrations, sealing: GrantSealing, calls: ProviderCalls,
        lifetimes: Lifetimes, clock: any BrokerClock, random: any RandomSource, audit: any AuditSink, revoker: Revoker,
        policy: RefreshPolicy,
        logger: Logger, unwritten: Unwritten, hold: RefreshHold = RefreshHold(),
        reached: @escaping CrashPoint.Observer = { _ in },
        onChange: @escaping @Sendable (StoredConnection) -> Void
    ) {
        self.store = store
        self.registrations = registrations
        self.sealing = sealing
        self.calls = calls
        self.lifetimes = lifetimes
        self.clock = clock
        self.random = random
        self.audit = audit
        self.revoker = revoker
        self.policy = policy
        self.logger = logger
        self.onChange = onChange
        self.unwritten = unwritten
        self.hold = hold
        self.reached = reached
        self.brakes = Brakes(clock: clock, policy: policy)
        self.owner = random.bytes(8).hexadecimal
    }

    /// The flight under way for this connection, or a new one. nil once draining has begun.
    func flight(for id: ConnectionID, _ occasion: RefreshOccasion) -> Task<RefreshOutcome, Never>? {
        if let flight = flights[id] {
            // The schedule may have begun it, and it may be waiting for its turn.
            if occasion != .due { Task { await brakes.hurry(id) } }
            return flight
        }
        guard !isDraining else { return nil }
        let flight = Task.detached { [self] in
            let outcome = await self.fly(id, occasion)
            await self.brakes.forget(id)
            await self.landed(id)
            return outcome
        }
        flights[id] = flight
        return flight
    }

    var flightsUnderWay: Int { flights.count }
    var isStopping: Bool { isDraining }

    /// Starts no new flight and returns when those under way have landed.
    func drain() async {
        isDraining = true
        await brakes.open()
        while let flight = flights.first?.value {
            _ = await flight.value
            // The flight takes itself off the list on its way out.
            await Task.yield()
        }
    }

    private func landed(_ id: ConnectionID) {
        flights[id] = nil
    }

    // MARK: One flight

    private nonisolated func fly(_ id: ConnectionID, _ occasion: RefreshOccasion) async -> RefreshOutcome {
        // What waits to be written was paid for with the refresh token that the store still holds.
        if let waiting = await unwritten.credential(of: id) { return .unwritten(waiting) }
        do {
            guard var stored = try await store.connection(id) else { return .gone }
            // Callers wait for nobody's turn; the schedule does.
            guard occasion == .due else { return await fly(stored, occasion) }
            let host = await registrations.tokenHost(of: stored.connection)
            let hasWaited = await brakes.enter(host, id)
            var outcome = RefreshOutcome.underWayElsewhere(stored)
            if await !isDraining {
                do {
                    if hasWaited {
                        guard let current = try await store.connection(id) else {
                            await brakes.leave(host)
                            return .gone
                        }
                        stored = current
                    }
                    outcome = await fly(stored, occasion)
                } catch {
                    outcome = .storeFailed(error)
                }
            }
            await brakes.leave(host)
            return outcome
        } catch {
            return .storeFailed(error)
        }
    }

    private nonisolated func fly(_ stored: StoredConnection, _ occasion: RefreshOccasion) async -> RefreshOutcome {
        let id = stored.id
        // To ask for another token by the same grant spends nothing.
        if hold.isHeld, stored.grant.refresh != nil { return .backingOff(stored, hold.failure(at: clock.now)) }
        var machine = StateMachine()
        let attempt = random.bytes(16).hexadecimal
        var held: Brakes.Hold?
        var called: Called?
        var made: UnwrittenGrant?
        var place: Int?
        var action = machine.start(stored, for: occasion, now: clock.now)
        while true {
            switch action {
            case .claim(let version):
                reached(.beforeClaim)
                do {
                    let result = try await store.claim(
                        stored.key, version: version, attempt: attempt, owner: owner, until: clock.now + policy.lease,
                        now: clock.now)
                    action = machine.claimed(result, wanted: version)
                } catch {
                    action = machine.claimFailed(error)
                }

            case .call(let claimed):
                reached(.claimed)
                do {
                    let call = try await call(for: claimed, occasion)
                    called = call
                    let verdict = checked(call.verdict, for: claimed)
                    if let why = verdict.failure {
                        logger.notice("A refresh failed", metadata: ["connection": "\(id)", "why": "\(why)"])
                    }
                    action = machine.answered(
                        verdict, remedies: call.registration.provider.remedies,
                        rotates: call.registration.provider.refreshTokenPolicy.rotates, now: clock.now)
                } catch let failure as ExchangeFailure {
                    logger.notice("A refresh got no answer", metadata: ["connection": "\(id)", "why": "\(failure)"])
                    action = machine.exchangeFailed(failure)
                } catch let braked as Braked {
                    held = braked.hold
                    action = machine.notSent(braked.verdict)
                } catch {
                    logger.error("A refresh could not be sent", metadata: ["connection": "\(id)", "why": "\(error)"])
                    action = machine.notSent(Self.verdict(of: error))
                }

            case .commit(let response, let claimed):
                reached(.answered)
                do {
                    let grant = try grant(from: response, over: claimed, called)
                    let unwritten = UnwrittenGrant(key: claimed.key, replaced: claimed.grant.version, grant: grant)
                    made = unwritten
                    action = await write(unwritten, over: claimed, &machine)
                } catch {
                    logger.critical(
                        "A refreshed credential could not be sealed",
                        metadata: ["connection": "\(claimed.id)", "why": "\(error)"])
                    action = machine.notSealed(StoreFailure(.other, "sealing failed: \(error)"))
                }

            case .spool:
                place = made.flatMap { unwritten.spooled($0) }
                reached(.spooled)
                action = machine.spooled()

            case .commitAgain(let claimed, let pause):
                guard let made else { preconditionFailure("nothing was made") }
                try? await clock.sleep(for: pause)
                action = await write(made, over: claimed, &machine)

            case .abandon(let claimed, let verdict):
                do {
                    var note = note(for: verdict, claimed, held)
                    if machine.isPrecarious, note.reauthorization == nil { note.failure?.isOutcomeUnknown = true }
                    _ = try await store.abandon(
                        stored.key, version: claimed.grant.version, attempt: attempt, note: note, at: clock.now)
                    action = machine.abandoned(try await store.connection(id))
                } catch {
                    action = machine.abandonFailed(error)
                }

            case .finish(.unwritten(let claimed)):
                guard let made else { preconditionFailure("nothing was made") }
                let outcome = RefreshOutcome.unwritten(await unwritten.hold(made, over: claimed, place: place))
                report(outcome, of: id)
                return outcome

            case .finish(let outcome):
                unwritten.free(place)
                report(outcome, of: id)
                guard case .refreshed(let stored) = outcome, let called else { return outcome }
                return .refreshed(await lifetimes.complete(stored, called.registration))
            }
        }
    }

    /// A refreshed ID token that speaks of somebody else ends the grant (OpenID Connect Core §12.2; security case F22). It
    /// came from the token endpoint itself, so what it says is looked at before anything is stored, and without asking
    /// anybody for keys.
    private nonisolated func checked(_ verdict: TokenVerdict, for claimed: StoredConnection) -> TokenVerdict {
        guard case .granted(let response) = verdict, let known = claimed.grant.accountKey,
            let idToken = response.idToken,
            let claims = IDToken.unverifiedClaims(idToken), case .string(let issuer)? = claims["iss"],
            case .string(let subject)? = claims["sub"], !isSameText("\(issuer) \(subject)", known),
            !known.hasPrefix(Account.mark)
        else { return verdict }
        logger.error("A refresh brought another account's tokens", metadata: ["connection": "\(claimed.id)"])
        return .refused(OAuthError(code: "account_changed"))
    }

    private nonisolated func grant(
        from response: TokenResponse, over claimed: StoredConnection, _ called: Called?
    ) throws(SealingError) -> Grant {
        guard let called else { preconditionFailure("a response without a call") }
        let update = GrantUpdate(
            sealing: sealing, provider: called.registration.provider, sentAt: called.sentAt,
            requestedScopes: called.scopes, proofKey: called.proofKey, fraction: random.fraction())
        return try update.grant(after: claimed, from: response, called.occasion)
    }

    private nonisolated func write(
        _ made: UnwrittenGrant, over claimed: StoredConnection, _ machine: inout StateMachine
    ) async -> StateMachine.Action {
        do {
            var result = try await store.commit(
                made.key, replacing: made.replaced, with: made.grant, at: clock.now)
            reached(.committed)
            // An earlier try was written, and its answer got lost: no other grant has this box (security case R24).
            if case .superseded(let current) = result, let box = made.grant.credential, current.grant.credential == box
            {
                result = .committed(current)
            }
            // Deleted meanwhile: what nobody can use any more is given back (security case R21).
            if result == .gone {
                var ghost = claimed
                ghost.grant = made.grant
                await revoker.owe(ghost)
            }
            return machine.committed(result)
        } catch {
            logger.critical(
                "A refreshed credential could not be written; trying again",
                metadata: ["connection": "\(claimed.id)", "why": "\(error)"])
            return machine.commitFailed(error)
        }
    }

    /// - Parameter held: what kept the request from being sent; then it does not count as a try.
    private nonisolated func note(
        for verdict: RefreshVerdict, _ claimed: StoredConnection, _ held: Brakes.Hold?
    ) -> AbandonNote {
        let now = clock.now
        if let held { return note(of: held, claimed, now) }
        let attempts = (claimed.grant.failure?.attempts ?? 0) + 1
        func failing(_ reason: String, for pause: Duration, isOutcomeUnknown: Bool = false) -> AbandonNote {
            let retryAt = now + pause
            let failure = RefreshFailure(
                since: claimed.grant.failure?.since ?? now, reason: reason, attempts: attempts, retryAt: retryAt,
                isOutcomeUnknown: isOutcomeUnknown)
            return AbandonNote(reauthorization: nil, failure: failure, refreshAt: retryAt)
        }
        switch verdict {
        case .terminal(let reason, let code, let claims):
            // Kept for whoever asks why; nothing is tried again.
            let failure = RefreshFailure(
                since: claimed.grant.failure?.since ?? now, reason: code, attempts: attempts, retryAt: now,
                claims: claims)
            return AbandonNote(reauthorization: reason, failure: failure, refreshAt: nil)
        case .configuration(let reason):
            return failing(reason, for: policy.configurationRetry)
        case .transient(let reason, let retryAfter, let isOutcomeUnknown):
            return failing(
                reason, for: policy.backoff(attempts: attempts, fraction: random.fraction(), retryAfter: retryAfter),
                isOutcomeUnknown: isOutcomeUnknown)
        }
    }

    /// Not before the brake lets go, and not all at that moment.
    private nonisolated func note(of held: Brakes.Hold, _ claimed: StoredConnection, _ now: Timestamp) -> AbandonNote {
        let (until, reason) =
            switch held {
            case .host(let until): (until, "provider_unavailable")
            case .client(let until, let reason): (until, reason)
            }
        let spread = min(until.since(now) / 4, .seconds(60))
        let retryAt = until + .milliseconds(Int64(Double(spread.wholeMilliseconds) * random.fraction()))
        var failure =
            claimed.grant.failure ?? RefreshFailure(since: now, reason: reason, attempts: 0, retryAt: retryAt)
        failure.retryAt = retryAt
        failure.reason = reason
        return AbandonNote(reauthorization: nil, failure: failure, refreshAt: retryAt)
    }

    private static func verdict(of error: any Error) -> RefreshVerdict {
        guard let error = error as? BrokerError else { return .configuration(reason: "internal_error") }
        let retryAfter = error.retryAfter.map { Duration.seconds($0) }
        // A store that cannot be read says nothing about the registration, whoever must mend it.
        if error.code == .storeUnavailable { return .transient(reason: error.code.rawValue, retryAfter: retryAfter) }
        return error.actor == .nobody
            ? .transient(reason: "provider_unavailable", retryAfter: retryAfter)
            : .configuration(reason: error.reason ?? error.code.rawValue)
    }

    private nonisolated func report(_ outcome: RefreshOutcome, of id: ConnectionID) {
        var event = AuditEvent(
            at: clock.now, action: .credentialRefresh, caller: "credence", connection: id.string)
        switch outcome {
        case .refreshed(let stored):
            refreshed.increment()
            event.version = stored.grant.version
            onChange(stored)
        case .superseded(let stored):
            onChange(stored)
            return
        case .failed(let stored, let verdict):
            failed.increment()
            event.version = stored.grant.version
            switch verdict {
            case .terminal(let reason, _, _):
                event.result = "reauthorization_required"
                event.reason = reason.rawValue
            case .configuration(let reason):
                event.result = "provider_misconfigured"
                event.reason = reason
            case .transient(let reason, _, _):
                event.result = "provider_unavailable"
                event.reason = reason
            }
            onChange(stored)
        case .unwritten(let stored):
            refreshed.increment()
            event.version = stored.grant.version
            event.reason = "unwritten"
            onChange(stored)
        case .storeFailed(let failure):
            failed.increment()
            event.result = "store_unavailable"
            event.reason = failure.code.rawValue
        case .underWayElsewhere, .backingOff, .reauthorizationRequired, .notRefreshable, .disabled, .gone:
            return
        }
        do {
            try audit.record(event)
        } catch {
            // No secret leaves here, so the refresh stands; the next read will say that the log cannot be written.
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
        }
    }
}
