import HTTPTypes
import OAuth
import ProviderProfiles
import Sealing

/// Secrets that are set by hand, and credentials that need nobody.
extension Connections {
    /// A new version of an API key or Basic credential, current at once. The value that stands there already makes no
    /// version: whoever is not sure that it was taken may set it again.
    public func setSecret(_ change: SecretChange, of id: ConnectionID, by caller: Caller) async throws(BrokerError)
        -> StoredConnection
    {
        try change.check(at: clock.now)
        for _ in 0..<5 {
            let stored = try await connection(id, for: caller)
            if stored.connection.kind == .oauth2, !change.value.isSubjectToken {
                guard try await setBeside(change, of: stored, by: caller) else { continue }
                return stored
            }
            if change.isRotation, stored.grant.credential == nil {
                throw .conflict("Nothing is set yet, so there is nothing to rotate: set the secret first.")
            }
            var grant = try grant(with: change.value, for: stored, isNew: false)
            var history: [SecretVersion] = []
            if stored.connection.kind != .oauth2 {
                grant.expiresAt = change.expiresAt
                let new = try await version(of: grant, for: stored, by: caller)
                history = try await left(by: stored, keeping: change.keepPrevious)
                // No version for what stands there, unless its end is told anew.
                if stored.grant.credential != nil, history.last?.fingerprint == new.fingerprint,
                    stored.grant.expiresAt == change.expiresAt
                {
                    return stored
                }
                history.append(new)
            } else if change.expiresAt != nil || change.verifyAt != nil || change.isRotation {
                throw .invalid(
                    "A subject token is set, and has no versions: the exchange says at once what it is worth.")
            }
            if let url = change.verifyAt { try await verify(change.value, at: url, for: stored) }
            try record(
                change.isRotation ? .secretRotate : .secretSet, id, version: grant.version,
                fingerprint: history.last?.fingerprint, by: caller)
            if let committed = try await commit(grant, in: stored, history) {
                return committed.connection.kind == .oauth2 ? try await issued(committed) : committed
            }
        }
        throw .conflict("The secret is being set by others; try again.")
    }

    /// An earlier value as a new version, current at once.
    /// - Parameter version: nil takes the newest that is kept.
    public func rollbackSecret(of id: ConnectionID, to version: Int?, by caller: Caller) async throws(BrokerError)
        -> StoredConnection
    {
        for _ in 0..<5 {
            let stored = try await connection(id, for: caller)
            guard stored.connection.kind != .oauth2 else {
                throw .conflict("Beside OAuth's tokens no earlier value is kept: set the secret again.")
            }
            let versions: [SecretVersion]
            do { versions = try await store.secretVersions(of: id) } catch { throw .storeUnavailable(error) }
            let wanted = versions.first { version == nil ? $0.box != nil : $0.version == version }
            guard let wanted, wanted.version != stored.grant.version else {
                throw .conflict(
                    version == nil
                        ? "No earlier value is kept. See: credence secrets history \(id)"
                        : "Version \(version ?? 0) is not one that can be brought back. See: credence secrets history \(id)",
                    field: "version")
            }
            guard wanted.box != nil, wanted.keptUntil.map({ $0 > clock.now }) ?? false else {
                throw .conflict("The value of version \(wanted.version) is not kept any more.", field: "version")
            }
            if let end = wanted.expiresAt, end <= clock.now {
                throw .conflict("The value of version \(wanted.version) has expired.", field: "version")
            }
            let number = stored.grant.version + 1
            var grant = Grant(version: number, issuedAt: clock.now, expiresAt: wanted.expiresAt)
            do {
                guard let material = try sealing.material(of: id, wanted) else { throw SealingError.damaged("no box") }
                grant.credential = try sealing.seal(material, for: id, version: number)
            } catch {
                throw .internalError("The value of version \(wanted.version) does not open.")
            }
            var history = try await left(by: stored, keeping: SecretChange.usualKeep)
            history.append(
                SecretVersion(
                    version: number, fingerprint: wanted.fingerprint, setBy: caller.id.string, createdAt: clock.now,
                    restores: wanted.version, expiresAt: wanted.expiresAt))
            try record(.secretRollback, id, version: number, fingerprint: wanted.fingerprint, by: caller)
            if let committed = try await commit(grant, in: stored, history) { return committed }
        }
        throw .conflict("The secret is being set by others; try again.")
    }

    /// Who set what when, the newest first; the current one has no `keptUntil`. Never a value.
    public func secretHistory(of id: ConnectionID, for caller: Caller) async throws(BrokerError) -> [SecretVersion] {
        _ = try await connection(id, for: caller)
        do { return try await store.secretVersions(of: id) } catch { throw .storeUnavailable(error) }
    }

    /// Those whose secret ends within 30 days, or has ended within the last 30; a thousand at most.
    public func endingSecrets() async throws(BrokerError) -> [StoredConnection] {
        let now = clock.now
        do {
            return try await store.ending(
                after: (now - SecretExpiry.longestNotice, nil), until: now + SecretExpiry.longestNotice, limit: 1000)
        } catch {
            throw .storeUnavailable(error)
        }
    }

