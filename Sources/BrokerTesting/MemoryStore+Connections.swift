public import Broker

extension MemoryStore {
    public func connection(_ id: ConnectionID) async throws(StoreFailure) -> StoredConnection? {
        try perform(.connection) { $0.connections[id] }
    }

    public func connections(
        matching filter: ConnectionFilter, after: ConnectionID?, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        try perform(.connections) { state in
            let found = state.connections.values.filter { stored in
                if let after, stored.id <= after { return false }
                return filter.matches(stored)
            }
            return Array(found.sorted { $0.id < $1.id }.prefix(max(0, limit)))
        }
    }

    public func insert(
        _ connection: StoredConnection, history: [SecretVersion]
    ) async throws(StoreFailure) -> Bool {
        try perform(.insertConnection) { state in
            guard state.connections[connection.id] == nil else { return false }
            state.connections[connection.id] = connection
            state.write(history, of: connection.id)
            state.announce(connection.id)
            return true
        }
    }

    public func update(_ connection: Connection) async throws(StoreFailure) -> Bool {
        try perform(.updateConnection) { state in
            guard var stored = state.connections[connection.id],
                stored.connection.revision == connection.revision
            else { return false }
            stored.connection.owner = connection.owner
            stored.connection.labels = connection.labels
            stored.connection.scopes = connection.scopes
            stored.connection.fields = connection.fields
            stored.connection.isDisabled = connection.isDisabled
            stored.connection.updatedAt = connection.updatedAt
            stored.connection.revision += 1
            state.connections[connection.id] = stored
            state.announce(connection.id)
            return true
        }
    }

    public func delete(
        _ id: ConnectionID, owing: @escaping @Sendable (StoredConnection) -> OwedRevocation?
    ) async throws(StoreFailure) -> StoredConnection? {
        try perform(.deleteConnection) { state in
            guard let stored = state.connections.removeValue(forKey: id) else { return nil }
            state.told[id] = nil
            state.secretVersions[id] = nil
            state.tickets = state.tickets.filter { $0.value.connection != id }
            state.pending = state.pending.filter { $0.value.connection != id }
            state.held = state.held.filter { $0.value.connection != id }
            state.devices[id] = nil
            if let owed = owing(stored) { state.revocations[owed.id] = owed }
            state.announce(id)
            return stored
        }
    }

    // MARK: Refresh

    public func claim(
        _ key: ConnectionKey, version: Int, attempt: String, owner: String, until lease: Timestamp, now: Timestamp
    ) async throws(StoreFailure) -> ClaimResult {
        try perform(.claim) { state in
            guard var stored = state.connections[key.id], stored.key == key else { return .gone }
            if stored.grant.version != version { return .lost(stored) }
            if let other = stored.grant.attempt, other.id != attempt, other.leaseUntil > now { return .lost(stored) }
            stored.grant.fence += 1
            stored.grant.attempt = RefreshAttempt(
                id: attempt, fence: stored.grant.fence, owner: owner, leaseUntil: lease)
            state.connections[key.id] = stored
            return .claimed(stored)
        }
    }

    public func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant, history: [SecretVersion], at now: Timestamp
    ) async throws(StoreFailure) -> CommitResult {
        try perform(.commit) { state in
            guard var stored = state.connections[key.id], stored.key == key else { return .gone }
            guard stored.grant.version == version else { return .superseded(stored) }
            let old = stored
            let fence = stored.grant.fence
            stored.grant = grant
            stored.grant.fence = fence
            stored.grant.attempt = nil
            state.connections[key.id] = stored
            state.write(history, of: key.id)
            state.announce(key.id, version: grant.version)
            if let event = ConnectionEvent.between(old, stored, at: now) { state.tell(event) }
            return .committed(stored)
        }
    }

    public func abandon(
        _ key: ConnectionKey, version: Int, attempt: String, note: AbandonNote, at now: Timestamp
    ) async throws(StoreFailure) -> Bool {
        try perform(.abandon) { state in
            guard var stored = state.connections[key.id], stored.key == key, stored.grant.version == version,
                stored.grant.attempt?.id == attempt
            else { return false }
            let old = stored
            stored.grant.attempt = nil
            stored.grant.reauthorization = note.reauthorization
            stored.grant.failure = note.failure
            stored.grant.refreshAt = note.refreshAt
            state.connections[key.id] = stored
            state.announce(key.id)
            if let event = ConnectionEvent.between(old, stored, at: now) { state.tell(event) }
            return true
        }
    }

    public func endLeases(at now: Timestamp) async throws(StoreFailure) {
        try perform(.endLeases) { state in
            for (id, stored) in state.connections where stored.grant.attempt != nil {
                state.connections[id]?.grant.attempt?.leaseUntil = now
                if stored.grant.reauthorization == nil {
                    state.connections[id]?.grant.refreshAt = min(stored.grant.refreshAt ?? now, now)
                } else {
                    state.connections[id]?.grant.refreshAt = nil
                }
            }
        }
    }

    public func providersInUse() async throws(StoreFailure) -> [String] {
        try perform(.providersInUse) { state in
            let all = state.connections.values.map(\.connection.provider) + state.clients.values.map(\.provider)
            return Set(all).sorted()
        }
    }

    public func due(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [ConnectionID] {
        try perform(.due) { state in
            let found = state.connections.values.compactMap { stored -> (at: Timestamp, id: ConnectionID)? in
                guard let refreshAt = stored.grant.refreshAt, refreshAt <= now, !stored.connection.isDisabled,
                    stored.reauthorization(at: now) == nil
                else { return nil }
                if let attempt = stored.grant.attempt, attempt.leaseUntil > now { return nil }
                return (refreshAt, stored.id)
            }
            return found.sorted { $0 < $1 }.prefix(max(0, limit)).map(\.id)
        }
    }
}
