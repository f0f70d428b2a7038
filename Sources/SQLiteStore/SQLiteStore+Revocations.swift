public import Broker
import GRDB
import Sealing

// RevocationStore.
extension SQLiteStore {
    public func insert(_ owed: OwedRevocation) async throws(StoreFailure) {
        try await write { db in
            try db.insert(owed)
            return ((), nil)
        }
    }

    public func revocationsDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [OwedRevocation] {
        try await read { db in
            try db.all(
                """
                SELECT id, connection, provider, client, fields, version, credential, refresh, attempts, retry_at,
                    created_at
                FROM revocation WHERE retry_at <= ? ORDER BY retry_at, id LIMIT ?
                """,
                [.time(now), .integer(max(0, limit))]
            ) { columns in
                OwedRevocation(
                    id: try columns.text(), connection: try columns.identifier(), provider: try columns.text(),
                    client: try columns.identifier(), fields: try columns.json(), version: try columns.integer(),
                    credential: try columns.optionalBox(), refresh: try columns.optionalBox(),
                    attempts: try columns.integer(), retryAt: try columns.time(), createdAt: try columns.time())
            }
        }
    }

    public func update(_ owed: OwedRevocation, from attempts: Int) async throws(StoreFailure) -> Bool {
        try await write { db in
            let updated = try db.change(
                "UPDATE revocation SET attempts = ?, retry_at = ? WHERE id = ? AND attempts = ?",
                [.integer(owed.attempts), .time(owed.retryAt), .text(owed.id), .integer(attempts)])
            return (updated == 1, nil)
        }
    }

    public func deleteRevocation(_ id: String) async throws(StoreFailure) {
        try await write(erasing: true) { db in
            try db.change("DELETE FROM revocation WHERE id = ?", [.text(id)])
            return ((), nil)
        }
    }
}

extension Database {
    func insert(_ owed: OwedRevocation) throws {
        try change(
            """
            INSERT INTO revocation (id, connection, provider, client, fields, version, credential, refresh, attempts,
                retry_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(owed.id), .text(owed.connection.string), .text(owed.provider), .text(owed.client.string),
                .json(owed.fields), .integer(owed.version), .bytes(owed.credential?.bytes),
                .bytes(owed.refresh?.bytes), .integer(owed.attempts), .time(owed.retryAt), .time(owed.createdAt),
            ])
    }
}
