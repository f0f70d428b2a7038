public import Broker
import GRDB
import OAuth
import Sealing

// ClientStore.
extension SQLiteStore {
    public func client(_ id: ClientID) async throws(StoreFailure) -> RegisteredClient? {
        try await read { db in try db.registeredClients("WHERE id = ?", [.text(id.string)]).first }
    }

    public func clients() async throws(StoreFailure) -> [RegisteredClient] {
        try await read { db in try db.registeredClients("ORDER BY id", []) }
    }

    public func insert(_ client: RegisteredClient) async throws(StoreFailure) -> Bool {
        try await write { db in
            let inserted = try db.change(
                """
                INSERT INTO client (id, provider, client_id, authentication_method, fields, scopes, grant_types,
                    is_dpop_bound, signing_algorithm, created_at, updated_at, revision)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                """,
                [
                    .text(client.id.string), .text(client.provider), .text(client.clientID),
                    .text(client.authenticationMethod), .json(client.fields), .json(client.scopes),
                    .json(client.grantTypes.map(\.rawValue)), .integer(client.isDPoPBound ? 1 : 0),
                    .text(client.signingAlgorithm), .time(client.createdAt), .time(client.updatedAt),
                    .integer(client.revision),
                ])
            guard inserted == 1 else { return (false, nil) }
            try db.insertSecrets(of: client)
            return (true, nil)
        }
    }

    public func update(_ client: RegisteredClient) async throws(StoreFailure) -> Bool {
        try await write(erasing: true) { db in
            let updated = try db.change(
                """
                UPDATE client SET client_id = ?, authentication_method = ?, fields = ?, scopes = ?, grant_types = ?,
                    is_dpop_bound = ?, signing_algorithm = ?, updated_at = ?, revision = revision + 1
                WHERE id = ? AND revision = ?
                """,
                [
                    .text(client.clientID), .text(client.authenticationMethod), .json(client.fields),
                    .json(client.scopes), .json(client.grantTypes.map(\.rawValue)),
                    .integer(client.isDPoPBound ? 1 : 0), .text(client.signingAlgorithm), .time(client.updatedAt),
                    .text(client.id.string), .integer(client.revision),
                ])
            guard updated == 1 else { return (false, nil) }
            try db.change("DELETE FROM client_secret WHERE client = ?", [.text(client.id.string)])
            try db.insertSecrets(of: client)
            return (true, nil)
        }
    }

    public func deleteClient(_ id: ClientID) async throws(StoreFailure) -> DeleteClientResult {
        try await write(erasing: true) { db in
            let users = try db.first(
                "SELECT count(*) FROM connection WHERE client = ?", [.text(id.string)]
            ) { try $0.integer() }
            if let users, users > 0 { return (.inUse(users), nil) }
            let owed = try db.first(
                "SELECT count(*) FROM revocation WHERE client = ?", [.text(id.string)]
            ) { try $0.integer() }
            if let owed, owed > 0 { return (.owing(owed), nil) }
            let deleted = try db.change("DELETE FROM client WHERE id = ?", [.text(id.string)])
            return (deleted == 1 ? .deleted : .notFound, nil)
        }
    }
}

extension Columns {
    fileprivate mutating func grantTypes() throws -> [GrantType] {
        try json([String].self).map { text in
            guard let type = GrantType(rawValue: text) else { throw Unreadable() }
            return type
        }
    }
}

extension Database {
    fileprivate func registeredClients(_ clause: String, _ values: [Value]) throws -> [RegisteredClient] {
        let found = try all(
            """
            SELECT id, provider, client_id, authentication_method, fields, scopes, grant_types, is_dpop_bound,
                signing_algorithm, created_at, updated_at, revision
            FROM client \(clause)
            """, values
        ) { columns in
            RegisteredClient(
                id: try columns.identifier(), provider: try columns.text(), clientID: try columns.text(),
                authenticationMethod: try columns.optionalText(), fields: try columns.json(),
                scopes: try columns.json(), grantTypes: try columns.grantTypes(),
                isDPoPBound: try columns.integer() != 0, signingAlgorithm: try columns.optionalText(),
                createdAt: try columns.time(), updatedAt: try columns.time(),
                revision: try columns.integer())
        }
        return try found.map { client in
            var client = client
            client.secrets = try all(
                "SELECT number, kind, box, key_id, expires_at, created_at FROM client_secret WHERE client = ? ORDER BY position",
                [.text(client.id.string)]
            ) { columns in
                ClientSecret(
                    number: try columns.integer(), kind: try columns.word(), box: try columns.box(),
                    keyID: try columns.optionalText(), expiresAt: try columns.optionalTime(),
                    createdAt: try columns.time())
            }
            return client
        }
    }

    fileprivate func insertSecrets(of client: RegisteredClient) throws {
        for (position, secret) in client.secrets.enumerated() {
            try change(
                """
                INSERT INTO client_secret (client, position, number, kind, box, key_id, expires_at, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .text(client.id.string), .integer(position), .integer(secret.number),
                    .text(secret.kind.rawValue), .bytes(secret.box.bytes), .text(secret.keyID),
                    .time(secret.expiresAt), .time(secret.createdAt),
                ])
        }
    }
}
