import Logging
import OAuth
import ProviderProfiles
import Sealing

extension Consent {
    /// Judges the provider's answer; a code is exchanged, and what comes is stored.
    func exchangeCode(
        _ pending: PendingAuthorization, _ parameters: Parameters
    ) async throws(ConsentFailure) -> ConsentOutcome {
        let stored = try await connection(pending.connection)
        let registration = try await registration(of: stored)
        let dialect = registration.provider.dialect
        let code: Secret
        switch AuthorizationResponse.judge(parameters, server: registration.server, dialect: dialect) {
        case .code(let received): code = received
        case .refused(let error): throw refused(error, registration.provider, stored.id)
        case .invalid(let reason):
            throw ConsentFailure(
                .invalidResponse, "The provider's answer cannot be trusted: \(reason). Nothing was changed.")
        }
        guard let endpoint = registration.server.tokenEndpoint else {
            throw ConsentFailure(.misconfigured, "The provider has no token endpoint. An administrator must act.")
        }

        let verdict: TokenVerdict
        var secrets = [code]
        let sentAt: Timestamp
        let proofKey: SigningKey?
        do {
            let verifier = try sealing.verifier(of: pending)
            proofKey = try sealing.proofKey(of: pending).map { try SigningKey(serialized: $0) }
            secrets +=
                [verifier].compactMap(\.self) + registration.secrets
            var grant = AuthorizationCodeGrant.parameters(
                code: code, redirectURI: registrations.redirectURI(of: pending.client), verifier: verifier)
            for resource in stored.connection.resources { grant.append("resource", resource) }
            if dialect.repeatsState, let state = parameters["state"] { grant.append("state", state) }
            let context = TokenRequest.Context(
                redirectURI: registrations.redirectURI(of: pending.client), scope: pending.scopes)
            // A code is single-use (RFC 6749 §4.1.2, security cases F13 and F14): it is sent again only where the server
            // said that it did not even look at it.
            let answer = try await calls.send(registration, proofKey: proofKey, within: callDeadline) {
                [grant] client, freshness in
                TokenRequest.make(
                    grant, at: endpoint, client: client, dialect: dialect, purpose: .grant,
                    freshness: freshness, context: context)
            }
            sentAt = answer.sentAt
            verdict = TokenResponse.judge(
                answer.response, dialect: dialect, accepting: proofKey == nil ? .bearer : .dpop)
        } catch {
            throw notSent(error, stored.id)
        }

        switch verdict {
        case .granted(let response):
            let account = try await account(
                of: response, registration, pending, state: parameters["state"] ?? "", code: code, proofKey)
            let attributes = try await followUp(response, registration, proofKey, stored.id)
                .merging(GrantUpdate.captured(from: parameters, by: registration.provider)) { own, _ in own }
            return try await keep(
                Received(
                    response: response, account: account, sentAt: sentAt, scopes: pending.scopes, proofKey: proofKey,
                    attributes: attributes),
                for: stored, registration, pending)
        case .refused(let error): throw refused(error.hiding(secrets), registration.provider, stored.id)
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

    func notSent(_ error: any Error, _ id: ConnectionID) -> ConsentFailure {
        guard let failure = error as? ExchangeFailure else {
            logger.error(
                "A request for a consent could not be sent", metadata: ["connection": "\(id)", "why": "\(error)"])
            return Self.serviceUnavailable
        }
        logger.notice("A request for a consent got no answer", metadata: ["connection": "\(id)", "why": "\(failure)"])
        switch failure.code {
        case .addressRefused:
            return ConsentFailure(
                .misconfigured,
                "The provider's endpoint is at an address this service may not speak to. An administrator must act.")
        case .clientKeyUnusable:
            return ConsentFailure(
                .misconfigured, "The client's certificate cannot be used. An administrator must act.")
        default: return Self.noAnswer
        }
    }

    /// Whose account it is (OpenID Connect Core §3.1.3.7): an ID token that is not what it must be ends the consent.
    private func account(
        of response: TokenResponse, _ registration: Registration, _ pending: PendingAuthorization, state: String,
        code: Secret, _ proofKey: SigningKey?
    ) async throws(ConsentFailure) -> Account? {
        let verdict = await accounts.account(
            of: response, registration, scopes: pending.scopes, nonce: Self.nonce(forState: state), code: code,
            proofKey: proofKey)
        switch verdict {
        case .account(let account): return account
        case .refused(let reason):
            logger.notice(
                "An identity was refused", metadata: ["connection": "\(pending.connection)", "why": "\(reason)"])
            throw ConsentFailure(
                .invalidResponse, "The provider's answer cannot be trusted: \(reason). Nothing was changed.")
        case .unavailable(let reason):
            logger.notice(
                "An identity could not be checked",
                metadata: ["connection": "\(pending.connection)", "why": "\(reason)"])
            throw Self.noAnswer
        }
    }

    /// What the provider says beyond the token response, where the profile wants it.
    private func followUp(
        _ response: TokenResponse, _ registration: Registration, _ proofKey: SigningKey?, _ id: ConnectionID
    ) async throws(ConsentFailure) -> [String: String] {
        switch await accounts.followUp(response, registration, proofKey: proofKey) {
        case .found(let attributes): return attributes
        case .failed(let reason):
            logger.notice("A follow-up got no answer", metadata: ["connection": "\(id)", "why": "\(reason)"])
            throw Self.noAnswer
        }
    }

    /// What came, on its way into the store.
    struct Received: Sendable {
        let response: TokenResponse
        let account: Account?
        let sentAt: Timestamp
        let scopes: [String]
        let proofKey: SigningKey?
        /// What the profile keeps of the callback and the follow-up, by its names.
        let attributes: [String: String]
    }

    /// Stores the grant, or holds it until the owner has said that another account shall take the place of the old one.
    private func keep(
        _ received: Received, for stored: StoredConnection, _ registration: Registration,
        _ pending: PendingAuthorization
    ) async throws(ConsentFailure) -> ConsentOutcome {
        if let old = stored.grant.accountKey, !Account.isSame(old, as: received.account) {
            let word = try await hold(received, for: stored, pending)
            return .otherAccount(
                OtherAccount(
                    connection: stored.id, providerTitle: registration.provider.title,
                    old: stored.grant.account ?? "another account",
                    new: received.account?.name ?? "somebody whom \(registration.provider.title) does not name",
                    word: word))
        }
        let committed = try await commit(received, to: stored, registration)
        return .connected(
            committed.id, providerTitle: registration.provider.title, returnTo: pending.returnTo)
    }

    /// The grant goes in over whatever version stands now: consent given is consent given, and a refresh that is
    /// under way meanwhile loses by its version.
    @discardableResult
    func commit(
        _ received: Received, to stored: StoredConnection, _ registration: Registration
    ) async throws(ConsentFailure) -> StoredConnection {
        let update = GrantUpdate(
            sealing: sealing, provider: registration.provider, sentAt: received.sentAt,
            requestedScopes: received.scopes, proofKey: received.proofKey, fraction: random.fraction(),
            attributes: received.attributes)
        var old = stored
        do {
            for _ in 0..<5 {
                let grant = try update.grant(after: old, from: received.response, .consent(received.account))
                let result: CommitResult
                switch try await unwritten.insist(on: grant, over: old) {
                case .decided(let decided): result = decided
                case .waits(let held):
                    recordGrant(held, asked: received.scopes)
                    return held
                }
                switch result {
                case .committed(let committed):
                    recordGrant(committed, asked: received.scopes)
                    noteMissing(registration.provider.capture.map(\.name), of: committed)
                    onChange(committed)
                    return await lifetimes.complete(committed, registration)
                case .superseded(let current):
                    // Two consents at once: what the owner was or was not asked about has changed (security case F19).
                    if let key = current.grant.accountKey, !isSameText(key, stored.grant.accountKey ?? ""),
                        !Account.isSame(key, as: received.account)
                    {
                        await giveBack(received, of: stored)
                        throw ConsentFailure(
                            .refused, "Another account was connected meanwhile. Open the link again to replace it.",
                            providerError: "other_account")
                    }
                    old = current
                case .gone:
                    await revoker.owe(received.response, of: stored)
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

    /// What the profile's `hosts` and `apply` may be made of, and the provider did not send.
    private func noteMissing(_ captures: [String], of stored: StoredConnection) {
        let missing = captures.filter { stored.grant.attributes[$0] == nil }
        guard !missing.isEmpty else { return }
        logger.notice(
            "A provider did not send what its profile captures",
            metadata: ["connection": "\(stored.id)", "attributes": "\(missing.joined(separator: ", "))"])
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

    func refused(_ error: OAuthError, _ provider: Provider, _ id: ConnectionID) -> ConsentFailure {
        logger.notice("A provider refused a consent", metadata: ["connection": "\(id)", "why": "\(error.codes)"])
        let said = (error.subcode.map { " (\($0))." } ?? "") + (error.description.map { " It said: \($0)" } ?? "")
        let todo =
            switch error.remedy(provider.remedies) {
            case .administrator: "An administrator must look at the registration."
            case .retry: "Try again in a little while."
            case .stepUp: "It wants more of you first, such as a second factor. Open the link again."
            case .reauthorize, nil: "Open the link again if this was not what you wanted."
            }
        return ConsentFailure(
            .refused, "\(provider.title) refused with \(error.code).\(said) \(todo)", providerError: error.code)
    }
}
