public import Broker
import GRDB
public import Sealing

// KeyRingStore.
extension SQLiteStore {
    public func keyRing() async throws(StoreFailure) -> StoredKeyRing? {
        try await read { db in try db.keyRing() }
    }

    public func insert(_ keyRing: StoredKeyRing) async throws(StoreFailure) -> Bool {
        try await write { db in
            let inserted = try db.change(
                "INSERT INTO key_ring (one, check_value) VALUES (1, ?) ON CONFLICT (one) DO NOTHING",
                [.bytes(keyRing.checkValue)])
            guard inserted == 1 else { return (false, nil) }
            for key in keyRing.dataKeys { try db.insert(key) }
            return (true, nil)
        }
    }

    public func addDataKey(_ key: WrappedDataKey, retiring term: UInt32) async throws(StoreFailure) -> Bool {
        try await write { db in
            let retired = try db.change(
                "UPDATE data_key SET state = 'retired' WHERE term = ? AND state = 'active'", [.integer(Int(term))])
            guard retired == 1 else { return (false, nil) }
            try db.insert(key)
            return (true, nil)
        }
    }

    public func removeDataKey(_ term: UInt32) async throws(StoreFailure) -> Bool {
        try await write(erasing: true) { db in
            for place in SealedPlace.allCases {
                let form = SealedForm(place)
                for (_, column) in form.boxes {
                    let needed = try db.first(
                        "SELECT 1 FROM \(form.table) WHERE substr(\(column), 2, 4) = ? LIMIT 1",
                        [.bytes(withUnsafeBytes(of: term.bigEndian) { Array($0) })]
                    ) { try $0.integer() }
                    if needed != nil { return (false, nil) }
                }
            }
            try db.change("DELETE FROM data_key WHERE term = ? AND state = 'retired'", [.integer(Int(term))])
            return (true, nil)
        }
    }

    public func rewrap(_ keyRing: StoredKeyRing, replacing checkValue: [UInt8]) async throws(StoreFailure)
        -> StoredKeyRing?
    {
        try await write(erasing: true) { db in
            let replaced = try db.change(
                "UPDATE key_ring SET check_value = ? WHERE check_value = ?",
                [.bytes(keyRing.checkValue), .bytes(checkValue)])
            guard replaced == 1 else { return (nil, nil) }
            try db.change("DELETE FROM data_key", [])
            for key in keyRing.dataKeys { try db.insert(key) }
            return (try db.keyRing(), nil)
        }
    }

    // MARK: Boxes

    public func sealedRows(
        in place: SealedPlace, after name: SealedRow.Name?, limit: Int
    ) async throws(StoreFailure) -> [SealedRow] {
        let form = SealedForm(place)
        let start: [Value] = [form.value(name?.bytes ?? []), .integer(name?.number ?? -1), .integer(max(0, limit))]
        return try await read { db in
            try db.all(form.select, start) { columns in
                let bytes = form.isHash ? try columns.bytes() : Array(try columns.text().utf8)
                let number = try columns.integer()
                let record = form.isHash ? bytes.hexadecimal : try columns.text()
                let version = try columns.integer()
                var boxes: [SealColumn: SealedBox] = [:]
                for (column, _) in form.boxes {
                    boxes[column] = try columns.optionalBytes().flatMap { try? SealedBox($0) }
                }
                return SealedRow(
                    place: place, name: SealedRow.Name(bytes, number: number), record: record, version: version,
                    boxes: boxes)
            }
        }
    }

    public func replaceBoxes(_ changes: [SealedChange]) async throws(StoreFailure) -> Int {
        try await write { db in
            var changed = 0
            for change in changes {
                let form = SealedForm(change.row.place)
                // A box that is none was left out when the row was read, and stays out of this.
                let columns = form.boxes.filter { change.row.boxes[$0.0] != nil }
                guard !columns.isEmpty else { continue }
                changed += try db.change(
                    """
                    UPDATE \(form.table) SET \(columns.map { "\($0.1) = ?" }.joined(separator: ", "))
                    WHERE \(form.name) = ? AND \(form.number ?? "0") = ?
                        AND \(columns.map { "\($0.1) = ?" }.joined(separator: " AND "))
                    """,
                    columns.map { .bytes((change.boxes[$0.0] ?? change.row.boxes[$0.0])?.bytes) }
                        + [form.value(change.row.name.bytes), .integer(change.row.name.number)]
                        + columns.map { .bytes(change.row.boxes[$0.0]?.bytes) })
            }
            return (changed, nil)
        }
    }

