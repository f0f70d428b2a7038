import Logging
import OAuth
import ProviderProfiles
import Sealing

/// Tells providers that a deleted connection's tokens are no longer wanted (RFC 7009), until they have taken it.
///
/// The connection is gone whether or not this succeeds; what is owed outlives a restart (security case F24). The refresh
/// token goes first: an authorization server that revokes it ends the access token with it (RFC 7009 §2.1).
struct Revoker: Sendable {
    let store: any RevocationStore
    let registrations: Registrations
    let calls: ProviderCalls
    let sealing: GrantSealing
    let clock: any BrokerClock
    let random: any RandomSource
    let policy: RefreshPolicy
    let logger: Logger
    let hold: RefreshHold

    /// After this long a provider that takes nothing is left alone; its tokens are as dead as they will be.
    static let patience: Duration = .seconds(7 * 86_400)
    static let tick: Duration = .seconds(1)

    private let places = Places(16)

    /// What a connection's end leaves to be told; nil when its provider issued nothing.
    func debt(of deleted: StoredConnection, id: String) -> OwedRevocation? {
        guard deleted.connection.kind == .oauth2, deleted.grant.credential != nil,
            let client = deleted.connection.client
        else { return nil }
        let now = clock.now
        return OwedRevocation(
            id: id, connection: deleted.id, provider: deleted.connection.provider,
            client: client, fields: deleted.connection.fields, version: deleted.grant.version,
            credential: deleted.grant.credential, refresh: deleted.grant.refresh, retryAt: now, createdAt: now)
    }

    /// What came for a connection that was deleted while the provider was answering (security case R21).
    func owe(_ response: TokenResponse, of gone: StoredConnection) async {
        var ghost = gone
        let version = gone.grant.version + 1
        do {
            ghost.grant = Grant(version: version)
            ghost.grant.credential = try sealing.seal(
                .oauth2(accessToken: response.accessToken, tokenType: response.tokenType), for: gone.id,
                version: version)
            ghost.grant.refresh = try response.refreshToken.map { token throws(SealingError) in
                try sealing.seal(refreshToken: token, for: gone.id, version: version)
            }
            try await insert(ghost)
        } catch {
            logger.error(
                "Tokens of a deleted connection stay valid at the provider",
                metadata: ["connection": "\(gone.id)", "why": "\(error)"])
        }
    }

    /// The same for a grant that was sealed already.
    func owe(_ gone: StoredConnection) async {
        do {
            try await insert(gone)
        } catch {
            logger.error(
                "Tokens of a deleted connection stay valid at the provider",
                metadata: ["connection": "\(gone.id)", "why": "\(error)"])
        }
    }

    private func insert(_ gone: StoredConnection) async throws(StoreFailure) {
        guard let debt = debt(of: gone, id: random.bytes(16).hexadecimal) else { return }
        try await store.insert(debt)
        await pay(debt)
    }

