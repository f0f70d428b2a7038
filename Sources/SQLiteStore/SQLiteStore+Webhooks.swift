public import Broker
import GRDB
import Sealing

// WebhookStore.
extension SQLiteStore {
    public func webhooks() async throws(StoreFailure) -> [Webhook] {
        try await read { db in
            let found = try db.all(
                "SELECT id, url, events, disabled_reason, revision, created_at, updated_at FROM webhook ORDER BY id",
                [], Self.webhook)
            return try found.map { webhook in
                var webhook = webhook
                webhook.secrets = try db.all(
                    """
                    SELECT number, box, created_at, expires_at FROM webhook_secret WHERE webhook = ?
                    ORDER BY number DESC
                    """,
                    [.text(webhook.id.string)]
                ) { columns in
                    WebhookSecret(
                        number: try columns.integer(), box: try columns.box(), createdAt: try columns.time(),
                        expiresAt: try columns.optionalTime())
                }
                return webhook
            }
        }
    }

    public func insert(_ webhook: Webhook) async throws(StoreFailure) -> Bool {
        try await write { db in
            let inserted = try db.change(
                """
                INSERT INTO webhook (id, url, events, disabled_reason, revision, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                """,
                [
                    .text(webhook.id.string), .text(webhook.url), .json(webhook.events.map(\.rawValue).sorted()),
                    .text(webhook.disabledReason), .integer(webhook.revision), .time(webhook.createdAt),
                    .time(webhook.updatedAt),
                ])
            guard inserted == 1 else { return (false, nil) }
            try db.insertSecrets(of: webhook)
            return (true, nil)
        }
    }

    public func update(_ webhook: Webhook) async throws(StoreFailure) -> Bool {
        try await write(erasing: true) { db in
            let updated = try db.change(
                """
                UPDATE webhook SET disabled_reason = ?, updated_at = ?, revision = revision + 1
                WHERE id = ? AND revision = ?
                """,
                [
                    .text(webhook.disabledReason), .time(webhook.updatedAt), .text(webhook.id.string),
                    .integer(webhook.revision),
                ])
            guard updated == 1 else { return (false, nil) }
            try db.change("DELETE FROM webhook_secret WHERE webhook = ?", [.text(webhook.id.string)])
            try db.insertSecrets(of: webhook)
            return (true, nil)
        }
    }

    public func deleteWebhook(_ id: WebhookID) async throws(StoreFailure) -> Bool {
        try await write(erasing: true) { db in
            // Secrets and deliveries go with it: ON DELETE CASCADE.
            (try db.change("DELETE FROM webhook WHERE id = ?", [.text(id.string)]) == 1, nil)
        }
    }

    public func tell(_ event: ConnectionEvent) async throws(StoreFailure) -> Bool {
        try await write { db in (try db.tell(event), nil) }
    }

    public func ended(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        // No ID comes after a tilde.
        let values: [Value] = [
            .time(start.moment), .text(start.id?.string ?? "~"), .time(end), .integer(max(0, limit)),
        ]
        return try await read { db in try db.all(Self.ended, values, ConnectionRow.read) }
    }

    /// Walks the index `credential_end`.
    static let ended = """
        SELECT \(ConnectionRow.columns) FROM credential g CROSS JOIN connection c ON c.id = g.connection
        WHERE (g.expires_at, g.connection) > (?, ?) AND g.expires_at <= ? AND g.refresh IS NULL
        ORDER BY g.expires_at, g.connection LIMIT ?
        """

    public func deliveriesDue(to webhook: WebhookID, at now: Timestamp, limit: Int) async throws(StoreFailure)
        -> [WebhookDelivery]
    {
        try await read { db in
            try db.all(
                """
                SELECT webhook, event, body, attempts, retry_at, created_at FROM delivery
                WHERE webhook = ? AND retry_at <= ? ORDER BY retry_at, event LIMIT ?
                """,
                [.text(webhook.string), .time(now), .integer(max(0, limit))]
            ) { columns in
                WebhookDelivery(
                    webhook: try columns.identifier(), event: try columns.text(), body: try columns.text(),
                    attempts: try columns.integer(), retryAt: try columns.time(), createdAt: try columns.time())
            }
        }
    }