    /// nil where somebody else was faster.
    private func commit(
        _ grant: Grant, in stored: StoredConnection, _ history: [SecretVersion]
    ) async throws(BrokerError) -> StoredConnection? {
        let result: CommitResult
        do {
            result = try await store.commit(
                stored.key, replacing: stored.grant.version, with: grant, history: history, at: clock.now)
        } catch {
            throw .storeUnavailable(error)
        }
        switch result {
        case .committed(let committed):
            onChange(committed)
            return committed
        case .superseded: return nil
        case .gone: throw .noSuchConnection
        }
    }

    /// The version that a grant's secret is; its box stands in the grant.
    func version(
        of grant: Grant, for stored: StoredConnection, by caller: Caller?
    ) async throws(BrokerError) -> SecretVersion {
        let material: CredentialMaterial?
        do { material = try sealing.material(id: stored.id, grant: grant) } catch { throw .internalError() }
        guard let material else { throw .internalError() }
        return SecretVersion(
            version: grant.version, fingerprint: try await installation.fingerprint(of: material),
            setBy: caller?.id.string ?? "", createdAt: grant.issuedAt ?? clock.now, expiresAt: grant.expiresAt)
    }

    /// What stands there now, as it will be kept.
    private func left(by stored: StoredConnection, keeping: Duration) async throws(BrokerError) -> [SecretVersion] {
        guard let box = stored.grant.credential else { return [] }
        // Whoever set it stands in its row; the store keeps that.
        var version: SecretVersion
        do throws(BrokerError) {
            version = try await self.version(of: stored.grant, for: stored, by: nil)
        } catch  where error.code == .internalError {
            // A value that does not open is what many a rotation is for: nothing of it can be kept.
            return []
        }
        version.keptUntil = clock.now + keeping
        version.box = keeping > .zero ? box : nil
        return [version]
    }

    // MARK: Beside OAuth's tokens

    /// A secret that goes into requests beside the access token, such as a gateway's subscription key. It has versions of
    /// its own: no refresh under way is disturbed by it, and none disturbs it.
    /// - Returns: false where somebody else set it meanwhile.
    private func setBeside(
        _ change: SecretChange, of stored: StoredConnection, by caller: Caller
    ) async throws(BrokerError) -> Bool {
        guard !CredentialMaterial.names(beside: catalog[stored.connection.provider]).isEmpty else {
            throw .invalid(
                "A connection of this provider gets its credential by consent, not by hand.", field: "secret")
        }
        guard change.expiresAt == nil, change.verifyAt == nil else {
            throw .invalid("Beside OAuth's tokens a secret has no expires_at and no verify_url.", field: "expires_at")
        }
        try ConnectionBounds.check(change.value)
        let material = CredentialMaterial.fields(try byName(change.value, stored.connection))
        let values = material.templateValues.merging(["access_token": "token"]) { own, _ in own }
            .merging(stored.connection.fields) { own, _ in own }
        if case .failure(let refused) = try await registrations.provider(of: stored.connection).apply.render(values) {
            throw .invalid("No request could carry this secret: \(refused).", field: "secret")
        }
        let versions: [SecretVersion]
        do { versions = try await store.secretVersions(of: stored.id) } catch { throw .storeUnavailable(error) }
        let fingerprint = try await installation.fingerprint(of: material)
        if let current = versions.first, current.box != nil, current.fingerprint == fingerprint { return true }
        let number = (versions.first?.version ?? 0) + 1
        let box: SealedBox
        do { box = try sealing.seal(material, for: stored.id, version: number) } catch { throw .internalError() }
        try record(
            change.isRotation ? .secretRotate : .secretSet, stored.id, version: number, fingerprint: fingerprint,
            by: caller)
        let version = SecretVersion(
            version: number, box: box, fingerprint: fingerprint, setBy: caller.id.string, createdAt: clock.now)
        do {
            guard try await store.insert(version, of: stored.key) else { return false }
        } catch {
            throw .storeUnavailable(error)
        }
        onChange(stored)
        return true
    }

    // MARK: Verification

