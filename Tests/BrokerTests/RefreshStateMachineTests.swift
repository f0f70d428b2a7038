import BrokerTesting
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

/// Every step of a refresh, without I/O.
struct RefreshStateMachineTests {
    private typealias Machine = Refresher.StateMachine
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let response = TokenResponse(accessToken: Secret("new"))

    private func stored(version: Int = 1, _ change: (inout StoredConnection) -> Void = { _ in }) throws
        -> StoredConnection
    {
        let box = try SealedBox([1, 0, 0, 0, 1] + Array(repeating: 7, count: 100))
        var stored = StoredConnection(
            connection: Connection(
                id: TestBroker.connection, provider: "acme", client: TestBroker.client, kind: .oauth2,
                createdAt: Self.now, updatedAt: Self.now),
            grant: Grant(version: version, credential: box, refresh: box, refreshAt: Self.now))
        change(&stored)
        return stored
    }

    private func calling() throws -> Machine {
        var machine = Machine()
        _ = machine.start(try stored(), for: .replacing(version: 1), now: Self.now)
        _ = machine.claimed(.claimed(try stored()), wanted: 1)
        #expect(machine.state == .calling)
        return machine
    }

    private func committing() throws -> Machine {
        var machine = try calling()
        _ = machine.answered(.granted(Self.response), remedies: [:], now: Self.now)
        return machine
    }

    private func outcome(_ action: Machine.Action) throws -> RefreshOutcome {
        guard case .finish(let outcome) = action else {
            Issue.record("not at its end: \(action)")
            throw CancellationError()
        }
        return outcome
    }

    private func verdict(_ action: Machine.Action) throws -> RefreshVerdict {
        guard case .abandon(_, let verdict) = action else {
            Issue.record("not abandoned: \(action)")
            throw CancellationError()
        }
        return verdict
    }

