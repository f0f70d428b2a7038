public import Broker
import GRDB

extension SQLiteStore {
    public func callers() async throws(StoreFailure) -> [Caller] {
        try await read { db in
            let found = try db.all(
                "SELECT id, role, connections, labels, created_at, revoked_at FROM caller ORDER BY id", [],
                Self.caller)
            return try found.map { caller in
                var caller = caller
                caller.keys = try db.all(
                    "SELECT id, sha256, created_at, expires_at FROM caller_key WHERE caller = ? ORDER BY position",
                    [.text(caller.id.string)]
                ) { columns in
                    CallerKey(
                        id: try columns.text(), sha256: try columns.bytes(), createdAt: try columns.time(),
                        expiresAt: try columns.optionalTime())
                }
                return caller
            }
        }
    }

    public func insert(_ caller: Caller) async throws(StoreFailure) -> Bool {
        try await write { db in
            let inserted = try db.change(
                """
                INSERT INTO caller (id, role, connections, labels, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO NOTHING
                """,
                [
                    .text(caller.id.string), .text(caller.role.rawValue),
                    .json(caller.connections.map(\.string).sorted()), .json(caller.labels), .time(caller.createdAt),
                    .time(caller.revokedAt),
                ])
            guard inserted == 1 else { return (false, nil) }
            try db.insertKeys(of: caller)
            return (true, nil)
        }
    }

    public func update(_ caller: Caller) async throws(StoreFailure) -> Bool {
        try await write { db in
            let updated = try db.change(
                "UPDATE caller SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                [.time(caller.revokedAt), .text(caller.id.string)])
            guard updated == 1 else { return (false, nil) }
            try db.change("DELETE FROM caller_key WHERE caller = ?", [.text(caller.id.string)])
            try db.insertKeys(of: caller)
            return (true, nil)
        }
    }

    private static func caller(_ columns: inout Columns) throws -> Caller {
        let id = try columns.identifier(CallerID.self)
        let role = try columns.word(Caller.Role.self)
        let names = try columns.json([String].self)
        let connections = names.compactMap { ConnectionID($0) }
        // A rule that were lost would let the caller see more, not less.
        guard connections.count == names.count else { throw Unreadable() }
        return Caller(
            id: id, role: role, connections: Set(connections), labels: try columns.json(),
            createdAt: try columns.time(), revokedAt: try columns.optionalTime())
    }
}

extension Database {
    fileprivate func insertKeys(of caller: Caller) throws {
        for (position, key) in caller.keys.enumerated() {
            try change(
                "INSERT INTO caller_key (caller, position, id, sha256, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(caller.id.string), .integer(position), .text(key.id), .bytes(key.sha256),
                    .time(key.createdAt), .time(key.expiresAt),
                ])
        }
    }
}