    /// One GET with the new secret, before anything changes.
    private func verify(_ secret: SecretValue, at text: String, for stored: StoredConnection) async throws(BrokerError)
    {
        let connection = stored.connection
        let provider = try registrations.provider(of: connection, client: nil)
        let url: EndpointURL
        do { url = try EndpointURL(text) } catch { throw .invalid("verify_url: \(error)", field: "verify_url") }
        guard url.isSecure || allowHTTP else { throw .invalid("verify_url must be https.", field: "verify_url") }
        // The secret goes where it belongs, and nowhere else, whoever asks.
        let hosts = provider.hosts(values: connection.fields)
        guard hosts.contains(where: { url.isCovered(by: $0) }) else {
            throw .invalid(
                hosts.isEmpty
                    ? "This connection names no hosts, so its secret is sent nowhere: verify it yourself."
                    : "verify_url is not at one of this connection's hosts: \(hosts.joined(separator: ", ")).",
                field: "verify_url")
        }
        let request: EndpointRequest
        switch provider.apply.render(try values(of: secret, connection)) {
        case .failure(let refused): throw .invalid("No request could carry this secret: \(refused).", field: "secret")
        case .success(let rendered):
            guard !rendered.headers.isEmpty || !rendered.query.isEmpty else {
                throw .invalid("This provider's secret stands in paths: verify it yourself.", field: "verify_url")
            }
            var fields: HTTPFields = [.accept: "*/*", .acceptEncoding: "identity"]
            for (name, value) in rendered.headers {
                if let name = HTTPField.Name(name) { fields[name] = value }
            }
            do {
                request = EndpointRequest(
                    method: .get, url: try EndpointURL(url.appending(Parameters(rendered.query))), headerFields: fields)
            } catch {
                throw .invalid("verify_url: \(error)", field: "verify_url")
            }
        }
        let response: EndpointResponse
        do { response = try await exchange.send(request, within: .seconds(30)) } catch {
            throw BrokerError(
                .providerUnavailable, "verify_url cannot be asked, so nothing was changed.", actor: .nobody,
                reason: "unreachable", retryAfter: 30)
        }
        switch SecretVerification.judge(status: response.status) {
        case .taken: return
        case .refused(let status):
            throw BrokerError(
                .secretRefused, "The API answers \(status) to the new secret, so nothing was changed.", actor: .caller,
                field: "secret")
        case .unclear(let status):
            throw BrokerError(
                .providerUnavailable,
                "verify_url answers \(status), which says nothing about the secret; nothing was changed.",
                actor: .nobody, reason: "unclear", retryAfter: 30)
        }
    }

    func grant(
        with secret: SecretValue, for stored: StoredConnection, isNew: Bool
    ) throws(BrokerError) -> Grant {
        try ConnectionBounds.check(secret)
        let material: CredentialMaterial
        switch (secret, stored.connection.kind) {
        case (.apiKey(let key), .apiKey): material = .apiKey(key)
        case (.basic(let username, let password), .basic): material = .basic(username: username, password: password)
        case (.fields, .apiKey), (.fields, .basic), (.fields, .secret), (.only, .secret):
            material = .fields(try byName(secret, stored.connection))
        case (_, .secret):
            throw .invalid(
                "This connection takes {\"fields\": {…}}, or {\"secret\": …} if it has one alone.", field: "secret")
        case (_, .none):
            throw .invalid("This provider asks nobody who calls: there is no secret to set.", field: "secret")
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

    /// Each of the profile's secret fields by its name: those that it wants, and no others.
    private func byName(_ secret: SecretValue, _ connection: Connection) throws(BrokerError) -> [String: Secret] {
        let asked = (catalog[connection.provider]?.fields ?? []).filter { $0.secret && $0.of == .connection }
        let names = asked.map(\.name)
        let given: [String: Secret]
        switch secret {
        case .fields(let fields): given = fields
        case .only(let one):
            guard names.count == 1 else {
                throw .invalid(
                    "This provider asks for \(names.count) secrets: give them as fields (\(names.joined(separator: ", "))).",
                    field: "secret")
            }
            given = [names[0]: one]
        case .apiKey(let key) where names == ["api_key"]: given = ["api_key": key]
        default: given = [:]
        }
        if let unknown = given.keys.sorted().first(where: { !names.contains($0) }) {
            throw .invalid(
                "The provider \(connection.provider) has no secret \(unknown); it has \(names.joined(separator: ", ")).",
                field: "secret")
        }
        if let missing = asked.first(where: { $0.required && given[$0.name]?.reveal().isEmpty ?? true }) {
            throw .invalid("The secret \(missing.name) (\(missing.title)) is missing.", field: "secret")
        }
        return given
    }

    /// What no request could carry would replace what works, and be told only to whoever reads it.
    private func checkThatItFits(_ secret: SecretValue, _ connection: Connection) throws(BrokerError) {
        if case .subjectToken = secret { return }
        let provider = try registrations.provider(of: connection, client: nil)
        if case .failure(let refused) = provider.apply.render(try values(of: secret, connection)) {
            throw .invalid("No request could carry this secret: \(refused).", field: "secret")
        }
    }

    /// For the holes of the profile's `apply`.
    private func values(of secret: SecretValue, _ connection: Connection) throws(BrokerError) -> [String: String] {
        let values: [String: String]
        switch secret {
        case .apiKey(let key): values = ["api_key": key.reveal()]
        case .basic(let username, let password): values = ["username": username, "password": password.reveal()]
        case .fields, .only: values = try byName(secret, connection).mapValues { $0.reveal() }
        case .subjectToken: values = [:]
        }
        return values.merging(connection.fields) { own, _ in own }
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
