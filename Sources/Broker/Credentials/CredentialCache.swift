import Synchronization

/// Credentials ready to hand out, still sealed: a read opens one box, compares two moments and writes one audit line.
public final class CredentialCache: Sendable {
    private let entries = Mutex<[ConnectionID: CachedCredential]>([:])
    private let capacity: Int

    init(capacity: Int = 50_000) {
        self.capacity = capacity
    }

    public subscript(id: ConnectionID) -> CachedCredential? {
        entries.withLock { $0[id] }
    }

    /// Keeps the credential unless a newer one is there.
    func insert(_ entry: CachedCredential) {
        entries.withLock { entries in
            if let known = entries[entry.connection], known.version > entry.version { return }
            if entries.count >= capacity, entries[entry.connection] == nil {
                // Which ones go is of no matter: they come back from the store at their next read.
                for id in entries.keys.prefix(max(1, capacity / 8)) { entries[id] = nil }
            }
            entries[entry.connection] = entry
        }
    }

    func remove(_ id: ConnectionID) {
        entries.withLock { _ = $0.removeValue(forKey: id) }
    }

    /// Drops what a change of the store has made old.
    func apply(_ change: ConnectionChange) {
        entries.withLock { entries in
            guard let known = entries[change.id] else { return }
            if let version = change.version, version <= known.version { return }
            entries[change.id] = nil
        }
    }

    func removeAll() {
        entries.withLock { $0.removeAll() }
    }
}
