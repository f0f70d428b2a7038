public import Broker
import GRDB

// ConnectionStore: what the refresh does. Each rule stands in the WHERE of one UPDATE.
extension SQLiteStore {
    /// A row of `credential` by its `ConnectionKey`.
    private static let rowOfKey =
        "connection = (SELECT id FROM connection WHERE id = ? AND created_at = ?)"

    public func claim(
        _ key: ConnectionKey, version: Int, attempt: String, owner: String, until lease: Timestamp, now: Timestamp
    ) async throws(StoreFailure) -> ClaimResult {
        try await write { db in
            let claimed = try db.change(
                """
                UPDATE credential SET fence = fence + 1, attempt_id = ?, attempt_fence = fence + 1, attempt_owner = ?,
                    attempt_lease_until = ?
                WHERE \(Self.rowOfKey) AND version = ?
                    AND (attempt_id IS NULL OR attempt_id = ? OR attempt_lease_until <= ?)
                """,
                [
                    .text(attempt), .text(owner), .time(lease), .text(key.id.string), .time(key.createdAt),
                    .integer(version), .text(attempt),
                    .time(now),
                ])
            guard let stored = try db.storedConnection(key) else { return (.gone, nil) }
            return (claimed == 1 ? .claimed(stored) : .lost(stored), nil)
        }
    }

    public func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant, history: [SecretVersion], at now: Timestamp
    ) async throws(StoreFailure) -> CommitResult {
        try await write { db in
            let old = try db.storedConnection(key)
            let columns = ConnectionRow.grantColumns + ConnectionRow.attemptColumns
            let committed = try db.change(
                """
                UPDATE credential SET \(columns.map { "\($0) = ?" }.joined(separator: ", "))
                WHERE \(Self.rowOfKey) AND version = ?
                """,
                ConnectionRow.values(grant) + ConnectionRow.values(nil as RefreshAttempt?)
                    + [.text(key.id.string), .time(key.createdAt), .integer(version)])
            guard let stored = try db.storedConnection(key) else { return (.gone, nil) }
            guard committed == 1 else { return (.superseded(stored), nil) }
            try db.write(history, of: key.id)
            if let old, let event = ConnectionEvent.between(old, stored, at: now) { try db.tell(event) }
            return (.committed(stored), ConnectionChange(id: key.id, version: stored.grant.version))
        }
    }

    public func abandon(
        _ key: ConnectionKey, version: Int, attempt: String, note: AbandonNote, at now: Timestamp
    ) async throws(StoreFailure) -> Bool {
        try await write { db in
            let old = try db.storedConnection(key)
            let abandoned = try db.change(
                """
                UPDATE credential SET reauthorization = ?, refresh_at = ?, failure_since = ?, failure_reason = ?,
                    failure_attempts = ?, failure_retry_at = ?, failure_claims = ?, failure_is_outcome_unknown = ?,
                    attempt_id = NULL, attempt_fence = NULL,
                    attempt_owner = NULL, attempt_lease_until = NULL
                WHERE \(Self.rowOfKey) AND version = ? AND attempt_id = ?
                """,
                [.text(note.reauthorization?.rawValue), .time(note.refreshAt)] + ConnectionRow.values(note.failure)
                    + [.text(key.id.string), .time(key.createdAt), .integer(version), .text(attempt)])
            guard abandoned == 1 else { return (false, nil) }
            if let old, let stored = try db.storedConnection(key),
                let event = ConnectionEvent.between(old, stored, at: now)
            {
                try db.tell(event)
            }
            // The version stays, but what a cache holds of the failure does not.
            return (true, ConnectionChange(id: key.id, version: nil))
        }
    }

    /// The folder's lock is ours: whoever held a lease is dead.
    public func endLeases(at now: Timestamp) async throws(StoreFailure) {
        try await write { db in
            _ = try db.change(
                """
                UPDATE credential SET attempt_lease_until = ?,
                    refresh_at = CASE WHEN reauthorization IS NULL THEN min(coalesce(refresh_at, ?), ?) END
                WHERE attempt_id IS NOT NULL
                """,
                [.time(now), .time(now), .time(now)])
            return ((), nil)
        }
    }

    public func providersInUse() async throws(StoreFailure) -> [String] {
        try await read { db in
            try db.all("SELECT provider FROM connection UNION SELECT provider FROM client ORDER BY provider", []) {
                columns in try columns.text()
            }
        }
    }

    public func due(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [ConnectionID] {
        try await read { db in
            try db.all(Self.due, [.time(now), .time(now), .time(now), .integer(max(0, limit))]) { columns in
                try columns.identifier()
            }
        }
    }

    /// Walks the index `credential_due` from its beginning. An expired grant without a refresh token waits for its
    /// owner (`StoredConnection.reauthorization(at:)`).
    static let due = """
        SELECT g.connection FROM credential g CROSS JOIN connection c ON c.id = g.connection
        WHERE g.refresh_at <= ? AND g.reauthorization IS NULL
            AND NOT (g.version > 0 AND g.expires_at IS NOT NULL AND g.expires_at <= ? AND NOT \(ConnectionRow.isRenewable))
            AND (g.attempt_id IS NULL OR g.attempt_lease_until <= ?)
            AND c.is_disabled = 0
        ORDER BY g.refresh_at, g.connection LIMIT ?
        """
}
