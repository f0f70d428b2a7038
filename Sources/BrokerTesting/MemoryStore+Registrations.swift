public import Broker

// ConsentStore, ClientStore, CallerStore.
extension MemoryStore {
    public func insert(_ ticket: ConsentTicket) async throws(StoreFailure) {
        try perform(.insertTicket) { state in
            guard state.connections[ticket.connection] != nil else { return }
            state.tickets[ticket.hash] = ticket
        }
    }

    public func ticket(_ hash: [UInt8]) async throws(StoreFailure) -> ConsentTicket? {
        try perform(.ticket) { $0.tickets[hash] }
    }

    public func deleteTicket(_ hash: [UInt8]) async throws(StoreFailure) {
        try perform(.deleteTicket) { $0.tickets[hash] = nil }
    }

    public func insert(_ pending: PendingAuthorization) async throws(StoreFailure) {
        try perform(.insertPending) { state in
            guard state.connections[pending.connection] != nil else { return }
            state.pending[pending.stateHash] = pending
        }
    }

    public func takePending(_ stateHash: [UInt8]) async throws(StoreFailure) -> PendingAuthorization? {
        try perform(.takePending) { $0.pending.removeValue(forKey: stateHash) }
    }

    public func purgeConsents(before moment: Timestamp) async throws(StoreFailure) -> Int {
        try perform(.purgeConsents) { state in
            let before = state.consents
            state.tickets = state.tickets.filter { $0.value.expiresAt >= moment }
            state.pending = state.pending.filter { $0.value.expiresAt >= moment }
            state.held = state.held.filter { $0.value.expiresAt >= moment }
            state.devices = state.devices.filter { $0.value.expiresAt >= moment }
            return before - state.consents
        }
    }

    public func insert(_ held: HeldGrant) async throws(StoreFailure) {
        try perform(.insertHeld) { state in
            guard state.connections[held.connection] != nil else { return }
            state.held[held.hash] = held
        }
    }

    public func takeHeld(_ hash: [UInt8]) async throws(StoreFailure) -> HeldGrant? {
        try perform(.takeHeld) { $0.held.removeValue(forKey: hash) }
    }

    // MARK: Clients

    public func client(_ id: ClientID) async throws(StoreFailure) -> RegisteredClient? {
        try perform(.client) { $0.clients[id] }
    }

    public func clients() async throws(StoreFailure) -> [RegisteredClient] {
        try perform(.clients) { $0.clients.values.sorted { $0.id < $1.id } }
    }

    public func insert(_ client: RegisteredClient) async throws(StoreFailure) -> Bool {
        try perform(.insertClient) { state in
            guard state.clients[client.id] == nil else { return false }
            state.clients[client.id] = client
            return true
        }
    }

    public func update(_ client: RegisteredClient) async throws(StoreFailure) -> Bool {
        try perform(.updateClient) { state in
            guard var stored = state.clients[client.id], stored.revision == client.revision else { return false }
            stored.clientID = client.clientID
            stored.authenticationMethod = client.authenticationMethod
            stored.fields = client.fields
            stored.scopes = client.scopes
            stored.grantTypes = client.grantTypes
            stored.isDPoPBound = client.isDPoPBound
            stored.signingAlgorithm = client.signingAlgorithm
            stored.secrets = client.secrets
            stored.updatedAt = client.updatedAt
            stored.revision += 1
            state.clients[client.id] = stored
            return true
        }
    }

    public func deleteClient(_ id: ClientID) async throws(StoreFailure) -> DeleteClientResult {
        try perform(.deleteClient) { state in
            let users = state.connections.values.count { $0.connection.client == id }
            if users > 0 { return .inUse(users) }
            let owed = state.revocations.values.count { $0.client == id }
            if owed > 0 { return .owing(owed) }
            return state.clients.removeValue(forKey: id) == nil ? .notFound : .deleted
        }
    }

    // MARK: Callers

    public func callers() async throws(StoreFailure) -> [Caller] {
        try perform(.callers) { $0.callers.values.sorted { $0.id < $1.id } }
    }

    public func insert(_ caller: Caller) async throws(StoreFailure) -> Bool {
        try perform(.insertCaller) { state in
            guard state.callers[caller.id] == nil else { return false }
            state.callers[caller.id] = caller
            return true
        }
    }

    public func update(_ caller: Caller) async throws(StoreFailure) -> Bool {
        try perform(.updateCaller) { state in
            guard var stored = state.callers[caller.id], stored.revokedAt == nil else { return false }
            stored.keys = caller.keys
            stored.revokedAt = caller.revokedAt
            state.callers[caller.id] = stored
            return true
        }
    }
}

extension MemoryStore.State {
    fileprivate var consents: Int { tickets.count + pending.count + held.count + devices.count }
}
