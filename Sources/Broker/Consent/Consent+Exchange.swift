import Logging
import OAuth
import ProviderProfiles
import Sealing

extension Consent {
    /// Judges the provider's answer; a code is exchanged, and what comes is stored.
    func exchangeCode(
        _ pending: PendingAuthorization, _ parameters: Parameters
    ) async throws(ConsentFailure) -> (StoredConnection, title: String) {
        let stored = try await connection(pending.connection)
        let registration = try await registration(of: stored)
        let dialect = registration.provider.dialect
        let code: Secret
        switch AuthorizationResponse.judge(parameters, server: registration.server, dialect: dialect) {
        case .code(let received): code = received
        case .refused(let error): throw Self.refused(error, registration.provider)
        case .invalid(let reason):
            throw ConsentFailure(
                .invalidResponse, "The provider's answer cannot be trusted: \(reason). Nothing was changed.")
        }
        guard let endpoint = registration.server.tokenEndpoint else {
            throw ConsentFailure(.misconfigured, "The provider has no token endpoint. An administrator must act.")
        }

        let verdict: TokenVerdict
        var secrets = [code]
        let sentAt = clock.now
        do {
            let verifier = try sealing.verifier(of: pending)
            secrets += [verifier, registration.client.authentication.secret].compactMap(\.self)
            let grant = AuthorizationCodeGrant.parameters(
                code: code, redirectURI: registrations.redirectURI(of: pending.client), verifier: verifier)
            let request = TokenRequest.make(
                grant, at: endpoint, client: registration.client, dialect: dialect, purpose: .authorizationCode)
            // Sent once, whatever happens: a code is single-use (RFC 6749 §4.1.2, security cases F13 and F14).
            verdict = TokenResponse.judge(try await exchange.send(request, within: callDeadline), dialect: dialect)
        } catch let failure as ExchangeFailure {
            logger.notice(
                "A code exchange got no answer", metadata: ["connection": "\(stored.id)", "why": "\(failure)"])
            throw failure.code == .addressRefused
                ? ConsentFailure(
                    .misconfigured,
                    "The provider's token endpoint is at an address this service may not speak to. An administrator must act."
                )
                : Self.noAnswer
        } catch {
            logger.error(
                "A code exchange could not be sent", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw Self.serviceUnavailable
        }

        switch verdict {
        case .granted(let response):
            return (try await commit(response, to: stored, registration, sentAt, pending), registration.provider.title)
        case .refused(let error): throw Self.refused(error, registration.provider, hiding: secrets)
        case .malformed(let reason, let status):
            logger.notice(
                "A token response cannot be read",
                metadata: ["connection": "\(stored.id)", "status": "\(status)", "why": "\(reason)"])
            throw ConsentFailure(
                .providerUnavailable,
                "The provider's token response cannot be read. Try again; if it stays, an administrator must look at the provider's profile."
            )
        case .unavailable: throw Self.noAnswer
        }
    }

    /// The grant goes in over whatever version stands now: consent given is consent given, and a refresh that is
    /// under way meanwhile loses by its version.
    private func commit(
        _ response: TokenResponse, to stored: StoredConnection, _ registration: Registration, _ sentAt: Timestamp,
        _ pending: PendingAuthorization
    ) async throws(ConsentFailure) -> StoredConnection {
        let update = GrantUpdate(
            sealing: sealing, provider: registration.provider, sentAt: sentAt, requestedScopes: pending.scopes,
            fraction: random.fraction())
        var old = stored
        do {
            for _ in 0..<5 {
                let grant = try update.grant(after: old.grant, of: old.id, from: response, renewing: false)
                switch try await connections.commit(old.id, replacing: old.grant.version, with: grant) {
                case .committed(let committed):
                    recordGrant(committed, asked: pending.scopes)
                    return committed
                case .superseded(let current): old = current
                case .gone:
                    await revoker.revoke(response, of: stored.id, registration)
                    throw ConsentFailure(.connectionGone, "This connection was deleted meanwhile.")
                }
            }
        } catch let failure as ConsentFailure {
            throw failure
        } catch {
            logger.critical("A grant could not be stored", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
        }
        throw Self.serviceUnavailable
    }

    /// The grant is stored and stands: a log that cannot be written now withholds it at the next read.
    private func recordGrant(_ committed: StoredConnection, asked: [String]) {
        // RFC 6749 §3.3: the server may grant less than was asked for (security case F18).
        let isNarrower = !Set(asked).isSubset(of: committed.grant.scopes)
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .consentFinish, caller: "owner", connection: committed.id.string,
                    version: committed.grant.version, reason: isNarrower ? "narrower_scope" : nil))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
        }
    }

    /// - Parameter secrets: what was sent: a description that repeats it is left out (security case N21).
    private static func refused(
        _ error: OAuthError, _ provider: Provider, hiding secrets: [Secret] = []
    ) -> ConsentFailure {
        let description = error.description.flatMap { text in
            secrets.contains { text.contains($0.reveal()) } ? nil : text
        }
        let said = description.map { " It said: \($0)" } ?? ""
        let todo =
            switch error.remedy(provider.remedies) {
            case .administrator: "An administrator must look at the registration."
            case .retry: "Try again in a little while."
            case .reauthorize, nil: "Open the link again if this was not what you wanted."
            }
        return ConsentFailure(
            .refused, "\(provider.title) refused with \(error.code).\(said) \(todo)", providerError: error.code)
    }
}

extension ClientAuthentication {
    fileprivate var secret: Secret? {
        switch self {
        case .none: nil
        case .clientSecretBasic(let secret), .clientSecretPost(let secret): secret
        }
    }
}
