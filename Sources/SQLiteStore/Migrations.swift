import GRDB

/// The schema, step by step. A step that was released is never edited: a change is a new step at the end.
/// Each runs in a transaction of its own, so a crash between two leaves a database that the next start brings on.
enum Migrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-first") { db in
            try db.execute(sql: first)
        }
        migrator.registerMigration("0002-grants") { db in
            try db.execute(sql: grants)
        }
        migrator.registerMigration("0003-step-up") { db in
            try db.execute(sql: stepUp)
        }
        migrator.registerMigration("0004-webhooks") { db in
            try db.execute(sql: webhooks)
        }
        migrator.registerMigration("0005-secret-versions") { db in
            try db.execute(sql: secretVersions)
        }
        return migrator
    }

    /// What was set by hand before, and the installation's own key.
    private static let secretVersions = """
        CREATE TABLE secret_version (
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            version INTEGER NOT NULL,
            box BLOB,
            fingerprint TEXT NOT NULL,
            set_by TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            restores INTEGER,
            expires_at INTEGER,
            kept_until INTEGER,
            PRIMARY KEY (connection, version)
        ) STRICT;
        CREATE INDEX secret_version_kept ON secret_version (kept_until) WHERE box IS NOT NULL;

        -- One row at most, each.
        CREATE TABLE instance (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            id TEXT NOT NULL,
            starts INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE installation_key (
            name TEXT NOT NULL PRIMARY KEY CHECK (name = 'installation'),
            box BLOB NOT NULL
        ) STRICT;
        """

    /// Webhooks, what waits for them, and what was told last of each connection.
    private static let webhooks = """
        CREATE TABLE webhook (
            id TEXT NOT NULL PRIMARY KEY,
            url TEXT NOT NULL,
            events TEXT NOT NULL,
            disabled_reason TEXT,
            revision INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE webhook_secret (
            webhook TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            box BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            PRIMARY KEY (webhook, number)
        ) STRICT;

        CREATE TABLE delivery (
            webhook TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
            event TEXT NOT NULL,
            body TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            retry_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (webhook, event)
        ) STRICT;
        CREATE INDEX delivery_due ON delivery (webhook, retry_at, event);

        CREATE TABLE told (
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            event TEXT NOT NULL,
            PRIMARY KEY (connection, kind)
        ) STRICT;

        -- What ends with nothing to renew it.
        CREATE INDEX credential_end ON credential (expires_at, connection)
            WHERE expires_at IS NOT NULL AND refresh IS NULL;
        """

    /// What a refusal asks of the next consent, and whether a refresh token may be spent.
    private static let stepUp = """
        ALTER TABLE credential ADD COLUMN failure_claims TEXT;
        ALTER TABLE credential ADD COLUMN failure_is_outcome_unknown INTEGER NOT NULL DEFAULT 0;
        """

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

    /// Every grant type, keys of clients and of connections, what is held, polled and owed. The defaults are what rows of
    /// before mean.
    private static let grants = """
        ALTER TABLE connection ADD COLUMN grant_type TEXT NOT NULL DEFAULT 'authorization_code';
        ALTER TABLE connection ADD COLUMN resources TEXT NOT NULL DEFAULT '[]';

        ALTER TABLE credential ADD COLUMN proof_key BLOB;
        ALTER TABLE credential ADD COLUMN subject BLOB;
        ALTER TABLE credential ADD COLUMN account_key TEXT;

        ALTER TABLE client ADD COLUMN grant_types TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE client ADD COLUMN is_dpop_bound INTEGER NOT NULL DEFAULT 0 CHECK (is_dpop_bound IN (0, 1));
        ALTER TABLE client ADD COLUMN signing_algorithm TEXT;
        ALTER TABLE client_secret ADD COLUMN kind TEXT NOT NULL DEFAULT 'secret';
        ALTER TABLE client_secret ADD COLUMN key_id TEXT;
        ALTER TABLE client_secret ADD COLUMN expires_at INTEGER;

        ALTER TABLE consent_ticket ADD COLUMN wishes TEXT NOT NULL DEFAULT '{"parameters":{}}';
        ALTER TABLE pending_authorization ADD COLUMN proof_key BLOB;

        CREATE TABLE held_grant (
            hash BLOB NOT NULL PRIMARY KEY,
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            browser_hash BLOB NOT NULL,
            box BLOB NOT NULL,
            return_to TEXT,
            expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX held_grant_by_connection ON held_grant (connection);
        CREATE INDEX held_grant_by_expiry ON held_grant (expires_at);

        CREATE TABLE device_consent (
            connection TEXT NOT NULL PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
            id TEXT NOT NULL,
            box BLOB,
            user_code TEXT NOT NULL,
            verification_uri TEXT NOT NULL,
            verification_uri_complete TEXT,
            scopes TEXT NOT NULL,
            interval INTEGER NOT NULL,
            poll_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            outcome TEXT
        ) STRICT;
        CREATE INDEX device_consent_due ON device_consent (poll_at, connection) WHERE outcome IS NULL;
        CREATE INDEX device_consent_by_expiry ON device_consent (expires_at);

        -- What providers have still to be told of connections that are gone: no reference to them.
        CREATE TABLE revocation (
            id TEXT NOT NULL PRIMARY KEY,
            connection TEXT NOT NULL,
            provider TEXT NOT NULL,
            client TEXT NOT NULL,
            fields TEXT NOT NULL,
            version INTEGER NOT NULL,
            credential BLOB,
            refresh BLOB,
            attempts INTEGER NOT NULL,
            retry_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX revocation_due ON revocation (retry_at, id);
        CREATE INDEX revocation_by_client ON revocation (client);
        """
}
