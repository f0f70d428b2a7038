import Logging
import OAuth
import ProviderProfiles
import Sealing

/// What apps and administrators do to connections. Credentials are elsewhere: nothing here hands one out.
public struct Connections: Sendable {
    let store: any ConnectionStore & SecretStore
    let installation: InstallationKey
    let exchange: any HTTPExchange
    let allowHTTP: Bool
    let clients: any ClientStore
    let catalog: ProviderCatalog
    let registrations: Registrations
    let consent: Consent
    let revoker: Revoker
    let resources: ResourceDiscovery
    let refresher: Refresher
    let sealing: GrantSealing
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let logger: Logger
    let onChange: @Sendable (StoredConnection) -> Void
    let onDelete: @Sendable (ConnectionID) -> Void

    // MARK: Looking

    public func connection(_ id: ConnectionID, for caller: Caller) async throws(BrokerError) -> StoredConnection {
        let found: StoredConnection?
        do { found = try await store.connection(id) } catch { throw .storeUnavailable(error) }
        guard let found, caller.maySee(id, labels: found.connection.labels) else { throw .noSuchConnection }
        return found
    }

    /// A page of the connections that the caller may see.
    /// - Parameter after: the last ID of the page before.
    public func list(
        _ filter: ConnectionFilter, after: ConnectionID?, limit: Int, for caller: Caller
    ) async throws(BrokerError) -> (page: [StoredConnection], next: ConnectionID?) {
        var page: [StoredConnection] = []
        var cursor = after
        do {
            // One more than asked for tells whether there is a next page. Ten rounds bound what a narrow caller costs.
            for _ in 0..<10 {
                let batch = try await store.connections(matching: filter, after: cursor, limit: limit + 1)
                for stored in batch where caller.maySee(stored.id, labels: stored.connection.labels) {
                    if page.count == limit { return (page, page.last?.id) }
                    page.append(stored)
                }
                cursor = batch.last?.id
                if batch.count <= limit { return (page, nil) }
            }
        } catch {
            throw .storeUnavailable(error)
        }
        return (page, cursor)
    }

    // MARK: Making

