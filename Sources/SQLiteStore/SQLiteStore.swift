public import Broker
import GRDB

/// The embedded store: one SQLite database in the data folder of one process.
///
/// One connection does everything. The system's SQLite (3.40) has a race in WAL mode that needs two connections which
/// write or checkpoint at once; with one connection in the process, and the folder locked against other processes,
/// there is no second. Readers of their own would gain nothing: the warm credential path never comes here.
///
/// A commit is on the disk when a call returns (`synchronous=FULL`). After a failed write or fsync nothing is written
/// any more (`isBroken`): what a later fsync says could not be trusted.
public final class SQLiteStore: BrokerStore {
    /// What tests turn.
    struct Options: Sendable {
        /// How long a call waits while another program holds the database.
        var busyTimeout: Double = 5
        /// In pages of 4 KiB: the size at which the disk counts as full.
        var maximumPages: Int?
        /// Called before each statement begins.
        var onStatement: (@Sendable () -> Void)?
    }

    /// The version of the system's SQLite, such as `3.40.1`: from 3.51.3 on the race is mended.
    public let sqliteVersion: String

    private let lock: DataFolderLock
    private let queue: DatabaseQueue
    private let latch: WriteLatch
    private let feed = ChangeFeed()

    /// Opens `credence.db` in the folder (which must be there, with mode 0700), makes it when it is not there, and
    /// brings its schema up to date.
    ///
    /// - Parameter onFatal: Called once, when the store stops writing for good: stop the service then.
    /// - Throws: `.busy` when another process has the folder, `.newerSchema`, `.damaged`, `.notWritable`, or `.other`
    ///   for a link or a file that others may read; each says what to do.
    public convenience init(
        folder: String, onFatal: @escaping @Sendable (StoreFailure) -> Void = { _ in }
    ) throws(StoreFailure) {
        try self.init(folder: folder, options: Options(), onFatal: onFatal)
    }

    init(
        folder: String, options: Options, onFatal: @escaping @Sendable (StoreFailure) -> Void = { _ in }
    ) throws(StoreFailure) {
        let path = folder + "/credence.db"
        let lock = try DataFolderLock(folder: folder)
        try DatabaseFile(path: path).prepare()
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration(options))
            sqliteVersion = try queue.inDatabase { db in
                try Self.check(db, path: path)
                return try String.fetchOne(db, sql: "SELECT sqlite_version()") ?? "unknown"
            }
            try Migrations.migrator.migrate(queue)
        } catch {
            throw StoreFailure(error, path: path)
        }
        self.lock = lock
        latch = WriteLatch(path: path, onFatal: onFatal)
    }

    deinit {
        close()
    }

    /// Whether writing was given up for good: a write or an fsync failed, or the file is damaged.
    public var isBroken: Bool { latch.hasFallen }

    /// Whether what must not be lost can be written now. After a refused write that is tried, so that a disk that has room
    /// again is seen.
    public func isWritable() async -> Bool {
        guard !isBroken else { return false }
        guard latch.isRefused else { return true }
        do {
            // Changes nothing, and is written all the same.
            try await write { db in (try db.execute(sql: "UPDATE key_ring SET one = one"), nil) }
            return true
        } catch {
            return false
        }
    }

    /// Ends the change streams, empties the write-ahead log into the database, and lets others have the folder.
    /// Calls after this one fail.
    public func close() {
        feed.finish()
        if isBroken {
            // Closing would checkpoint: sync once more and trust it. The connection stays open until the process ends.
            _ = Unmanaged.passRetained(queue)
        } else {
            try? queue.close()
        }
        lock.release()
    }

    public func changes() -> AsyncStream<ConnectionChange> {
        feed.stream()
    }

    // MARK: Opening

    private static func configuration(_ options: Options) -> Configuration {
        var configuration = Configuration()
        configuration.label = "SQLiteStore"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(options.busyTimeout)
        configuration.prepareDatabase { db in
            // Defensive mode cannot be reached from Swift (a variadic call). What it forbids is SQL that somebody
            // else wrote, and none comes in here; trusted_schema keeps a forged schema from calling functions.
            try db.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA mmap_size = 0;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA secure_delete = ON;
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    """)
            if let pages = options.maximumPages {
                try db.execute(sql: "PRAGMA max_page_count = \(pages)")
            }
            if let onStatement = options.onStatement { db.trace { _ in onStatement() } }
        }
        return configuration
    }

    private static func check(_ db: Database, path: String) throws {
        let problems = try String.fetchAll(db, sql: "PRAGMA quick_check(1)")
        guard problems == ["ok"] else { throw StoreFailure.damaged(path) }
        if try Migrations.migrator.hasBeenSuperseded(db) {
            throw StoreFailure(
                .newerSchema,
                "The database \(path) was written by a newer Credence: start that one, or restore a backup of before.")
        }
    }

    // MARK: Reading and writing

    // Not GRDB's own async methods: those give up when the calling task is cancelled, and the outcome of a refresh
    // must be stored even when the caller has hung up (security case R6).

    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(StoreFailure) -> T {
        try await access(body)
    }

    /// Runs the body in one transaction, durable on return, then announces the change that it returns, if any.
    ///
    /// - Parameter erasing: What is deleted lingers in the write-ahead log: empty that as well (security case S11).
    func write<T: Sendable>(
        erasing: Bool = false, _ body: @escaping @Sendable (Database) throws -> (T, ConnectionChange?)
    ) async throws(StoreFailure) -> T {
        try await access { [latch, feed] db in
            try latch.pass()
            var outcome: (T, ConnectionChange?)?
            try db.inTransaction(.immediate) {
                outcome = try body(db)
                return .commit
            }
            if erasing {
                // The deletion is already durable; where another program's reader is in the way, a later checkpoint
                // gets it.
                do { try db.checkpoint(.truncate) } catch { _ = latch.judge(error) }
            }
            guard let (result, change) = outcome else { throw Unreadable() }
            latch.wrote()
            if let change { feed.announce(change) }
            return result
        }
    }

    /// What runs on the connection's queue never holds the store itself: the last one to let go of it closes the
    /// connection, and cannot do that from the connection's own queue.
    private func access<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreFailure) -> T {
        let result: Result<T, StoreFailure> = await withCheckedContinuation { continuation in
            queue.asyncWriteWithoutTransaction { [latch] db in
                do {
                    continuation.resume(returning: .success(try body(db)))
                } catch {
                    continuation.resume(returning: .failure(latch.judge(error)))
                }
            }
        }
        return try result.get()
    }
}
