public import OAuth
import ProviderProfiles
import Sealing

/// Our registrations at providers: added, shown and removed by administrators.
public struct Clients: Sendable {
    let store: any ClientStore
    let catalog: ProviderCatalog
    let sealing: GrantSealing
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let allowHTTP: Bool
    /// Told of a client whose registration was mended.
    let onMended: @Sendable (ClientID) async -> Void

    public func all() async throws(BrokerError) -> [RegisteredClient] {
        do { return try await store.clients() } catch { throw .storeUnavailable(error) }
    }

    public func client(_ id: ClientID) async throws(BrokerError) -> RegisteredClient {
        let found: RegisteredClient?
        do { found = try await store.client(id) } catch { throw .storeUnavailable(error) }
        guard let found else { throw .notFound("client") }
        return found
    }

    public func add(
        _ id: ClientID?, provider: String, clientID: String, authenticationMethod: String?, fields: [String: String],
        scopes: [String], secret: Secret?, by caller: Caller
    ) async throws(BrokerError) -> RegisteredClient {
        let id = id ?? .random(from: random)
        guard let profile = catalog[provider] else {
            throw .invalid("There is no provider \(provider). See: credence providers list", field: "provider")
        }
        guard profile.kind == .oauth2 else {
            throw .invalid("The provider \(provider) takes a key or Basic: it needs no client.", field: "provider")
        }
        guard !clientID.isEmpty, clientID.utf8.count <= 1024, clientID.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw .invalid(
                "client_id is visible text of 1 to 1024 characters (RFC 6749 appendix A.1).", field: "client_id")
        }
        if let authenticationMethod, !Self.spokenMethods.contains(authenticationMethod) {
            throw .invalid(
                "auth is one of \(Self.spokenMethods.joined(separator: ", ")).", field: "auth")
        }
        try ConnectionBounds.check(scopes: scopes)
        // A connection may still fill in its own fields; what the client says must fit by itself.
        if case .failure(let problems) = profile.checkClientFields(fields, allowHTTP: allowHTTP) {
            throw .invalid("\(problems)", field: "fields")
        }
        let now = clock.now
        var client = RegisteredClient(
            id: id, provider: provider, clientID: clientID, authenticationMethod: authenticationMethod,
            fields: fields, scopes: scopes, createdAt: now, updatedAt: now)
        if let secret { client.secrets = [try seal(secret, for: id, number: 1)] }
        try record(.clientCreate, id, by: caller)
        do {
            guard try await store.insert(client) else {
                throw BrokerError.conflict("There is a client \(id) already.", field: "id")
            }
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
        return client
    }

    public func remove(_ id: ClientID, by caller: Caller) async throws(BrokerError) {
        try record(.clientDelete, id, by: caller)
        let result: DeleteClientResult
        do { result = try await store.deleteClient(id) } catch { throw .storeUnavailable(error) }
        switch result {
        case .deleted: return
        case .notFound: throw .notFound("client")
        case .inUse(let count):
            throw .conflict("\(count) connections still use this client: remove them first.")
        }
    }

    /// The new secret comes first; the others stay until they are removed, so that both work while one is rotated.
    public func addSecret(_ secret: Secret, to id: ClientID, by caller: Caller) async throws(BrokerError)
        -> ClientSecret
    {
        for _ in 0..<5 {
            var client = try await client(id)
            guard client.secrets.count < 10 else {
                throw .conflict("This client has ten secrets: remove one first.")
            }
            // The revision counts on when a secret is removed, so no number comes twice: a box that was removed never
            // opens in a later one's place.
            let number = client.revision + 1
            let added = try seal(secret, for: id, number: number)
            client.secrets.insert(added, at: 0)
            try record(.clientSecretAdd, id, by: caller)
            if try await update(client) {
                await onMended(id)
                return added
            }
        }
        throw .conflict("The client is being edited by others; try again.")
    }

    public func removeSecret(_ number: Int, from id: ClientID, by caller: Caller) async throws(BrokerError) {
        for _ in 0..<5 {
            var client = try await client(id)
            guard client.secrets.contains(where: { $0.number == number }) else { throw .notFound("client secret") }
            client.secrets.removeAll { $0.number == number }
            try record(.clientSecretRemove, id, by: caller)
            if try await update(client) { return }
        }
        throw .conflict("The client is being edited by others; try again.")
    }

    public static let spokenMethods = ["client_secret_basic", "client_secret_post", "none"]

    private func update(_ client: RegisteredClient) async throws(BrokerError) -> Bool {
        var client = client
        client.updatedAt = clock.now
        do { return try await store.update(client) } catch { throw .storeUnavailable(error) }
    }

    private func seal(_ secret: Secret, for id: ClientID, number: Int) throws(BrokerError) -> ClientSecret {
        // RFC 6749 appendix A.2: visible characters and space.
        let text = secret.reveal()
        guard !text.isEmpty, text.utf8.count <= 4096,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            throw .invalid("A client secret is text of 1 to 4096 bytes without control characters.", field: "secret")
        }
        do {
            return ClientSecret(
                number: number, box: try sealing.seal(clientSecret: secret, of: id, number: number),
                createdAt: clock.now)
        } catch {
            throw .internalError()
        }
    }

    private func record(_ action: AuditEvent.Action, _ id: ClientID, by caller: Caller) throws(BrokerError) {
        do {
            try audit.record(
                AuditEvent(at: clock.now, action: action, caller: caller.id.string, subject: id.string))
        } catch {
            throw .auditUnavailable
        }
    }
}
