public import Broker
import ProviderProfiles
public import Sealing

// SecretStore.
extension MemoryStore {
    public func secretVersions(of id: ConnectionID) async throws(StoreFailure) -> [SecretVersion] {
        try perform(.secretVersions) { state in
            (state.secretVersions[id] ?? [:]).values.sorted { $0.version > $1.version }
        }
    }

    public func forgetSecrets(keptUntil moment: Timestamp) async throws(StoreFailure) -> Int {
        try perform(.forgetSecrets) { state in
            var count = 0
            for (id, versions) in state.secretVersions {
                for one in versions.values where one.box != nil && one.keptUntil.map({ $0 <= moment }) ?? false {
                    state.secretVersions[id]?[one.version]?.box = nil
                    count += 1
                }
            }
            return count
        }
    }

    public func insert(_ version: SecretVersion, of key: ConnectionKey) async throws(StoreFailure) -> Bool {
        try perform(.insertSecret) { state in
            let versions = state.secretVersions[key.id] ?? [:]
            guard state.connections[key.id]?.key == key, !versions.keys.contains(where: { $0 >= version.version })
            else { return false }
            state.secretVersions[key.id] = versions.mapValues { old in
                var old = old
                old.box = nil
                old.keptUntil = old.keptUntil ?? version.createdAt
                return old
            }
            state.write([version], of: key.id)
            state.announce(key.id)
            return true
        }
    }

    public func ending(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        try perform(.ending) { state in
            let found = state.connections.values.filter { stored in
                guard let expiry = stored.grant.expiresAt, stored.connection.kind != .oauth2 else { return false }
                let isAfter =
                    expiry > start.moment || (expiry == start.moment && start.id.map { stored.id > $0 } ?? false)
                return isAfter && expiry <= end && stored.grant.refresh == nil
            }
            return Array(
                found.sorted { ($0.grant.expiresAt ?? end, $0.id) < ($1.grant.expiresAt ?? end, $1.id) }
                    .prefix(max(0, limit)))
        }
    }

    public func installationKey() async throws(StoreFailure) -> SealedBox? {
        try perform(.installationKey) { $0.installationKey }
    }

    public func insert(installationKey box: SealedBox) async throws(StoreFailure) -> Bool {
        try perform(.insertInstallationKey) { state in
            guard state.installationKey == nil else { return false }
            state.installationKey = box
            return true
        }
    }
}

extension MemoryStore.State {
    mutating func write(_ history: [SecretVersion], of id: ConnectionID) {
        guard let newest = history.map(\.version).max() else { return }
        for one in history {
            if secretVersions[id]?[one.version] == nil {
                secretVersions[id, default: [:]][one.version] = one
            } else {
                secretVersions[id]?[one.version]?.box = one.box
                secretVersions[id]?[one.version]?.keptUntil = one.keptUntil
            }
        }
        secretVersions[id] = secretVersions[id]?.filter { $0.key > newest - SecretVersion.limit }
    }
}