    public func create(
        _ request: ConnectionRequest, by caller: Caller
    ) async throws(BrokerError) -> (connection: StoredConnection, consent: Consent.Link?) {
        var request = request
        request.id = request.id ?? .random(from: random)
        try await check(request, by: caller)
        if request.client == nil, request.provider == nil, let resource = request.resources.first {
            guard request.resources.count == 1 else {
                throw .invalid(
                    "One resource finds its authorization server; with several, say which client.", field: "resource")
            }
            let found = try await resources.registration(for: resource, by: caller)
            request.client = found.client.id
            request.resources = [found.resource]
            if request.scopes.isEmpty {
                // A stranger's words, until they are looked at.
                try ConnectionBounds.check(scopes: found.scopes)
                request.scopes = found.scopes
            }
        }
        let (profile, client) = try await resolve(request)
        let now = clock.now
        let connection = Connection(
            id: request.id ?? .random(from: random), provider: profile.name, client: client?.id, kind: profile.kind,
            grantType: try grantType(request, profile, client), owner: request.owner, labels: request.labels,
            scopes: request.scopes, resources: request.resources, fields: request.fields, createdAt: now,
            updatedAt: now)
        do {
            _ = try registrations.provider(of: connection, client: client)
        } catch {
            throw .invalid(error.detail, field: "fields")
        }
        var stored = StoredConnection(connection: connection)
        if let secret = request.secret {
            stored.grant = try grant(with: secret, for: stored, isNew: true)
        } else if profile.kind == .none {
            // Nothing to set: it is ready as it is, for its host and its routes.
            do {
                let nothing = try sealing.seal(.fields([:]), for: connection.id, version: 1)
                stored.grant = Grant(version: 1, credential: nothing, issuedAt: now)
            } catch {
                throw .internalError()
            }
        }
        var history: [SecretVersion] = []
        if request.secret != nil, connection.kind != .oauth2 {
            history = [try await version(of: stored.grant, for: stored, by: caller)]
        }
        try record(.connectionCreate, connection.id, by: caller)
        do {
            guard try await store.insert(stored, history: history) else {
                throw Self.idIsTaken
            }
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
        guard profile.kind == .oauth2 else { return (stored, nil) }
        guard connection.grantType == .authorizationCode || connection.grantType == .deviceCode else {
            return (try await issued(stored), nil)
        }
        do {
            let link = try await consent.link(
                to: stored, returnTo: request.returnTo, wishes: request.wishes, requestedBy: caller)
            return (stored, link)
        } catch {
            // All or nothing: a creator who gets an error has made nothing.
            do { _ = try await store.delete(connection.id, owing: { _ in nil }) } catch {
                logger.error("A half-made connection stays", metadata: ["connection": "\(connection.id)"])
            }
            throw error
        }
    }

    /// What can be told of a request by itself: before a resource is asked, and a client registered for it.
    private func check(_ request: ConnectionRequest, by caller: Caller) async throws(BrokerError) {
        try ConnectionBounds.check(owner: request.owner)
        try ConnectionBounds.check(labels: request.labels)
        try ConnectionBounds.check(scopes: request.scopes)
        try ConnectionBounds.check(resources: request.resources)
        try ConnectionBounds.check(request.wishes)
        guard let id = request.id else { return }
        guard caller.maySee(id, labels: request.labels) else {
            throw BrokerError(
                .forbidden, "This caller may only make connections that its own rules let it see.", actor: .caller)
        }
        let taken: StoredConnection?
        do { taken = try await store.connection(id) } catch { throw .storeUnavailable(error) }
        if taken != nil { throw Self.idIsTaken }
    }

    private static let idIsTaken = BrokerError.conflict("There is a connection of this ID already.", field: "id")

    /// What was asked for, else what the client was registered for, else what the profile offers.
    private func grantType(
        _ request: ConnectionRequest, _ profile: ProviderProfile, _ client: RegisteredClient?
    ) throws(BrokerError) -> GrantType {
        guard profile.kind == .oauth2 else {
            if request.grantType != nil { throw .invalid("This provider knows no grants.", field: "grant") }
            return .authorizationCode
        }
        let offered = (profile.grantTypesSupported ?? []).compactMap { GrantType(rawValue: $0) }
            .filter { $0 != .refreshToken }
        let chosen =
            request.grantType ?? client?.grantTypes.first
            ?? (offered.contains(.authorizationCode) ? .authorizationCode : offered.first) ?? .authorizationCode
        if let registered = client?.grantTypes, !registered.isEmpty, !registered.contains(chosen) {
            throw .invalid(
                "The client is registered for \(registered.map(\.rawValue).joined(separator: ", ")) alone.",
                field: "grant")
        }
        if chosen == .refreshToken {
            throw .invalid("A connection does not begin with a refresh token.", field: "grant")
        }
        if case .subjectToken? = request.secret, chosen != .tokenExchange {
            throw .invalid("A subject token is for the grant token-exchange.", field: "secret")
        }
        return chosen
    }

    private func resolve(_ request: ConnectionRequest) async throws(BrokerError) -> (ProviderProfile, RegisteredClient?)
    {
        var client: RegisteredClient?
        if let id = request.client {
            do { client = try await clients.client(id) } catch { throw .storeUnavailable(error) }
            guard client != nil else {
                throw .invalid("There is no client \(id). See: credence clients list", field: "client")
            }
        }
        guard let name = request.provider ?? client?.provider else {
            throw .invalid("Say which client, or which provider.", field: "provider")
        }
        guard let profile = catalog[name] else {
            throw .invalid("There is no provider \(name). See: credence providers list", field: "provider")
        }
        if let client, client.provider != name {
            throw .invalid(
                "The client \(client.id) is registered at \(client.provider), not at \(name).", field: "client")
        }
        if profile.kind == .oauth2 {
            switch request.secret {
            case nil, .subjectToken?: break
            default:
                throw .invalid(
                    "A connection of this provider gets its credential by consent, not by hand.", field: "secret")
            }
            if client == nil { client = try await onlyClient(of: name) }
        } else if client != nil {
            throw .invalid("The provider \(name) needs no client.", field: "client")
        }
        return (profile, client)
    }

    private func onlyClient(of provider: String) async throws(BrokerError) -> RegisteredClient {
        let candidates: [RegisteredClient]
        do { candidates = try await clients.clients().filter { $0.provider == provider } } catch {
            throw .storeUnavailable(error)
        }
        guard let only = candidates.first else {
            throw .invalid(
                "No client is registered at \(provider). An administrator adds one: credence clients add",
                field: "client")
        }
        guard candidates.count == 1 else {
            throw .invalid("Several clients are registered at \(provider): say which.", field: "client")
        }
        return only
    }

    // MARK: Changing

    public func edit(_ id: ConnectionID, _ edit: ConnectionEdit, by caller: Caller) async throws(BrokerError)
        -> StoredConnection
    {
        if case .some(let owner) = edit.owner { try ConnectionBounds.check(owner: owner) }
        if let labels = edit.labels { try ConnectionBounds.check(labels: labels) }
        if let scopes = edit.scopes { try ConnectionBounds.check(scopes: scopes) }
        return try await update(id, .connectionUpdate, by: caller) { connection throws(BrokerError) in
            if case .some(let owner) = edit.owner { connection.owner = owner }
            if let labels = edit.labels { connection.labels = labels }
            if let scopes = edit.scopes { connection.scopes = scopes }
            guard caller.maySee(connection.id, labels: connection.labels) else {
                throw BrokerError(
                    .forbidden, "This edit would take the connection out of this caller's own sight.", actor: .caller)
            }
        }
    }

    public func setDisabled(_ disabled: Bool, _ id: ConnectionID, by caller: Caller) async throws(BrokerError)
        -> StoredConnection
    {
        try await update(id, disabled ? .connectionDisable : .connectionEnable, by: caller) { $0.isDisabled = disabled }
    }

    private func update(
        _ id: ConnectionID, _ action: AuditEvent.Action, by caller: Caller,
        _ change: (inout Connection) throws(BrokerError) -> Void
    ) async throws(BrokerError) -> StoredConnection {
        for _ in 0..<5 {
            var stored = try await connection(id, for: caller)
            try change(&stored.connection)
            stored.connection.updatedAt = clock.now
            try record(action, id, by: caller)
            let written: Bool
            do { written = try await store.update(stored.connection) } catch { throw .storeUnavailable(error) }
            if written {
                // First of all: what is in memory is old now, whatever the next read says.
                onDelete(id)
                let now = try await connection(id, for: caller)
                onChange(now)
                return now
            }
        }
        throw .conflict("The connection is being edited by others; try again.")
    }

    // MARK: Consent

    public func requestConsent(
        _ id: ConnectionID, returnTo: String?, wishes: ConsentWishes, by caller: Caller
    ) async throws(BrokerError) -> Consent.Link {
        try ConnectionBounds.check(wishes)
        let stored = try await connection(id, for: caller)
        let link = try await consent.link(to: stored, returnTo: returnTo, wishes: wishes, requestedBy: caller)
        try record(.consentRequest, id, by: caller)
        return link
    }

    // MARK: Ending

    /// Removes the connection at once; what the provider issued is revoked there where it can be (RFC 7009).
    @discardableResult
    public func delete(_ id: ConnectionID, by caller: Caller) async throws(BrokerError) -> RevocationOutcome {
        let stored = try await connection(id, for: caller)
        try record(.connectionDelete, id, version: stored.grant.version, by: caller)
        let deleted: StoredConnection?
        let debtID = random.bytes(16).hexadecimal
        do {
            deleted = try await store.delete(id) { [revoker] last in revoker.debt(of: last, id: debtID) }
        } catch { throw .storeUnavailable(error) }
        onDelete(id)
        guard let deleted else { throw .noSuchConnection }
        guard let debt = revoker.debt(of: deleted, id: debtID) else { return .nothingToTell }
        return await revoker.pay(debt)
    }

    func record(
        _ action: AuditEvent.Action, _ id: ConnectionID, version: Int? = nil, fingerprint: String? = nil,
        by caller: Caller
    ) throws(BrokerError) {
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: action, caller: caller.id.string, connection: id.string, version: version,
                    fingerprint: fingerprint))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
            throw .auditUnavailable
        }
    }
}