    /// Pays what is due, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                _ = try await round()
            } catch {
                logger.error("The store cannot be read for revocations", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: Self.tick) } catch { break }
        }
        await places.drain()
    }

    /// Begins what is due, as far as there are free places, and waits for none of it.
    func round() async throws(StoreFailure) -> [Task<Void, Never>] {
        let free = await places.free
        guard free > 0, !hold.isHeld else { return [] }
        var begun: [Task<Void, Never>] = []
        for debt in try await store.revocationsDue(at: clock.now, limit: free) {
            if let payment = await places.begin(debt.id, { await self.pay(debt) }) { begun.append(payment) }
        }
        return begun
    }

    /// Tries once. What is not taken is tried again, later each time.
    @discardableResult
    func pay(_ debt: OwedRevocation) async -> RevocationOutcome {
        // What a copy revokes is revoked for the original.
        if hold.isHeld { return .pending(reason: RefreshHold.reason) }
        do {
            var tried = debt
            tried.attempts += 1
            tried.retryAt =
                clock.now + policy.callDeadline
                + policy.backoff(attempts: tried.attempts + 2, fraction: 1, retryAfter: nil)
            // Of two that try at once, one goes on.
            guard try await store.update(tried, from: debt.attempts) else { return .pending(reason: "under_way") }
            let outcome = try await tell(debt)
            switch outcome {
            case .revoked, .nothingToTell:
                if outcome == .revoked {
                    logger.info(
                        "A deleted connection's tokens were revoked", metadata: ["connection": "\(debt.connection)"])
                }
                try await store.deleteRevocation(debt.id)
            case .refused(let code):
                logger.notice(
                    "The provider does not revoke a deleted connection's tokens",
                    metadata: ["connection": "\(debt.connection)", "why": "\(code)"])
                try await store.deleteRevocation(debt.id)
            case .pending(let reason): await stillOwing(debt, why: reason)
            }
            return outcome
        } catch {
            await stillOwing(debt, why: "\(error)")
            return .pending(reason: (error as? ExchangeFailure)?.code.rawValue ?? "provider_unavailable")
        }
    }

    private func stillOwing(_ debt: OwedRevocation, why: String) async {
        let isOver = clock.now.since(debt.createdAt) > Self.patience
        logger.notice(
            isOver
                ? "A deleted connection's tokens could not be revoked at the provider; it is not tried again"
                : "A deleted connection's tokens could not be revoked yet",
            metadata: ["connection": "\(debt.connection)", "why": "\(why)"])
        // What cannot be removed now is removed at the next try.
        if isOver { try? await store.deleteRevocation(debt.id) }
    }

    private func tell(_ debt: OwedRevocation) async throws -> RevocationOutcome {
        let registration = try await registrations.registration(
            debt.client, provider: debt.provider, fields: debt.fields)
        let grant = Grant(version: debt.version, credential: debt.credential, refresh: debt.refresh)
        guard let endpoint = registration.server.revocationEndpoint else {
            return try await call(registration, debt, grant)
        }
        let refreshToken = try sealing.refreshToken(id: debt.connection, grant: grant)
        guard
            let token = try refreshToken ?? sealing.material(id: debt.connection, grant: grant)?.principalSecret
        else { return .nothingToTell }
        let answer = try await calls.send(registration, proofKey: nil, within: .seconds(10)) {
            client, freshness in
            Revocation.request(
                token: token, hint: refreshToken == nil ? "access_token" : "refresh_token", at: endpoint,
                client: client, dialect: registration.provider.dialect, freshness: freshness)
        }
        return Self.outcome(Revocation.judge(answer.response), hiding: registration.secrets + [token])
    }

    /// By a call of the provider's own, where the profile has one.
    private func call(_ registration: Registration, _ debt: OwedRevocation, _ grant: Grant) async throws
        -> RevocationOutcome
    {
        guard let call = registration.provider.revocation(clientID: registration.client.id),
            let token = try sealing.material(id: debt.connection, grant: grant)?.principalSecret,
            let request = call.request(
                accessToken: token, client: registration.client, dialect: registration.provider.dialect)
        else { return .nothingToTell }
        return Self.outcome(
            RevocationCall.judge(try await calls.exchange.send(request, within: .seconds(10))), hiding: [])
    }

    private static func outcome(_ verdict: Revocation.Verdict, hiding secrets: [Secret]) -> RevocationOutcome {
        switch verdict {
        case .revoked: return .revoked
        // The server does not revoke this kind (RFC 7009 §2.2.1), or does not know it: no second try changes that.
        case .refused(let error)
        where ["unsupported_token_type", "invalid_token", "invalid_grant"].contains(error.code):
            return .refused(code: error.code)
        case .refused(let error): return .pending(reason: error.hiding(secrets).code)
        case .unavailable(let status): return .pending(reason: "status_\(status)")
        }
    }
}

/// What became of the tokens of a connection that is gone.
public enum RevocationOutcome: Sendable, Hashable {
    /// The provider took it.
    case revoked
    /// It has no revocation endpoint, or never issued anything.
    case nothingToTell
    /// It is tried again in the background.
    case pending(reason: String)
    /// The provider does not revoke such tokens.
    case refused(code: String)
}
