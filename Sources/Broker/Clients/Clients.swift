import OAuth
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

    /// Where an administrator of the provider's side consents for everybody; nil where there is no such page.
    public func adminConsentURL(of client: RegisteredClient, redirectURI: String) -> String? {
        catalog[client.provider]?.adminConsentURL(
            fields: client.fields, clientID: client.clientID, redirectURI: redirectURI, allowHTTP: allowHTTP)
    }

    public func add(_ request: ClientRequest, by caller: Caller) async throws(BrokerError) -> RegisteredClient {
        let id = request.id ?? .random(from: random)
        guard let profile = catalog[request.provider] else {
            throw .invalid("There is no provider \(request.provider). See: credence providers list", field: "provider")
        }
        guard profile.kind == .oauth2 else {
            throw .invalid("The provider \(profile.name) takes a key or Basic: it needs no client.", field: "provider")
        }
        try request.check()
        // A connection may still fill in its own fields; what the client says must fit by itself.
        if case .failure(let problems) = profile.checkClientFields(request.fields, allowHTTP: allowHTTP) {
            throw .invalid("\(problems)", field: "fields")
        }
        let now = clock.now
        var client = RegisteredClient(
            id: id, provider: profile.name, clientID: request.clientID,
            authenticationMethod: request.authenticationMethod, fields: request.fields, scopes: request.scopes,
            grantTypes: request.grantTypes, isDPoPBound: request.isDPoPBound,
            signingAlgorithm: request.signingAlgorithm, createdAt: now, updatedAt: now)
        if let secret = request.secret { client.secrets = [try seal(secret, for: client, number: 1)] }
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
            throw .conflict(
                count == 1
                    ? "A connection still uses this client: remove it first."
                    : "\(count) connections still use this client: remove them first.")
        case .owing(let count):
            throw .conflict(
                "Tokens of removed connections (\(count)) are still being revoked with this client: try again in a while."
            )
        }
    }

    /// The new secret comes first; the others stay until they are removed, so that both work while one is rotated.
    /// - Parameters:
    ///   - isStandby: it comes last in place of first: to be verified, and preferred then.
    ///   - expiresAt: when it ends by what the provider said; a certificate says so itself.
    public func addSecret(
        _ secret: ClientSecretValue, to id: ClientID, isStandby: Bool = false, expiresAt: Timestamp? = nil,
        by caller: Caller
    ) async throws(BrokerError) -> ClientSecret {
        if let expiresAt, expiresAt <= clock.now {
            throw .invalid("expires_at is over already.", field: "expires_at")
        }
        for _ in 0..<5 {
            var client = try await client(id)
            guard client.secrets.count < 10 else {
                throw .conflict("This client has ten secrets: remove one first.")
            }
            // The revision counts on when a secret is removed, so no number comes twice: a box that was removed never
            // opens in a later one's place.
            let number = client.revision + 1
            let sealed = try seal(secret, for: client, number: number)
            let added = ClientSecret(
                number: number, kind: sealed.kind, box: sealed.box, keyID: sealed.keyID,
                expiresAt: [sealed.expiresAt, expiresAt].compactMap(\.self).min(), createdAt: sealed.createdAt)
            client.secrets.insert(added, at: isStandby ? client.secrets.count : 0)
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

    /// This secret goes first from now on; the others stay behind it.
    public func preferSecret(_ number: Int, of id: ClientID, by caller: Caller) async throws(BrokerError) {
        for _ in 0..<5 {
            var client = try await client(id)
            guard let place = client.secrets.firstIndex(where: { $0.number == number }) else {
                throw .notFound("client secret")
            }
            client.secrets.insert(client.secrets.remove(at: place), at: 0)
            try record(.clientSecretPrefer, id, by: caller)
            if try await update(client) { return await onMended(id) }
        }
        throw .conflict("The client is being edited by others; try again.")
    }

    private func update(_ client: RegisteredClient) async throws(BrokerError) -> Bool {
        var client = client
        client.updatedAt = clock.now
        do { return try await store.update(client) } catch { throw .storeUnavailable(error) }
    }

    private func seal(
        _ value: ClientSecretValue, for client: RegisteredClient, number: Int
    ) throws(BrokerError) -> ClientSecret {
        let opened = try value.opened(signingAlgorithm: client.signingAlgorithm)
        do {
            switch opened {
            case .secret(let secret):
                return ClientSecret(
                    number: number, box: try sealing.seal(clientSecret: secret, of: client.id, number: number),
                    createdAt: clock.now)
            case .assertionFile(let path):
                return ClientSecret(
                    number: number, kind: .assertionFile,
                    box: try sealing.seal(clientSecret: Secret(path), of: client.id, number: number),
                    createdAt: clock.now)
            case .key(let key, let notAfter):
                // RFC 8705 §2: the method is a certificate; a key alone would fail at the first request.
                if key.certificates.isEmpty,
                    ["tls_client_auth", "self_signed_tls_client_auth"].contains(client.authenticationMethod)
                {
                    throw BrokerError.invalid(
                        "\(client.authenticationMethod ?? "") presents a certificate: put it into the key's file, or beside it (certificates).",
                        field: "key")
                }
                return ClientSecret(
                    number: number, kind: .key,
                    box: try sealing.seal(clientKey: key, of: client.id, number: number), keyID: key.keyID,
                    expiresAt: notAfter.map { Timestamp(seconds: Int64($0)) }, createdAt: clock.now)
            }
        } catch let error as BrokerError {
            throw error
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