    public func sealedCounts() async throws(StoreFailure) -> [SealedPlace: [UInt32: Int]] {
        try await read { db in
            var counts: [SealedPlace: [UInt32: Int]] = [:]
            for place in SealedPlace.allCases {
                let form = SealedForm(place)
                for (_, column) in form.boxes {
                    let found = try db.all(
                        """
                        SELECT hex(substr(\(column), 2, 4)), count(*) FROM \(form.table)
                        WHERE \(column) IS NOT NULL GROUP BY 1
                        """, []
                    ) { columns in (try columns.text(), try columns.integer()) }
                    for (term, count) in found {
                        // 0 is no data key's: what is too short for a term is no box.
                        counts[place, default: [:]][UInt32(term, radix: 16) ?? 0, default: 0] += count
                    }
                }
            }
            return counts
        }
    }
}

/// Where a place's boxes stand in the schema.
struct SealedForm: Sendable {
    let table: String
    /// What names a row, and tells several of one name.
    let name: String
    var number: String?
    var isHash = false
    let record: String
    var version = "1"
    let boxes: [(SealColumn, String)]

    init(_ place: SealedPlace) {
        switch place {
        case .connection:
            self.init(
                table: "credential", name: "connection", record: "connection", version: "version",
                boxes: [
                    (.credential, "credential"), (.refresh, "refresh"), (.proofKey, "proof_key"), (.subject, "subject"),
                ])
        case .pendingAuthorization:
            self.init(
                table: "pending_authorization", name: "state_hash", isHash: true, record: "state_hash",
                boxes: [(.verifier, "verifier"), (.proofKey, "proof_key")])
        case .heldGrant:
            self.init(table: "held_grant", name: "hash", isHash: true, record: "hash", boxes: [(.payload, "box")])
        case .deviceConsent:
            self.init(table: "device_consent", name: "connection", record: "id", boxes: [(.payload, "box")])
        case .revocation:
            self.init(
                table: "revocation", name: "id", record: "connection", version: "version",
                boxes: [(.credential, "credential"), (.refresh, "refresh")])
        case .clientSecret:
            self.init(
                table: "client_secret", name: "client", number: "number", record: "client", version: "number",
                boxes: [(.secret, "box")])
        case .webhookSecret:
            self.init(
                table: "webhook_secret", name: "webhook", number: "number", record: "webhook", version: "number",
                boxes: [(.secret, "box")])
        case .secretVersion:
            self.init(
                table: "secret_version", name: "connection", number: "version", record: "connection",
                version: "version", boxes: [(.credential, "box")])
        case .installationKey:
            self.init(table: "installation_key", name: "name", record: "name", boxes: [(.auditKey, "box")])
        }
    }

    private init(
        table: String, name: String, number: String? = nil, isHash: Bool = false, record: String,
        version: String = "1", boxes: [(SealColumn, String)]
    ) {
        self.table = table
        self.name = name
        self.number = number
        self.isHash = isHash
        self.record = record
        self.version = version
        self.boxes = boxes
    }

    func value(_ name: [UInt8]) -> Value {
        isHash ? .bytes(name) : .text(String(decoding: name, as: UTF8.self))
    }

    /// Walks the primary key.
    var select: String {
        let order = number.map { "\(name), \($0)" } ?? name
        // Where there are no numbers the second value is bound to something that always holds.
        let start = number.map { "(\(name), \($0)) > (?, ?)" } ?? "\(name) > ? AND ? < 1"
        let columns = [name, number ?? "0"] + (isHash ? [] : [record]) + [version] + boxes.map(\.1)
        return """
            SELECT \(columns.joined(separator: ", ")) FROM \(table)
            WHERE \(start) ORDER BY \(order) LIMIT ?
            """
    }
}

extension Database {
    fileprivate func keyRing() throws -> StoredKeyRing? {
        guard let checkValue = try first("SELECT check_value FROM key_ring", [], { try $0.bytes() })
        else { return nil }
        let dataKeys = try all("SELECT term, state, box FROM data_key ORDER BY term", []) { columns in
            guard let term = UInt32(exactly: try columns.integer()) else { throw Unreadable() }
            return WrappedDataKey(term: term, state: try columns.word(), box: try columns.box())
        }
        return StoredKeyRing(checkValue: checkValue, dataKeys: dataKeys)
    }

    fileprivate func insert(_ key: WrappedDataKey) throws {
        try change(
            "INSERT INTO data_key (term, state, box) VALUES (?, ?, ?)",
            [.integer(Int(key.term)), .text(key.state.rawValue), .bytes(key.box.bytes)])
    }
}
