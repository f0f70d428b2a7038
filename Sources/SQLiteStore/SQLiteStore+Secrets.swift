public import Broker
import GRDB
public import Sealing

// SecretStore.
extension SQLiteStore {
    public func insert(_ version: SecretVersion, of key: ConnectionKey) async throws(StoreFailure) -> Bool {
        try await write(erasing: true) { db in
            guard try db.storedConnection(key) != nil else { return (false, nil) }
            let taken = try db.first(
                "SELECT 1 FROM secret_version WHERE connection = ? AND version >= ?",
                [.text(key.id.string), .integer(version.version)]
            ) { columns in try columns.integer() }
            guard taken == nil else { return (false, nil) }
            try db.change(
                "UPDATE secret_version SET box = NULL, kept_until = COALESCE(kept_until, ?) WHERE connection = ?",
                [.time(version.createdAt), .text(key.id.string)])
            try db.write([version], of: key.id)
            return (true, ConnectionChange(id: key.id, version: nil))
        }
    }

    public func secretVersions(of id: ConnectionID) async throws(StoreFailure) -> [SecretVersion] {
        try await read { db in
            try db.all(
                """
                SELECT version, box, fingerprint, set_by, created_at, restores, expires_at, kept_until
                FROM secret_version WHERE connection = ? ORDER BY version DESC LIMIT \(SecretVersion.limit)
                """, [.text(id.string)]
            ) { columns in
                SecretVersion(
                    version: try columns.integer(), box: try columns.optionalBytes().flatMap { try? SealedBox($0) },
                    fingerprint: try columns.text(), setBy: try columns.text(), createdAt: try columns.time(),
                    restores: try columns.optionalInteger(), expiresAt: try columns.optionalTime(),
                    keptUntil: try columns.optionalTime())
            }
        }
    }

    public func forgetSecrets(keptUntil moment: Timestamp) async throws(StoreFailure) -> Int {
        try await write(erasing: true) { db in
            let forgotten = try db.change(
                "UPDATE secret_version SET box = NULL WHERE box IS NOT NULL AND kept_until <= ?", [.time(moment)])
            return (forgotten, nil)
        }
    }

    public func ending(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        // Walks the index `credential_end`. No ID comes after a tilde.
        let values: [Value] = [
            .time(start.moment), .text(start.id?.string ?? "~"), .time(end), .integer(max(0, limit)),
        ]
        return try await read { db in
            try db.all(
                """
                SELECT \(ConnectionRow.columns) FROM credential g CROSS JOIN connection c ON c.id = g.connection
                WHERE (g.expires_at, g.connection) > (?, ?) AND g.expires_at <= ? AND g.refresh IS NULL AND c.kind <> 'oauth2'
                ORDER BY g.expires_at, g.connection LIMIT ?
                """, values, ConnectionRow.read)
        }
    }

    public func installationKey() async throws(StoreFailure) -> SealedBox? {
        try await read { db in
            try db.first("SELECT box FROM installation_key", []) { columns in try SealedBox(try columns.bytes()) }
        }
    }

    public func insert(installationKey box: SealedBox) async throws(StoreFailure) -> Bool {
        try await write { db in
            let inserted = try db.change(
                "INSERT INTO installation_key (name, box) VALUES ('installation', ?) ON CONFLICT (name) DO NOTHING",
                [.bytes(box.bytes)])
            return (inserted == 1, nil)
        }
    }
}

extension Database {
    func write(_ history: [SecretVersion], of id: ConnectionID) throws {
        guard let newest = history.map(\.version).max() else { return }
        for one in history {
            try change(
                """
                INSERT INTO secret_version (connection, version, box, fingerprint, set_by, created_at, restores,
                    expires_at, kept_until)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (connection, version) DO UPDATE SET box = excluded.box, kept_until = excluded.kept_until
                """,
                [
                    .text(id.string), .integer(one.version), .bytes(one.box?.bytes), .text(one.fingerprint),
                    .text(one.setBy), .time(one.createdAt), .integer(one.restores), .time(one.expiresAt),
                    .time(one.keptUntil),
                ])
        }
        try change(
            "DELETE FROM secret_version WHERE connection = ? AND version <= ?",
            [.text(id.string), .integer(newest - SecretVersion.limit)])
    }
}
