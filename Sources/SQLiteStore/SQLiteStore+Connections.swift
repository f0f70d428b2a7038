public import Broker
import GRDB
import OAuth
import ProviderProfiles

// ConnectionStore: what people decide. The refresh has a file of its own.
extension SQLiteStore {
    public func connection(_ id: ConnectionID) async throws(StoreFailure) -> StoredConnection? {
        try await read { db in try db.storedConnection(id) }
    }

    public func connections(
        matching filter: ConnectionFilter, after: ConnectionID?, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        let query = ConnectionQuery(filter, after: after, limit: limit)
        return try await read { db in try db.all(query.sql, query.values, ConnectionRow.read) }
    }

    public func insert(_ stored: StoredConnection, history: [SecretVersion]) async throws(StoreFailure) -> Bool {
        let connection = stored.connection
        let grant = stored.grant
        return try await write { db in
            let inserted = try db.change(
                """
                INSERT INTO connection (id, provider, client, kind, grant_type, owner, labels, scopes, resources, fields,
                    is_disabled, created_at, updated_at, revision)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                """,
                [
                    .text(connection.id.string), .text(connection.provider), .text(connection.client?.string),
                    .text(connection.kind.rawValue), .text(connection.grantType.rawValue), .text(connection.owner),
                    .json(connection.labels), .json(connection.scopes), .json(connection.resources),
                    .json(connection.fields), .integer(connection.isDisabled ? 1 : 0),
                    .time(connection.createdAt), .time(connection.updatedAt), .integer(connection.revision),
                ])
            guard inserted == 1 else { return (false, nil) }
            try db.insertLabels(of: connection)
            let columns = ["connection"] + ConnectionRow.grantColumns + ["fence"] + ConnectionRow.attemptColumns
            try db.change(
                """
                INSERT INTO credential (\(columns.joined(separator: ", ")))
                VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
                """,
                [.text(connection.id.string)] + ConnectionRow.values(grant) + [.integer(grant.fence)]
                    + ConnectionRow.values(grant.attempt))
            try db.write(history, of: connection.id)
            return (true, ConnectionChange(id: connection.id, version: nil))
        }
    }

    public func update(_ connection: Connection) async throws(StoreFailure) -> Bool {
        try await write { db in
            let updated = try db.change(
                """
                UPDATE connection SET owner = ?, labels = ?, scopes = ?, fields = ?, is_disabled = ?, updated_at = ?,
                    revision = revision + 1
                WHERE id = ? AND revision = ?
                """,
                [
                    .text(connection.owner), .json(connection.labels), .json(connection.scopes),
                    .json(connection.fields), .integer(connection.isDisabled ? 1 : 0), .time(connection.updatedAt),
                    .text(connection.id.string), .integer(connection.revision),
                ])
            guard updated == 1 else { return (false, nil) }
            try db.change("DELETE FROM connection_label WHERE connection = ?", [.text(connection.id.string)])
            try db.insertLabels(of: connection)
            return (true, ConnectionChange(id: connection.id, version: nil))
        }
    }

    public func delete(
        _ id: ConnectionID, owing: @escaping @Sendable (StoredConnection) -> OwedRevocation?
    ) async throws(StoreFailure) -> StoredConnection? {
        try await write(erasing: true) { db in
            guard let stored = try db.storedConnection(id) else { return (nil, nil) }
            if let owed = owing(stored) { try db.insert(owed) }
            // All that belongs to it goes with it: ON DELETE CASCADE.
            try db.change("DELETE FROM connection WHERE id = ?", [.text(id.string)])
            return (stored, ConnectionChange(id: id, version: nil))
        }
    }
}

extension Database {
    func storedConnection(_ id: ConnectionID) throws -> StoredConnection? {
        try first(
            """
            SELECT \(ConnectionRow.columns) FROM connection c CROSS JOIN credential g ON g.connection = c.id
            WHERE c.id = ?
            """,
            [.text(id.string)], ConnectionRow.read)
    }

    func storedConnection(_ key: ConnectionKey) throws -> StoredConnection? {
        guard let stored = try storedConnection(key.id), stored.key == key else { return nil }
        return stored
    }

    fileprivate func insertLabels(of connection: Connection) throws {
        for (key, value) in connection.labels {
            try change(
                "INSERT INTO connection_label (connection, key, value) VALUES (?, ?, ?)",
                [.text(connection.id.string), .text(key), .text(value)])
        }
    }
}