    @Test("A refresh begins with the claim of the version that was read")
    func claims() throws {
        var machine = Machine()
        guard
            case .claim(version: 3) = machine.start(try stored(version: 3), for: .replacing(version: 3), now: Self.now)
        else { return #expect(Bool(false)) }
        #expect(machine.state == .claiming)
    }

    @Test("A disabled connection is not refreshed")
    func disabled() throws {
        var machine = Machine()
        let action = machine.start(
            try stored { $0.connection.isDisabled = true }, for: .replacing(version: 1), now: Self.now)
        guard case .disabled = try outcome(action) else { return #expect(Bool(false)) }
    }

    @Test("A connection that waits for its owner is not refreshed")
    func waitsForOwner() throws {
        var machine = Machine()
        let action = machine.start(try stored { $0.grant.reauthorization = .revoked }, for: .due, now: Self.now)
        guard case .reauthorizationRequired(.revoked) = try outcome(action) else { return #expect(Bool(false)) }
    }

    @Test("Without a refresh token there is nothing to send")
    func notRefreshable() throws {
        var machine = Machine()
        let action = machine.start(try stored { $0.grant.refresh = nil }, for: .replacing(version: 1), now: Self.now)
        guard case .notRefreshable = try outcome(action) else { return #expect(Bool(false)) }
    }

    @Test("R1: who asks for something newer than an old version gets the newer one without a call")
    func alreadyNewer() throws {
        var machine = Machine()
        let action = machine.start(try stored(version: 2), for: .replacing(version: 1), now: Self.now)
        guard case .superseded(let current) = try outcome(action) else { return #expect(Bool(false)) }
        #expect(current.grant.version == 2)
    }

    @Test(
        "The schedule's refresh ends at once when it is not due any more",
        arguments: [nil, Timestamp(seconds: 1_800_000_001)])
    func notDue(refreshAt: Timestamp?) throws {
        var machine = Machine()
        let action = machine.start(try stored { $0.grant.refreshAt = refreshAt }, for: .due, now: Self.now)
        guard case .superseded = try outcome(action) else { return #expect(Bool(false)) }
    }

    private static let failing = RefreshFailure(
        since: now - .seconds(60), reason: "provider_unavailable", attempts: 2, retryAt: now + .milliseconds(1))

    @Test("R11: a back-off that is not over stops the refresh before the claim")
    func backOff() throws {
        var machine = Machine()
        let action = machine.start(
            try stored { $0.grant.failure = Self.failing }, for: .replacing(version: 1), now: Self.now)
        guard case .backingOff = try outcome(action) else { return #expect(Bool(false)) }
    }

    @Test("An administrator need not wait for a back-off; nobody waits once it is over")
    func backOffOver() throws {
        var forced = Machine()
        _ = forced.start(try stored { $0.grant.failure = Self.failing }, for: .forced(version: 1), now: Self.now)
        #expect(forced.state == .claiming)
        var later = Machine()
        _ = later.start(
            try stored { $0.grant.failure = Self.failing }, for: .replacing(version: 1),
            now: Self.now + .milliseconds(1))
        #expect(later.state == .claiming)
    }

    @Test("A claim that stands leads to the call")
    func claimed() throws {
        #expect(try calling().state == .calling)
    }

    @Test("A claim lost to a newer version serves the newer version")
    func claimLostToNewer() throws {
        var machine = Machine()
        _ = machine.start(try stored(), for: .replacing(version: 1), now: Self.now)
        guard case .superseded = try outcome(machine.claimed(.lost(try stored(version: 2)), wanted: 1)) else {
            return #expect(Bool(false))
        }
    }

    @Test("A claim lost to a standing attempt waits for that")
    func claimLostToAttempt() throws {
        var machine = Machine()
        _ = machine.start(try stored(), for: .replacing(version: 1), now: Self.now)
        guard case .underWayElsewhere = try outcome(machine.claimed(.lost(try stored()), wanted: 1)) else {
            return #expect(Bool(false))
        }
    }

    @Test("A connection gone at the claim is gone")
    func claimGone() throws {
        var machine = Machine()
        _ = machine.start(try stored(), for: .replacing(version: 1), now: Self.now)
        guard case .gone = try outcome(machine.claimed(.gone, wanted: 1)) else { return #expect(Bool(false)) }
    }

    @Test("R7: without a claim no call follows")
    func claimFailed() throws {
        var machine = Machine()
        _ = machine.start(try stored(), for: .replacing(version: 1), now: Self.now)
        guard case .storeFailed = try outcome(machine.claimFailed(StoreFailure(.notWritable, "full"))) else {
            return #expect(Bool(false))
        }
    }

    @Test("A token is committed, and nothing comes between")
    func granted() throws {
        var machine = try calling()
        guard
            case .commit(let response, let over) = machine.answered(
                .granted(Self.response), remedies: [:], now: Self.now)
        else { return #expect(Bool(false)) }
        #expect(response == Self.response)
        #expect(over.grant.version == 1)
        #expect(machine.state == .committing(tries: 1))
    }

    @Test(
        "Answers that are no token are judged by their class",
        arguments: [
            (
                TokenVerdict.refused(OAuthError(code: "invalid_grant")),
                RefreshVerdict.terminal(.revoked, code: "invalid_grant")
            ),
            (.refused(OAuthError(code: "invalid_client")), .configuration(reason: "invalid_client")),
            (
                .refused(OAuthError(code: "temporarily_unavailable")),
                .transient(reason: "temporarily_unavailable", retryAfter: nil)
            ),
            (.refused(OAuthError(code: "odd_code")), .transient(reason: "odd_code", retryAfter: nil)),
            (
                .malformed(reason: "html", status: 200),
                .transient(reason: "provider_unavailable", retryAfter: nil, isOutcomeUnknown: true)
            ),
            (.unavailable(status: 503, retryAfter: nil), .transient(reason: "provider_unavailable", retryAfter: nil)),
            (
                .unavailable(status: 429, retryAfter: .seconds(7)),
                .transient(reason: "provider_unavailable", retryAfter: .seconds(7))
            ),
            (
                .unavailable(status: 429, retryAfter: .date(epochSeconds: 1_800_000_009)),
                .transient(reason: "provider_unavailable", retryAfter: .seconds(9))
            ),
            (
                .unavailable(status: 429, retryAfter: .date(epochSeconds: 1)),
                .transient(reason: "provider_unavailable", retryAfter: .zero)
            ),
        ])
    func classes(answer: TokenVerdict, expected: RefreshVerdict) throws {
        var machine = try calling()
        #expect(try verdict(machine.answered(answer, remedies: [:], now: Self.now)) == expected)
        #expect(machine.state == .abandoning)
    }

    @Test("The profile's error map goes before the standard's")
    func remedies() throws {
        var machine = try calling()
        let action = machine.answered(
            .refused(OAuthError(code: "odd_code")), remedies: ["odd_code": .reauthorize],
            now: Self.now)
        #expect(try verdict(action) == .terminal(.revoked, code: "odd_code"))
    }

    @Test("No answer is transient; an address that may not be spoken to is the administrator's")
    func exchangeFailures() throws {
        var machine = try calling()
        let timeout = ExchangeFailure(.timedOut, detail: "", mayHaveArrived: true)
        #expect(
            try verdict(machine.exchangeFailed(timeout))
                == .transient(reason: "provider_unavailable", retryAfter: nil, isOutcomeUnknown: true))
        var other = try calling()
        let refused = ExchangeFailure(.addressRefused, detail: "", mayHaveArrived: false)
        #expect(try verdict(other.exchangeFailed(refused)) == .configuration(reason: "address_refused"))
    }

    @Test("A commit ends the refresh")
    func committed() throws {
        var machine = try committing()
        guard case .refreshed(let stored) = try outcome(machine.committed(.committed(try stored(version: 2)))) else {
            return #expect(Bool(false))
        }
        #expect(stored.grant.version == 2)
        #expect(machine.state == .finished)
    }

    @Test("A commit that comes too late leaves the newer credential")
    func commitSuperseded() throws {
        var machine = try committing()
        guard case .superseded = try outcome(machine.committed(.superseded(try stored(version: 5)))) else {
            return #expect(Bool(false))
        }
    }

    @Test("R21: a commit to a deleted connection is gone")
    func commitGone() throws {
        var machine = try committing()
        guard case .gone = try outcome(machine.committed(.gone)) else { return #expect(Bool(false)) }
    }

    @Test(
        "R8: what cannot be written goes into the spool first, is written again with longer and longer pauses, then waits"
    )
    func commitAgain() throws {
        var machine = try committing()
        guard case .spool = machine.commitFailed(StoreFailure(.busy, "busy")) else { return #expect(Bool(false)) }
        #expect(machine.state == .spooling)
        var pauses: [Duration] = []
        var action = machine.spooled()
        while case .commitAgain(_, let pause) = action {
            pauses.append(pause)
            action = machine.commitFailed(StoreFailure(.busy, "busy"))
        }
        #expect(pauses == [250, 500, 1000, 2000, 4000].map { .milliseconds($0) })
        guard case .unwritten = try outcome(action) else { return #expect(Bool(false)) }
        #expect(machine.state == .finished)
    }

    @Test("A credential that cannot be sealed ends it")
    func notSealed() throws {
        var machine = try committing()
        guard case .storeFailed = try outcome(machine.notSealed(StoreFailure(.other, ""))) else {
            return #expect(Bool(false))
        }
    }

    // MARK: Unknown outcome

    /// After an intent that nobody ended, or an answer that never came.
    private func precarious(_ change: (inout StoredConnection) -> Void) throws -> Machine {
        var machine = Machine()
        let stored = try stored(change)
        _ = machine.start(stored, for: .replacing(version: 1), now: Self.now)
        _ = machine.claimed(.claimed(stored), wanted: 1)
        return machine
    }

    private static let unfinished: [@Sendable (inout StoredConnection) -> Void] = [
        { $0.grant.attempt = RefreshAttempt(id: "a", fence: 1, owner: "dead", leaseUntil: now - .seconds(1)) },
        {
            $0.grant.failure = RefreshFailure(
                since: now, reason: "provider_unavailable", attempts: 1, retryAt: now, isOutcomeUnknown: true)
        },
    ]

    @Test(
        "R3: invalid_grant after an unknown outcome is a lost refresh token, and not the owner's doing",
        arguments: [0, 1])
    func lost(kind: Int) throws {
        let gone = TokenVerdict.refused(OAuthError(code: "invalid_grant"))
        var machine = try precarious(Self.unfinished[kind])
        #expect(
            try verdict(machine.answered(gone, remedies: [:], now: Self.now)) == .terminal(.lost, code: "invalid_grant")
        )
        var unrotated = try precarious(Self.unfinished[kind])
        #expect(
            try verdict(unrotated.answered(gone, remedies: [:], rotates: false, now: Self.now))
                == .terminal(.revoked, code: "invalid_grant"), "one that is never spent was revoked")
    }

    @Test("An unknown outcome stays unknown until an answer settles it")
    func staysUnknown() throws {
        let passing = TokenVerdict.unavailable(status: 503, retryAfter: nil)
        let isUnknown = { (verdict: RefreshVerdict) in
            if case .transient(_, _, let isOutcomeUnknown) = verdict { isOutcomeUnknown } else { false }
        }
        var machine = try precarious(Self.unfinished[0])
        #expect(isUnknown(try verdict(machine.answered(passing, remedies: [:], now: Self.now))))
        var unreached = try precarious(Self.unfinished[1])
        let failure = ExchangeFailure(.connectionFailed, detail: "", mayHaveArrived: false)
        #expect(isUnknown(try verdict(unreached.exchangeFailed(failure))))
        var fresh = try calling()
        #expect(!isUnknown(try verdict(fresh.answered(passing, remedies: [:], now: Self.now))), "503 did nothing")
        for (status, expected) in [(500, true), (502, true), (504, true), (429, false), (408, false)] {
            var machine = try calling()
            let answer = TokenVerdict.unavailable(status: status, retryAfter: nil)
            #expect(isUnknown(try verdict(machine.answered(answer, remedies: [:], now: Self.now))) == expected)
        }
    }

    @Test("A code that nobody knows costs a grant at the fifth time in a row, when the credential has expired")
    func unknownCode() throws {
        let odd = TokenVerdict.refused(OAuthError(code: "odd_code"))
        func judged(attempts: Int, isExpired: Bool) throws -> RefreshVerdict {
            var machine = try precarious {
                $0.grant.expiresAt = isExpired ? Self.now : Self.now + .seconds(60)
                $0.grant.failure = RefreshFailure(
                    since: Self.now, reason: "odd_code", attempts: attempts, retryAt: Self.now)
            }
            return try verdict(machine.answered(odd, remedies: [:], now: Self.now))
        }
        #expect(try judged(attempts: 3, isExpired: true) == .transient(reason: "odd_code", retryAfter: nil))
        #expect(try judged(attempts: 4, isExpired: false) == .transient(reason: "odd_code", retryAfter: nil))
        #expect(try judged(attempts: 4, isExpired: true) == .terminal(.refused, code: "odd_code"))
    }

    @Test("A noted failure is the outcome")
    func abandoned() throws {
        var machine = try calling()
        _ = machine.answered(.refused(OAuthError(code: "invalid_grant")), remedies: [:], now: Self.now)
        guard case .failed(_, .terminal(.revoked, _, _)) = try outcome(machine.abandoned(try stored())) else {
            return #expect(Bool(false))
        }
    }

    @Test("R5: invalid_grant is not believed once a newer version stands")
    func rivalWon() throws {
        var machine = try calling()
        _ = machine.answered(.refused(OAuthError(code: "invalid_grant")), remedies: [:], now: Self.now)
        guard case .superseded = try outcome(machine.abandoned(try stored(version: 2))) else {
            return #expect(Bool(false))
        }
    }

    @Test("A connection deleted before the note is gone; a note that cannot be written says so")
    func abandonEnds() throws {
        var machine = try calling()
        _ = machine.notSent(.configuration(reason: "no_client"))
        guard case .gone = try outcome(machine.abandoned(nil)) else { return #expect(Bool(false)) }
        var other = try calling()
        _ = other.notSent(.configuration(reason: "no_client"))
        guard case .storeFailed = try outcome(other.abandonFailed(StoreFailure(.busy, ""))) else {
            return #expect(Bool(false))
        }
    }
}