    public func update(_ delivery: WebhookDelivery, from attempts: Int) async throws(StoreFailure) -> Bool {
        try await write { db in
            let updated = try db.change(
                "UPDATE delivery SET attempts = ?, retry_at = ? WHERE webhook = ? AND event = ? AND attempts = ?",
                [
                    .integer(delivery.attempts), .time(delivery.retryAt), .text(delivery.webhook.string),
                    .text(delivery.event), .integer(attempts),
                ])
            return (updated == 1, nil)
        }
    }

    public func deleteDelivery(of event: String, to webhook: WebhookID) async throws(StoreFailure) {
        try await write { db in
            try db.change(
                "DELETE FROM delivery WHERE webhook = ? AND event = ?", [.text(webhook.string), .text(event)])
            return ((), nil)
        }
    }

    public func backlogs() async throws(StoreFailure) -> [WebhookID: WebhookBacklog] {
        try await read { db in
            let found = try db.all(
                "SELECT webhook, count(*), min(created_at) FROM delivery GROUP BY webhook", []
            ) { columns in
                (
                    try columns.identifier(WebhookID.self),
                    WebhookBacklog(count: try columns.integer(), oldest: try columns.time())
                )
            }
            return Dictionary(uniqueKeysWithValues: found)
        }
    }

    public func trimDeliveries(to webhook: WebhookID, keeping limit: Int) async throws(StoreFailure) -> Int {
        try await write { db in
            let removed = try db.change(
                """
                DELETE FROM delivery WHERE webhook = ? AND event IN (
                    SELECT event FROM delivery WHERE webhook = ? ORDER BY created_at DESC, event DESC
                    LIMIT -1 OFFSET ?)
                """,
                [.text(webhook.string), .text(webhook.string), .integer(max(0, limit))])
            return (removed, nil)
        }
    }

    private static func webhook(_ columns: inout Columns) throws -> Webhook {
        let id = try columns.identifier(WebhookID.self)
        let url = try columns.text()
        let names = try columns.json([String].self)
        let events = names.compactMap { ConnectionEvent.Kind(rawValue: $0) }
        // A choice that were lost would send more, not less.
        guard events.count == names.count else { throw Unreadable() }
        return Webhook(
            id: id, url: url, events: Set(events), disabledReason: try columns.optionalText(),
            revision: try columns.integer(), createdAt: try columns.time(), updatedAt: try columns.time())
    }
}

extension Database {
    /// In the transaction of what happened.
    /// - Returns: false when it was told already, or its connection is gone.
    @discardableResult
    func tell(_ event: ConnectionEvent) throws -> Bool {
        if let key = event.connection {
            let told = try change(
                """
                INSERT INTO told (connection, kind, event)
                SELECT id, ?, ? FROM connection WHERE id = ? AND created_at = ?
                ON CONFLICT (connection, kind) DO UPDATE SET event = excluded.event WHERE event <> excluded.event
                """,
                [.text(event.kind.rawValue), .text(event.id), .text(key.id.string), .time(key.createdAt)])
            guard told == 1 else { return false }
        }
        try change(
            """
            INSERT INTO delivery (webhook, event, body, attempts, retry_at, created_at)
            SELECT id, ?, ?, 0, ?, ? FROM webhook
            WHERE disabled_reason IS NULL
                AND (events = '[]' OR EXISTS (SELECT 1 FROM json_each(events) WHERE value = ?))
            ON CONFLICT (webhook, event) DO NOTHING
            """,
            [
                .text(event.id), .text(event.body), .time(event.at), .time(event.at), .text(event.kind.rawValue),
            ])
        return true
    }

    fileprivate func insertSecrets(of webhook: Webhook) throws {
        for secret in webhook.secrets {
            try change(
                "INSERT INTO webhook_secret (webhook, number, box, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
                [
                    .text(webhook.id.string), .integer(secret.number), .bytes(secret.box.bytes),
                    .time(secret.createdAt), .time(secret.expiresAt),
                ])
        }
    }
}
