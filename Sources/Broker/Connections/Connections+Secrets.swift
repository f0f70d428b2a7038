import OAuth
import ProviderProfiles
import Sealing

/// Secrets that are set by hand, and credentials that need nobody.
extension Connections {
    /// A new version of an API key or Basic credential, current at once.
    public func setSecret(_ secret: SecretValue, of id: ConnectionID, by caller: Caller) async throws(BrokerError)
        -> StoredConnection
    {
        for _ in 0..<5 {
            let stored = try await connection(id, for: caller)
            let grant = try grant(with: secret, for: stored, isNew: false)
            try record(.secretSet, id, version: grant.version, by: caller)
            let result: CommitResult
            do {
                result = try await store.commit(stored.key, replacing: stored.grant.version, with: grant, at: clock.now)
            } catch {
                throw .storeUnavailable(error)
            }
            switch result {
            case .committed(let committed):
                onChange(committed)
                return committed.connection.kind == .oauth2 ? try await issued(committed) : committed
            case .superseded: continue
            case .gone: throw .noSuchConnection
            }
        }
        throw .conflict("The secret is being set by others; try again.")
    }

    func grant(
        with secret: SecretValue, for stored: StoredConnection, isNew: Bool
    ) throws(BrokerError) -> Grant {
        try ConnectionBounds.check(secret)
        let material: CredentialMaterial
        switch (secret, stored.connection.kind) {
        case (.apiKey(let key), .apiKey): material = .apiKey(key)
        case (.basic(let username, let password), .basic): material = .basic(username: username, password: password)
        case (_, .apiKey): throw .invalid("This connection takes {\"api_key\": …}.", field: "secret")
        case (_, .basic): throw .invalid("This connection takes {\"username\": …, \"password\": …}.", field: "secret")
        case (.subjectToken(let subject), .oauth2) where stored.connection.grantType == .tokenExchange:
            // Before the first credential there is version 0; the exchange brings version 1.
            return try beginning(with: subject, for: stored.id, version: isNew ? 0 : stored.grant.version + 1)
        case (_, .oauth2):
            throw .invalid(
                "A connection of this provider gets its credential by consent, not by hand.", field: "secret")
        }
        try checkThatItFits(secret, stored.connection)
        let version = stored.grant.version + 1
        do {
            return Grant(
                version: version, credential: try sealing.seal(material, for: stored.id, version: version),
                issuedAt: clock.now)
        } catch {
            throw .internalError()
        }
    }

    /// What no request could carry would replace what works, and be told only to whoever reads it.
    private func checkThatItFits(_ secret: SecretValue, _ connection: Connection) throws(BrokerError) {
        let values: [String: String]
        switch secret {
        case .apiKey(let key): values = ["api_key": key.reveal()]
        case .basic(let username, let password): values = ["username": username, "password": password.reveal()]
        case .subjectToken: return
        }
        let provider = try registrations.provider(of: connection, client: nil)
        if case .failure(let refused) = provider.apply.render(values) {
            throw .invalid("No request could carry this secret: \(refused).", field: "secret")
        }
    }

    /// A new subject token ends what the old one brought: the next credential is exchanged for it.
    private func beginning(
        with subject: SubjectToken, for id: ConnectionID, version: Int
    ) throws(BrokerError) -> Grant {
        do {
            return Grant(version: version, subject: try sealing.seal(subject: subject, for: id, version: version))
        } catch {
            throw .internalError()
        }
    }

    /// A connection that needs nobody has its credential at once (RFC 6749 §4.4, RFC 7523, RFC 8693). A provider that
    /// gives none now is asked again at the first read: the status says how it stands.
    func issued(_ stored: StoredConnection) async throws(BrokerError) -> StoredConnection {
        guard stored.isReissuable,
            let flight = await refresher.flight(for: stored.id, .replacing(version: stored.grant.version))
        else {
            return stored
        }
        _ = await flight.value
        do { return try await store.connection(stored.id) ?? stored } catch { throw .storeUnavailable(error) }
    }
}
