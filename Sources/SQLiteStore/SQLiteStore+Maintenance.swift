public import Broker
import Crypto
import Foundation
import GRDB
import GRDBSQLite

extension SQLiteStore {
    /// Of the library that this process uses, such as `3.40.1`.
    public static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}

// StoreMaintenance, and which installation this is.
extension SQLiteStore: StoreMaintenance {
    public func damage() async throws(StoreFailure) -> [String] {
        try await read { db in
            let found = try String.fetchAll(db, sql: "PRAGMA integrity_check(20)").filter { $0 != "ok" }
            let orphans = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").prefix(20).map { row in
                "a row of \(row[0] as String? ?? "a table") belongs to nothing"
            }
            return found + orphans
        }
    }

    /// 2 MiB at a time, by the one connection that everything goes through: what is written between two pieces is carried
    /// over (sqlite.org/backup.html), and nobody waits for the whole.
    public func copy(to path: String) async throws(StoreFailure) {
        let copying = Copying()
        do {
            try await read { db in try copying.begin(from: db, to: path) }
            while try await read({ _ in try copying.step(pages: 512) }) {}
            copying.end()
        } catch {
            copying.end()
            throw error
        }
    }

    public func sign(
        copy path: String, _ manifest: BackupManifest, _ seal: @Sendable (String) -> [UInt8]
    ) async throws(StoreFailure) {
        var manifest = manifest
        do {
            let copy = try DatabaseQueue(path: path)
            try copy.inDatabase { db in
                // One file, whatever its journal was.
                try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON;")
                (manifest.tables, manifest.digest) = try BackupFile.contents(of: db)
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                let text = String(decoding: try encoder.encode(manifest), as: UTF8.self)
                try db.execute(sql: "CREATE TABLE backup_manifest (text TEXT NOT NULL, mac BLOB NOT NULL) STRICT")
                try db.execute(
                    sql: "INSERT INTO backup_manifest (text, mac) VALUES (?, ?)",
                    arguments: [text, Data(seal(text))])
            }
            try copy.close()
        } catch {
            throw StoreFailure(error, path: path)
        }
    }

    // MARK: Which installation this is

    /// `id` is made with the store; `starts` counts the services that ran on it.
    public struct Instance: Sendable, Hashable {
        public var id: String
        public var starts: Int

        public init(id: String, starts: Int) {
            self.id = id
            self.starts = starts
        }
    }

    /// nil in a store that nothing ran on yet.
    public func instance() async throws(StoreFailure) -> Instance? {
        try await read { db in
            try db.first("SELECT id, starts FROM instance", []) { columns in
                Instance(id: try columns.text(), starts: try columns.integer())
            }
        }
    }

    public func set(instance: Instance) async throws(StoreFailure) {
        try await write { db in
            try db.change(
                "INSERT INTO instance (one, id, starts) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET id = excluded.id, starts = excluded.starts",
                [.text(instance.id), .integer(instance.starts)])
            return ((), nil)
        }
    }
}

/// An online backup under way. Used on the connection's queue alone.
private final class Copying: @unchecked Sendable {
    private var handle: OpaquePointer?
    private var destination: OpaquePointer?
    private var waits = 0

    func begin(from db: Database, to path: String) throws {
        guard sqlite3_open_v2(path, &destination, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil) == SQLITE_OK else {
            throw failure()
        }
        handle = sqlite3_backup_init(destination, "main", db.sqliteConnection, "main")
        guard handle != nil else { throw failure() }
    }

    /// Whether there is more to do.
    func step(pages: CInt) throws -> Bool {
        switch sqlite3_backup_step(handle, pages) {
        case SQLITE_OK:
            waits = 0
            return true
        // Another program holds the database; the steps themselves wait for it.
        case SQLITE_BUSY where waits < 10, SQLITE_LOCKED where waits < 10:
            waits += 1
            return true
        case SQLITE_DONE: return false
        default: throw failure()
        }
    }

