/// A database as the first schema left it, in words of its own: what `Migrations` says today has no part in it.
enum FirstSchema {
    static let tables = """
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

        CREATE TABLE connection_label (
            connection TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (connection, key)
        ) STRICT;
        CREATE INDEX connection_label_by_value ON connection_label (key, value, connection);

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

        CREATE TABLE key_ring (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            check_value BLOB NOT NULL
        ) STRICT;
        CREATE TABLE data_key (
            term INTEGER NOT NULL PRIMARY KEY,
            state TEXT NOT NULL,
            box BLOB NOT NULL
        ) STRICT;

        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('0001-first');
        """

    /// A row of every kind, its optional columns with and without a value.
    static let rows = #"""
        INSERT INTO client VALUES
            ('sales', 'example', 'id-of-sales', 'client_secret_post', '{"host":"eu.example.com","quote":"\"é\" / \\ \u0001"}',
                '["read","write"]', 1799000000000, 1799000000001, 9),
            ('bare', 'example', 'id-of-bare', NULL, '{}', '[]', 1799000000002, 1799000000003, 1);
        INSERT INTO client_secret VALUES
            ('sales', 0, 9, \#(box(0xC9)), 1799000000001),
            ('sales', 1, 4, \#(box(0xC4)), 1799000000000);

        INSERT INTO connection VALUES
            ('full', 'example', 'sales', 'oauth2', 'anna', '{"stage":"test","team":"blue"}', '["read","write"]',
                '{"host":"example.com","quote":"\"é\" / \\ \u0001"}', 0, 1799000000010, 1799000000011, 4),
            ('gone', 'example', 'sales', 'oauth2', NULL, '{}', '[]', '{}', 1, 1799000000012, 1799000000013, 2),
            ('key', 'other', NULL, 'api_key', NULL, '{"team":"blue"}', '[]', '{}', 0, 1799000000014, 1799000000015, 1),
            ('new', 'example', 'bare', 'oauth2', NULL, '{}', '[]', '{}', 0, 1799000000016, 1799000000016, 1),
            ('user', 'other', NULL, 'basic', 'bert', '{}', '[]', '{}', 0, 1799000000017, 1799000000017, 1);
        INSERT INTO connection_label VALUES ('full', 'stage', 'test'), ('full', 'team', 'blue'), ('key', 'team', 'blue');
        INSERT INTO credential VALUES
            ('full', 7, \#(box(0xF1)), \#(box(0xF2)), '["read"]', '{"instance_url":"https://acme.example.com"}', 'anna@example.com',
                1799000000020, 1799003600020, 1800000000020, 1799003000020, 1799000000021, NULL,
                1799000000022, 'provider_unavailable', 3, 1799000000023, 12, 'attempt-1', 12, 'process-1', 1799000000024),
            ('gone', 2, \#(box(0x91)), NULL, '[]', '{}', NULL, 1799000000025, 1799000000026, NULL, NULL, NULL, 'revoked',
                NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL),
            ('key', 1, \#(box(0x81)), NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL),
            ('new', 0, NULL, NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL),
            ('user', 3, \#(box(0x71)), NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL);

        INSERT INTO consent_ticket VALUES
            (\#(hash(0x11)), 'full', 'https://app.example.com/done?a=1', 'app-1', 1799001800000),
            (\#(hash(0x12)), 'new', NULL, 'root', 1799001800001);
        INSERT INTO pending_authorization VALUES
            (\#(hash(0x21)), 'full', 'sales', \#(hash(0xB0)), \#(box(0x61)), '["read"]', 'https://app.example.com/', \#(hash(0x11)),
                1799000600000),
            (\#(hash(0x22)), 'new', 'bare', \#(hash(0xB1)), NULL, '[]', NULL, \#(hash(0x12)), 1799000600001);

        INSERT INTO caller VALUES
            ('app-1', 'runtime', '["full","key"]', '{"team":"blue"}', 1799000000030, NULL),
            ('root', 'admin', '[]', '{}', 1799000000031, 1799000000032);
        INSERT INTO caller_key VALUES
            ('app-1', 0, 'new', \#(hash(0x32)), 1799000000033, NULL),
            ('app-1', 1, 'old', \#(hash(0x31)), 1799000000030, 1799009000000);

        INSERT INTO key_ring VALUES (1, \#(hash(0x41)));
        INSERT INTO data_key VALUES (1, 'retired', \#(box(0x51))), (2, 'active', \#(box(0x52)));
        """#

    private static func hash(_ fill: UInt8) -> String { blob(Array(repeating: fill, count: 32)) }

    /// A sealed box of suite 1 and term 2.
    private static func box(_ fill: UInt8) -> String { blob([1, 0, 0, 0, 2] + Array(repeating: fill, count: 132)) }

    private static func blob(_ bytes: [UInt8]) -> String {
        "x'\(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())'"
    }
}
