import Sealing
import Synchronization

/// Who may call: kept in memory, so that a read of a credential asks no store who is asking.
public final class Callers: Sendable {
    private let store: any CallerStore
    private let audit: any AuditSink
    private let clock: any BrokerClock
    private let random: any RandomSource
    private let state = Locked(State())
    /// Of two changes to one caller neither is lost: a key that was ended stays ended.
    private let changes = Turnstile()

    private struct State {
        var keys: [String: (caller: Caller, key: CallerKey)] = [:]
        /// Reloads are numbered as they begin; one that is overtaken by a later one knows too little.
        var begun = 0
        var loaded = 0
    }

    init(store: any CallerStore, audit: any AuditSink, clock: any BrokerClock, random: any RandomSource) {
        self.store = store
        self.audit = audit
        self.clock = clock
        self.random = random
    }

    /// Reads all callers again: at the start, and after each change.
    public func reload() async throws(StoreFailure) {
        let number = state.withLock { state in
            state.begun += 1
            return state.begun
        }
        var found: [String: (caller: Caller, key: CallerKey)] = [:]
        for caller in try await store.callers() where caller.revokedAt == nil {
            for key in caller.keys { found[key.id] = (caller, key) }
        }
        state.withLock { [found] state in
            guard number > state.loaded else { return }
            state.loaded = number
            state.keys = found
        }
    }

    /// The caller whose key this is. Compared by hash in constant time (security case I4).
    public func authenticate(_ key: some Collection<UInt8>) -> Caller? {
        guard let id = CallerKeyText.keyID(key), let known = state.withLock({ $0.keys[id] }),
            constantTimeEqual(sha256(Array(key)), known.key.sha256)
        else { return nil }
        if let expiry = known.key.expiresAt, expiry <= clock.now { return nil }
        return known.caller
    }

    public func all() async throws(BrokerError) -> [Caller] {
        do { return try await store.callers() } catch { throw .storeUnavailable(error) }
    }

    /// Adds a caller and returns its key: the only time it is ever seen.
    public func add(
        _ id: CallerID?, role: Caller.Role, connections: Set<ConnectionID>, labels: [String: String], by caller: Caller
    ) async throws(BrokerError) -> (caller: Caller, key: String) {
        try ConnectionBounds.check(labels: labels)
        let id = id ?? .random(from: random)
        let now = clock.now
        let (keyID, key) = CallerKeyText.make(role: role, from: random)
        let added = Caller(
            id: id, role: role, connections: connections, labels: labels,
            keys: [CallerKey(id: keyID, sha256: sha256(Array(key.utf8)), createdAt: now)], createdAt: now)
        try record(.callerCreate, id, by: caller)
        do {
            guard try await store.insert(added) else {
                throw BrokerError.conflict("There is a caller \(id) already.", field: "id")
            }
            try await reload()
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
        return (added, key)
    }

    /// Gives the caller a new key; the old ones live on for `grace`, so that nobody is cut off.
    public func rotate(_ id: CallerID, grace: Duration, by caller: Caller) async throws(BrokerError) -> String {
        try await changes.run { () async throws(BrokerError) in
            try await self.rotateNow(id, grace: grace, by: caller)
        }
    }

    private func rotateNow(_ id: CallerID, grace: Duration, by caller: Caller) async throws(BrokerError) -> String {
        var changed = try await find(id)
        let now = clock.now
        let (keyID, key) = CallerKeyText.make(role: changed.role, from: random)
        changed.keys = changed.keys.filter { ($0.expiresAt ?? .init(milliseconds: .max)) > now }.map { old in
            var old = old
            old.expiresAt = min(old.expiresAt ?? now + grace, now + grace)
            return old
        }
        changed.keys.append(CallerKey(id: keyID, sha256: sha256(Array(key.utf8)), createdAt: now))
        try record(.callerRotate, id, by: caller)
        try await write(changed)
        return key
    }

    /// Ends all of the caller's keys at once (security case I6).
    public func revoke(_ id: CallerID, by caller: Caller) async throws(BrokerError) {
        try await changes.run { () async throws(BrokerError) in try await self.revokeNow(id, by: caller) }
    }

    private func revokeNow(_ id: CallerID, by caller: Caller) async throws(BrokerError) {
        var changed = try await find(id)
        changed.revokedAt = clock.now
        changed.keys = []
        try record(.callerRevoke, id, by: caller)
        try await write(changed)
    }

    private func find(_ id: CallerID) async throws(BrokerError) -> Caller {
        guard let caller = try await all().first(where: { $0.id == id && $0.revokedAt == nil }) else {
            throw .notFound("caller")
        }
        return caller
    }

    private func write(_ caller: Caller) async throws(BrokerError) {
        do {
            guard try await store.update(caller) else { throw BrokerError.notFound("caller") }
            if caller.revokedAt != nil {
                // At once, and whether or not the reload can read the store.
                state.withLock { $0.keys = $0.keys.filter { $0.value.caller.id != caller.id } }
            }
            try await reload()
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
    }

    private func record(_ action: AuditEvent.Action, _ id: CallerID, by caller: Caller) throws(BrokerError) {
        do {
            try audit.record(
                AuditEvent(at: clock.now, action: action, caller: caller.id.string, subject: id.string))
        } catch {
            throw .auditUnavailable
        }
    }
}
