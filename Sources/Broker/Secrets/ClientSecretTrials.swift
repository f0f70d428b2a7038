import OAuth
import ProviderProfiles
import Synchronization

/// Whether a provider takes one certain secret of a client: asked for real, before it is preferred.
///
/// Without a connection by a token call in the client's own name (RFC 6749 §4.4); with one by its refresh, in which the
/// other secrets stand behind the one on trial, so that a refused one costs the connection nothing.
public struct ClientSecretTrials: Sendable {
    let clients: Clients
    let store: any ConnectionStore
    let registrations: Registrations
    let calls: ProviderCalls
    let refresher: Refresher
    let audit: any AuditSink
    let clock: any BrokerClock
    let deadline: Duration

    public enum Answer: String, Sendable {
        /// A token came.
        case taken
        /// The provider knows the secret, and refuses the grant (`unauthorized_client`, RFC 6749 §5.2).
        case known
    }

    /// - Throws: `secret_refused` where the provider does not take it; `provider_unavailable` where nothing can be said.
    public func verify(
        _ number: Int, of id: ClientID, by connection: ConnectionID?, for caller: Caller
    ) async throws(BrokerError) -> Answer {
        let client = try await clients.client(id)
        guard let secret = client.secrets.first(where: { $0.number == number }) else {
            throw .notFound("client secret")
        }
        if let end = secret.expiresAt, end <= clock.now {
            throw BrokerError(
                .secretRefused, "Secret \(number) of client \(id) has ended by its own date.", actor: .administrator)
        }
        let answer: Answer
        do throws(BrokerError) {
            if let connection {
                answer = try await verify(number, of: client, refreshing: connection, for: caller)
            } else {
                answer = try await verifyByItself(number, of: client)
            }
        } catch {
            try record(id, by: caller, result: error.code.rawValue)
            throw error
        }
        try record(id, by: caller, result: "ok")
        return answer
    }

    // MARK: In the client's own name

    private func verifyByItself(_ number: Int, of client: RegisteredClient) async throws(BrokerError) -> Answer {
        let registration: Registration
        do throws(BrokerError) {
            registration = try await registrations.registration(
                client.id, provider: client.provider, fields: [:], grantType: .clientCredentials, only: number)
        } catch  where error.reason == "invalid_fields" {
            throw .invalid(
                "This provider's endpoints depend on the connection: verify with --connection.", field: "connection")
        }
        guard let endpoint = registration.server.tokenEndpoint else {
            throw .invalid("This client's provider has no token endpoint.")
        }
        let dialect = registration.provider.dialect
        let scopes = registration.clientScopes
        let context = TokenRequest.Context(redirectURI: registrations.redirectURI(of: client.id), scope: scopes)
        let proofKey: SigningKey? = registration.isDPoPBound ? .generateES256() : nil
        let parameters = ClientCredentialsGrant.parameters(
            scope: scopes, separator: dialect.scopeSeparator, resource: [])
        let verdict: TokenVerdict
        do {
            let answer = try await calls.send(registration, proofKey: proofKey, within: deadline) { client, freshness in
                TokenRequest.make(
                    parameters, at: endpoint, client: client, dialect: dialect, purpose: .grant, freshness: freshness,
                    context: context)
            }
            verdict = TokenResponse.judge(
                answer.response, dialect: dialect, accepting: proofKey == nil ? .bearer : .dpop
            ).hiding(registration.secrets)
        } catch let error as BrokerError {
            throw error
        } catch let failure as ExchangeFailure {
            throw Self.unclear("The provider cannot be asked (\(failure.code.rawValue)).")
        } catch {
            throw .internalError()
        }
        switch verdict {
        // Nobody is handed this token: it ends by itself.
        case .granted: return .taken
        case .refused(let error) where error.code == "invalid_client": throw Self.refused(number, client.id)
        // RFC 6749 §5.2: "the authenticated client is not authorized".
        case .refused(let error) where error.code == "unauthorized_client": return .known
        case .refused(let error):
            throw Self.unclear(
                "The provider answers \(error.code), which says nothing about the secret: verify with a connection.")
        case .malformed, .unavailable: throw Self.unclear("The provider gives no usable answer.")
        }
    }

    // MARK: By a connection's refresh

    private func verify(
        _ number: Int, of client: RegisteredClient, refreshing id: ConnectionID, for caller: Caller
    ) async throws(BrokerError) -> Answer {
        let found: StoredConnection?
        do { found = try await store.connection(id) } catch { throw .storeUnavailable(error) }
        guard let stored = found, caller.maySee(id, labels: stored.connection.labels) else { throw .noSuchConnection }
        guard stored.connection.client == client.id else {
            throw .invalid("The connection \(id) belongs to another client.", field: "connection")
        }
        let trial = SecretTrial(number: number)
        await registrations.begin(trial, for: id)
        let flight = await refresher.flight(for: id, .forced(version: stored.grant.version))
        let outcome = await flight?.value
        await registrations.endTrial(for: id)
        switch trial.verdict {
        case .refused: throw Self.refused(number, client.id)
        case .answered:
            if case .refreshed = outcome { return .taken }
            throw Self.unclear("The provider knows the secret, but the refresh of \(id) failed for another reason.")
        case nil: throw Self.unclear("The connection \(id) could not be refreshed now, so nothing was asked.")
        }
    }

    private static func refused(_ number: Int, _ client: ClientID) -> BrokerError {
        BrokerError(
            .secretRefused,
            "The provider does not take secret \(number) of client \(client) (invalid_client). Nothing was changed.",
            actor: .administrator, reason: "invalid_client")
    }

    private static func unclear(_ detail: String) -> BrokerError {
        BrokerError(.providerUnavailable, detail, actor: .administrator, reason: "unclear")
    }

    private func record(_ id: ClientID, by caller: Caller, result: String) throws(BrokerError) {
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .clientSecretVerify, caller: caller.id.string, subject: id.string,
                    result: result))
        } catch {
            throw .auditUnavailable
        }
    }
}

/// One secret that goes first in one connection's next request, and what came of it.
final class SecretTrial: Sendable {
    enum Verdict: Sendable { case answered, refused }

    let number: Int
    private let result = Locked<Verdict?>(nil)

    init(number: Int) {
        self.number = number
    }

    var verdict: Verdict? { result.withLock { $0 } }

    func answered(by candidate: Int?, isInvalidClient: Bool) {
        guard candidate == number else { return }
        result.withLock { $0 = isInvalidClient ? .refused : .answered }
    }
}
