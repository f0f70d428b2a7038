import Synchronization

/// Credentials ready to hand out, still sealed: a read opens one box, compares two moments and writes one audit line.
public final class CredentialCache: Sendable {
    private struct State {
        var entries: [ConnectionID: CachedCredential] = [:]
        /// Counts what was dropped, whether or not it was there.
        var drops: UInt64 = 0
    }

    private let state = Locked(State())
    private let capacity: Int

    init(capacity: Int = 50_000) {
        self.capacity = capacity
    }

    public subscript(id: ConnectionID) -> CachedCredential? {
        state.withLock { $0.entries[id] }
    }

    /// To be taken before the store is read, and given back with what was read.
    var mark: UInt64 {
        state.withLock { $0.drops }
    }

    /// Keeps the credential, unless anything was dropped since the mark: what was read then may be what was dropped,
    /// and a deleted or disabled connection must not come back by a slow reader.
    func insert(_ entry: CachedCredential, readAfter mark: UInt64) {
        state.withLock { state in
            guard state.drops == mark else { return }
            if state.entries.count >= capacity, state.entries[entry.connection] == nil {
                // Which ones go is of no matter: they come back from the store at their next read.
                for id in state.entries.keys.prefix(max(1, capacity / 8)) { state.entries[id] = nil }
            }
            state.entries[entry.connection] = entry
        }
    }

    func remove(_ id: ConnectionID) {
        state.withLock { state in
            state.drops += 1
            state.entries[id] = nil
        }
    }

    /// Drops what a change of the store has made old.
    func apply(_ change: ConnectionChange) {
        state.withLock { state in
            if let version = change.version, let known = state.entries[change.id], version <= known.version { return }
            state.drops += 1
            state.entries[change.id] = nil
        }
    }
}