    func end() {
        if let handle { sqlite3_backup_finish(handle) }
        if let destination { sqlite3_close_v2(destination) }
        (handle, destination) = (nil, nil)
    }

    private func failure() -> StoreFailure {
        let why = destination.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "no memory"
        return StoreFailure(.notWritable, "The backup cannot be written: \(why). Has the disk room for it?")
    }
}

/// A backup as a file: a database with a manifest in it.
public struct BackupFile: Sendable {
    public let path: String
    public let manifest: BackupManifest
    /// What the authenticator is made over.
    public let text: String
    public let mac: [UInt8]

    /// - Throws: where the file is no backup, or its content is not what its manifest says.
    public init(path: String) throws(StoreFailure) {
        self.path = path
        let notOurs = StoreFailure(.damaged, "\(path) is no backup of Credence: no manifest can be read in it.")
        var configuration = Configuration()
        configuration.readonly = true
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            (text, mac) = try queue.inDatabase { db in
                guard let row = try Row.fetchOne(db, sql: "SELECT text, mac FROM backup_manifest"),
                    let text = row[0] as String?, let mac = row[1] as Data?
                else { throw notOurs }
                return (text, Array(mac))
            }
            manifest = try JSONDecoder().decode(BackupManifest.self, from: Data(text.utf8))
            guard manifest.format == 1 else {
                throw StoreFailure(.newerSchema, "\(path) was written by a newer Credence: restore it with that one.")
            }
            let found = try queue.inDatabase { db in try Self.contents(of: db) }
            guard found.digest == manifest.digest, found.tables == manifest.tables else {
                throw StoreFailure(.damaged, "\(path) is damaged: its content is not what its manifest says.")
            }
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw notOurs
        }
    }

    /// Copies it to where a store looks for its database, and takes the manifest out.
    public func install(in folder: String) throws(StoreFailure) {
        let target = folder + "/credence.db"
        do {
            try DatabaseFile(path: target).prepare()
            var configuration = Configuration()
            configuration.readonly = true
            let from = try DatabaseQueue(path: path, configuration: configuration)
            let to = try DatabaseQueue(path: target)
            try from.backup(to: to)
            try to.inDatabase { db in
                try db.execute(sql: "PRAGMA secure_delete = ON; DROP TABLE backup_manifest")
            }
            try from.close()
            try to.close()
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw StoreFailure(error, path: target)
        }
    }

    /// Rows by table, and a digest over all of them.
    static func contents(of db: Database) throws -> (tables: [String: Int], digest: String) {
        let names = try String.fetchAll(
            db,
            sql: """
                SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                    AND name <> 'backup_manifest' ORDER BY name
                """)
        var digest = RunningDigest()
        var tables: [String: Int] = [:]
        for name in names {
            digest.add(name)
            var count = 0
            let rows = try Row.fetchCursor(db, sql: "SELECT * FROM \"\(name)\" ORDER BY rowid")
            while let row = try rows.next() {
                count += 1
                for (column, value) in row {
                    digest.add(column)
                    switch value.storage {
                    case .null: digest.add("null")
                    case .int64(let number): digest.add("i\(number)")
                    case .double(let number): digest.add("d\(number.bitPattern)")
                    case .string(let text): digest.add(text)
                    case .blob(let data): digest.add(Array(data))
                    }
                }
            }
            tables[name] = count
        }
        return (tables, digest.hexadecimal)
    }
}

/// SHA-256 over texts and bytes, each behind its length: no two lists run together.
private struct RunningDigest {
    private var hash = SHA256()

    mutating func add(_ text: String) { add(Array(text.utf8)) }

    mutating func add(_ bytes: [UInt8]) {
        hash.update(data: withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { Array($0) })
        hash.update(data: bytes)
    }

    var hexadecimal: String { Array(hash.finalize()).hexadecimal }
}
