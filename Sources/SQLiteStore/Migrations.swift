import GRDB

/// The schema, step by step. A step that was released is never edited: a change is a new step at the end.
/// Each runs in a transaction of its own, so a crash between two leaves a database that the next start brings on.
enum Migrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-first") { db in
            try db.execute(sql: first)
        }
        return migrator
    }

    /// Ordinary rowid tables: rows with sealed boxes are long, and WITHOUT ROWID halves the reads a second.
    /// Times are milliseconds since 1970. Lists and maps are JSON. Texts compare by their bytes.
    private static let first = """
        CREATE TABLE connection (
            id TEXT NOT NULL PRIMARY KEY,
            provider TEXT NOT NULL,
            client TEXT,
            kind TEXT NOT NULL,
            owner TEXT,
            labels TEXT NOT NULL,
            scopes TEXT NOT NULL,
            fields TEXT NOT NULL,
            is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX connection_by_provider ON connection (provider, id);
        CREATE INDEX connection_by_client ON connection (client, id);
        CREATE INDEX connection_by_owner ON connection (owner, id);

        -- The labels once more, one a row, for those who list by label.
        CREATE TABLE connection_label (
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (connection, key)
        ) STRICT;
        CREATE INDEX connection_label_by_value ON connection_label (key, value, connection);

        -- The grant: a row of its own, so that an edit of the connection never writes it.
        CREATE TABLE credential (
            connection TEXT NOT NULL PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
            version INTEGER NOT NULL CHECK (version >= 0),
            credential BLOB,
            refresh BLOB,
            scopes TEXT NOT NULL,
            attributes TEXT NOT NULL,
            account TEXT,
            issued_at INTEGER,
            expires_at INTEGER,
            refresh_token_expires_at INTEGER,
            refresh_at INTEGER,
            last_refreshed_at INTEGER,
            reauthorization TEXT,
            failure_since INTEGER,
            failure_reason TEXT,
            failure_attempts INTEGER,
            failure_retry_at INTEGER,
            fence INTEGER NOT NULL,
            attempt_id TEXT,
            attempt_fence INTEGER,
            attempt_owner TEXT,
            attempt_lease_until INTEGER
        ) STRICT;
        CREATE INDEX credential_due ON credential (refresh_at, connection)
            WHERE refresh_at IS NOT NULL AND reauthorization IS NULL;

        CREATE TABLE consent_ticket (
            hash BLOB NOT NULL PRIMARY KEY,
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            return_to TEXT,
            requested_by TEXT NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX consent_ticket_by_connection ON consent_ticket (connection);
        CREATE INDEX consent_ticket_by_expiry ON consent_ticket (expires_at);

        CREATE TABLE pending_authorization (
            state_hash BLOB NOT NULL PRIMARY KEY,
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            client TEXT NOT NULL,
            browser_hash BLOB NOT NULL,
            verifier BLOB,
            scopes TEXT NOT NULL,
            return_to TEXT,
            ticket_hash BLOB NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX pending_authorization_by_connection ON pending_authorization (connection);
        CREATE INDEX pending_authorization_by_expiry ON pending_authorization (expires_at);

        CREATE TABLE client (
            id TEXT NOT NULL PRIMARY KEY,
            provider TEXT NOT NULL,
            client_id TEXT NOT NULL,
            authentication_method TEXT,
            fields TEXT NOT NULL,
            scopes TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE client_secret (
            client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            number INTEGER NOT NULL,
            box BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (client, position)
        ) STRICT;

        CREATE TABLE caller (
            id TEXT NOT NULL PRIMARY KEY,
            role TEXT NOT NULL,
            connections TEXT NOT NULL,
            labels TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) STRICT;
        CREATE TABLE caller_key (
            caller TEXT NOT NULL REFERENCES caller (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            sha256 BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            PRIMARY KEY (caller, position)
        ) STRICT;

        -- One row at most: a key ring is made once.
        CREATE TABLE key_ring (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            check_value BLOB NOT NULL
        ) STRICT;
        CREATE TABLE data_key (
            term INTEGER NOT NULL PRIMARY KEY,
            state TEXT NOT NULL,
            box BLOB NOT NULL
        ) STRICT;
        """
}
