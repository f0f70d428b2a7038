import Logging
public import OAuth
import ProviderProfiles
import Sealing

/// Asks the authorization server about tokens (RFC 7662): how long one lives whose response did not say, and what it
/// says of one when somebody wants to know.
public struct Lifetimes: Sendable {
    let store: any ConnectionStore
    let registrations: Registrations
    let calls: ProviderCalls
    let sealing: GrantSealing
    let clock: any BrokerClock
    let random: any RandomSource
    let logger: Logger
    let onChange: @Sendable (StoredConnection) -> Void

    private static let patience: Duration = .seconds(10)

    /// The connection, with the lifetime of its credential found out where it is unknown and the server can be asked. The
    /// credential is stored already and stands whatever comes of this.
    func complete(_ stored: StoredConnection, _ registration: Registration) async -> StoredConnection {
        guard stored.grant.credential != nil, stored.grant.expiresAt == nil,
            registration.server.introspectionEndpoint != nil, registration.provider.expiry.defaultLifetime == nil
        else { return stored }
        do {
            guard case .active(let token) = try await ask(stored, registration), let expiresAt = token.expiresAt else {
                return stored
            }
            // Under a claim, as every write to a grant: a refresh that is under way meanwhile brings a newer token, and
            // what is written here must not put the one that it spent in its place.
            guard
                case .claimed(let claimed) = try await store.claim(
                    stored.key, version: stored.grant.version, attempt: random.bytes(16).hexadecimal,
                    owner: "lifetimes", until: clock.now + .seconds(5), now: clock.now)
            else { return stored }
            let update = GrantUpdate(
                sealing: sealing, provider: registration.provider, sentAt: stored.grant.issuedAt ?? clock.now,
                requestedScopes: [], proofKey: nil, fraction: random.fraction())
            guard let grant = try update.grant(claimed, expiringAt: Timestamp(seconds: Int64(expiresAt))),
                case .committed(let committed) = try await store.commit(
                    claimed.key, replacing: claimed.grant.version, with: grant, at: clock.now)
            else { return stored }
            onChange(committed)
            return committed
        } catch {
            logger.notice(
                "A token's lifetime could not be found out",
                metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            return stored
        }
    }

    /// What the server says; nil when the token is not active.
    public func introspect(_ id: ConnectionID, for caller: Caller) async throws(BrokerError) -> Introspection.Token? {
        let found: StoredConnection?
        do { found = try await store.connection(id) } catch { throw .storeUnavailable(error) }
        guard let stored = found, caller.maySee(id, labels: stored.connection.labels) else {
            throw .noSuchConnection
        }
        guard stored.connection.kind == .oauth2, stored.grant.credential != nil else {
            throw .invalid("This connection has no token to ask about.")
        }
        let registration = try await registrations.registration(of: stored.connection)
        guard registration.server.introspectionEndpoint != nil else {
            throw .invalid("The provider has no introspection endpoint (RFC 7662).")
        }
        let verdict: Introspection.Verdict
        do {
            verdict = try await ask(stored, registration)
        } catch {
            logger.notice("An introspection got no answer", metadata: ["connection": "\(id)", "why": "\(error)"])
            throw Self.noAnswer("it did not answer", .nobody)
        }
        switch verdict {
        case .active(let token): return token
        case .inactive: return nil
        case .refused(let error):
            throw Self.noAnswer("it refused with \(error.code)", .administrator, reason: error.code)
        case .malformed(let reason, _): throw Self.noAnswer(reason, .administrator, reason: "malformed_answer")
        case .unavailable(let status, _): throw Self.noAnswer("status \(status)", .nobody)
        }
    }

    private func ask(_ stored: StoredConnection, _ registration: Registration) async throws -> Introspection.Verdict {
        guard let endpoint = registration.server.introspectionEndpoint,
            let token = try sealing.material(of: stored)?.principalSecret
        else { throw BrokerError.internalError() }
        let answer = try await calls.send(registration, proofKey: nil, within: Self.patience) { client, freshness in
            Introspection.request(
                token: token, hint: "access_token", at: endpoint, client: client,
                dialect: registration.provider.dialect, freshness: freshness)
        }
        return Introspection.judge(answer.response)
    }

    private static func noAnswer(
        _ why: String, _ actor: BrokerError.Actor, reason: String = "provider_unavailable"
    ) -> BrokerError {
        BrokerError(
            .providerUnavailable, "The provider's introspection endpoint gives no usable answer: \(why).", actor: actor,
            reason: reason, retryAfter: 10)
    }
}
