import Broker
import BrokerTesting
import Foundation
import GRDB
import Glibc
import ProviderProfiles
import Sealing
import Testing

@testable import SQLiteStore

@Suite("Migrations of the SQLite store")
struct MigrationTests {
    /// Makes the database that the first schema left.
    private func makeOld(in folder: String, adding sql: String = "") throws {
        let queue = try DatabaseQueue(path: database(in: folder))
        try queue.inDatabase { db in
            try db.execute(sql: FirstSchema.tables)
            try db.execute(sql: FirstSchema.rows)
            try db.execute(sql: sql)
        }
        try queue.close()
        #expect(chmod(database(in: folder), 0o600) == 0)
    }

    /// What the database says of itself, and every row of it, in SQL's own words.
    private func contents(_ folder: String) throws -> [String] {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: database(in: folder), configuration: configuration)
        defer { try? queue.close() }
        return try queue.inDatabase { db in
            var found = try Self.schema(db)
            for table in try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
            {
                found += try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY rowid").map {
                    "\(table) \($0.databaseValues.map { "\($0)" })"
                }
            }
            return found
        }
    }

    private static func schema(_ db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
    }

    private func steps(_ store: SQLiteStore) async throws -> [String] {
        try await store.read { db in
            try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
        }
    }

    private func expectSound(_ store: SQLiteStore) async throws {
        let (integrity, orphans) = try await store.read { db in
            (
                try String.fetchAll(db, sql: "PRAGMA integrity_check"),
                try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").count
            )
        }
        #expect(integrity == ["ok"])
        #expect(orphans == 0)
    }

    // MARK: What the old rows mean

    private static func time(_ last: Int64) -> Timestamp { Timestamp(milliseconds: 1_799_000_000_000 + last) }
    private static func hash(_ fill: UInt8) -> [UInt8] { Array(repeating: fill, count: 32) }

    private static func sealed(_ fill: UInt8) throws -> SealedBox {
        try SealedBox([1, 0, 0, 0, 2] + Array(repeating: fill, count: 132))
    }

    private static let fields = ["quote": "\"é\" / \\ \u{1}"]

    private func connections() throws -> [StoredConnection] {
        let time = Self.time
        let sealed = Self.sealed
        let (sales, bare) = (try #require(ClientID("sales")), try #require(ClientID("bare")))
        return [
            StoredConnection(
                connection: Connection(
                    id: try connectionID("full"), provider: "example", client: sales, kind: .oauth2,
                    owner: "anna", labels: ["stage": "test", "team": "blue"], scopes: ["read", "write"], resources: [],
                    fields: Self.fields.merging(["host": "example.com"]) { $1 }, isDisabled: false,
                    createdAt: time(10), updatedAt: time(11), revision: 4),
                grant: Grant(
                    version: 7, credential: try sealed(0xF1), refresh: try sealed(0xF2), proofKey: nil, subject: nil,
                    scopes: ["read"], attributes: ["instance_url": "https://acme.example.com"],
                    account: "anna@example.com", accountKey: nil, issuedAt: time(20), expiresAt: time(3_600_020),
                    refreshTokenExpiresAt: time(1_000_000_020), refreshAt: time(3_000_020), lastRefreshedAt: time(21),
                    reauthorization: nil,
                    failure: RefreshFailure(
                        since: time(22), reason: "provider_unavailable", attempts: 3, retryAt: time(23)),
                    fence: 12,
                    attempt: RefreshAttempt(id: "attempt-1", fence: 12, owner: "process-1", leaseUntil: time(24)))),
            StoredConnection(
                connection: Connection(
                    id: try connectionID("gone"), provider: "example", client: sales, kind: .oauth2, isDisabled: true,
                    createdAt: time(12), updatedAt: time(13), revision: 2),
                grant: Grant(
                    version: 2, credential: try sealed(0x91), issuedAt: time(25), expiresAt: time(26),
                    reauthorization: .revoked, fence: 1)),
            StoredConnection(
                connection: Connection(
                    id: try connectionID("key"), provider: "other", client: nil, kind: .apiKey,
                    labels: ["team": "blue"], createdAt: time(14), updatedAt: time(15)),
                grant: Grant(version: 1, credential: try sealed(0x81))),
            StoredConnection(
                connection: Connection(
                    id: try connectionID("new"), provider: "example", client: bare, kind: .oauth2,
                    createdAt: time(16), updatedAt: time(16))),
            StoredConnection(
                connection: Connection(
                    id: try connectionID("user"), provider: "other", client: nil, kind: .basic, owner: "bert",
                    createdAt: time(17), updatedAt: time(17)),
                grant: Grant(version: 3, credential: try sealed(0x71))),
        ]
    }

    private func clients() throws -> [RegisteredClient] {
        let time = Self.time
        return [
            RegisteredClient(
                id: try #require(ClientID("bare")), provider: "example", clientID: "id-of-bare", createdAt: time(2),
                updatedAt: time(3), revision: 1),
            RegisteredClient(
                id: try #require(ClientID("sales")), provider: "example", clientID: "id-of-sales",
                authenticationMethod: "client_secret_post",
                fields: Self.fields.merging(["host": "eu.example.com"]) { $1 }, scopes: ["read", "write"],
                grantTypes: [], isDPoPBound: false, signingAlgorithm: nil,
                secrets: [
                    ClientSecret(number: 9, kind: .secret, box: try Self.sealed(0xC9), createdAt: time(1)),
                    ClientSecret(number: 4, kind: .secret, box: try Self.sealed(0xC4), createdAt: time(0)),
                ], createdAt: time(0), updatedAt: time(1), revision: 9),
        ]
    }

    private func callers() throws -> [Caller] {
        let time = Self.time
        return [
            Caller(
                id: try #require(CallerID("app-1")), role: .runtime,
                connections: [try connectionID("full"), try connectionID("key")], labels: ["team": "blue"],
                keys: [
                    CallerKey(id: "new", sha256: Self.hash(0x32), createdAt: time(33)),
                    CallerKey(id: "old", sha256: Self.hash(0x31), createdAt: time(30), expiresAt: time(9_000_000)),
                ], createdAt: time(30)),
            Caller(
                id: try #require(CallerID("root")), role: .admin, createdAt: time(31), revokedAt: time(32)),
        ]
    }

    // MARK: Tests

    @Test("the first step still makes what it made when it was released")
    func firstStep() throws {
        let (made, released) = (try DatabaseQueue(), try DatabaseQueue())
        try Migrations.migrator.migrate(made, upTo: "0001-first")
        let expected = try released.inDatabase { db in
            try db.execute(sql: FirstSchema.tables)
            return try Self.schema(db)
        }
        #expect(try made.inDatabase { try Self.schema($0) } == expected)
        // And has every kind of row.
        try released.inDatabase { db in
            try db.execute(sql: FirstSchema.rows)
            for table in try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'") {
                #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0 > 0, "\(table)")
            }
        }
    }

    @Test("0001 to 0002: every row reads back equal, and what is new means what it meant before")
    func rows() async throws {
        try await withDataFolder { folder in
            try makeOld(in: folder)
            let store = try SQLiteStore(folder: folder)
            #expect(try await steps(store).starts(with: ["0001-first", "0002-grants"]))
            try await expectSound(store)
            let grantTypes = try await store.read { db in
                try String.fetchAll(db, sql: "SELECT DISTINCT grant_type FROM connection")
            }
            #expect(grantTypes == ["authorization_code"])

            let connections = try connections()
            for expected in connections { #expect(try await store.connection(expected.id) == expected) }
            #expect(try await store.connections(matching: .init(now: now), after: nil, limit: 10) == connections)
            let labelled = ConnectionFilter(now: now, labels: ["team": "blue"])
            let found = try await store.connections(matching: labelled, after: nil, limit: 10)
            #expect(found.map(\.id.string) == ["full", "key"])
            #expect(try await store.clients() == clients())
            #expect(try await store.callers() == callers())

            let (full, new) = (connections[0].id, connections[3].id)
            let (app, root) = (try callers()[0].id, try callers()[1].id)
            let tickets = [
                ConsentTicket(
                    hash: Self.hash(0x11), connection: full, returnTo: "https://app.example.com/done?a=1",
                    requestedBy: app, wishes: ConsentWishes(), expiresAt: Self.time(1_800_000)),
                ConsentTicket(
                    hash: Self.hash(0x12), connection: new, returnTo: nil, requestedBy: root,
                    wishes: ConsentWishes(), expiresAt: Self.time(1_800_001)),
            ]
            for ticket in tickets { #expect(try await store.ticket(ticket.hash) == ticket) }
            let pending = [
                PendingAuthorization(
                    stateHash: Self.hash(0x21), connection: full, client: try clients()[1].id,
                    browserHash: Self.hash(0xB0), verifier: try Self.sealed(0x61), proofKey: nil, scopes: ["read"],
                    returnTo: "https://app.example.com/", ticketHash: Self.hash(0x11), expiresAt: Self.time(600_000)),
                PendingAuthorization(
                    stateHash: Self.hash(0x22), connection: new, client: try clients()[0].id,
                    browserHash: Self.hash(0xB1), verifier: nil, proofKey: nil, scopes: [], returnTo: nil,
                    ticketHash: Self.hash(0x12), expiresAt: Self.time(600_001)),
            ]
            for pending in pending { #expect(try await store.takePending(pending.stateHash) == pending) }
            let ring = try #require(try await store.keyRing())
            #expect(ring.checkValue == Self.hash(0x41))
            #expect(
                ring.dataKeys == [
                    WrappedDataKey(term: 1, state: .retired, box: try Self.sealed(0x51)),
                    WrappedDataKey(term: 2, state: .active, box: try Self.sealed(0x52)),
                ])
        }
    }

    @Test("0001 to 0002: what is owed and polled begins empty, and old rows are written like new ones")
    func writes() async throws {
        try await withDataFolder { folder in
            try makeOld(in: folder)
            let store = try SQLiteStore(folder: folder)
            let connections = try connections()
            let full = connections[0]
            #expect(try await store.revocationsDue(at: .init(milliseconds: .max), limit: 10).isEmpty)
            #expect(try await store.devicesDue(at: .init(milliseconds: .max), limit: 10).isEmpty)
            #expect(try await store.due(at: now, limit: 10) == [full.id])

            var grant = full.grant
            grant.version = 8
            grant.proofKey = try Self.sealed(0xD1)
            grant.accountKey = "https://as.example.com 0042"
            grant.attempt = nil
            _ = try await store.commit(full.key, replacing: 7, with: grant)
            #expect(try await store.connection(full.id)?.grant == grant)
            var client = try clients()[1]
            client.isDPoPBound = true
            #expect(try await store.update(client))
            client.revision += 1
            #expect(try await store.client(client.id) == client)

            // All that belongs to a connection goes with it, what is newer than it too.
            let held = HeldGrant(
                hash: Self.hash(0x71), connection: full.id, browserHash: Self.hash(0xB0), box: try Self.sealed(0x72),
                returnTo: nil, expiresAt: now)
            try await store.insert(held)
            _ = try await store.delete(full.id, owing: { _ in nil })
            #expect(try await store.takeHeld(held.hash) == nil)
            #expect(try await store.ticket(Self.hash(0x11)) == nil)
            #expect(try await store.takePending(Self.hash(0x21)) == nil)
            #expect(try await store.ticket(Self.hash(0x12)) != nil)
            try await expectSound(store)
        }
    }

    @Test("the schema is the same whether a database was made today or brought on, and a second start changes nothing")
    func sameSchema() async throws {
        try await withDataFolder { folder in
            try makeOld(in: folder)
            try SQLiteStore(folder: folder).close()
            let brought = try contents(folder)
            try SQLiteStore(folder: folder).close()
            #expect(try contents(folder) == brought)
            try await withDataFolder { other in
                try SQLiteStore(folder: other).close()
                let made = try contents(other)
                // ALTER TABLE appends to the words of CREATE TABLE in both.
                #expect(made.filter { $0.hasPrefix("CREATE") } == brought.filter { $0.hasPrefix("CREATE") })
            }
        }
    }

    @Test("a step that fails at its end leaves the database as it was, and the next start makes it whole")
    func failing() async throws {
        try await withDataFolder { folder in
            // The name is taken when the step comes to it, after everything that it changes.
            try makeOld(in: folder, adding: "CREATE TABLE revocation (x INTEGER) STRICT")
            let before = try contents(folder)
            let refused = try #require(refusal(folder))
            #expect(refused.detail.contains("cannot be used"))
            #expect(try contents(folder) == before)
            try tamper(folder, "DROP TABLE revocation")
            let store = try SQLiteStore(folder: folder)
            #expect(try await steps(store).contains("0002-grants"))
            #expect(try await store.connection(try connectionID("full")) == connections()[0])
            try await expectSound(store)
        }
    }

    @Test("S12: a disk that is full during a step leaves the database as it was")
    func fullDisk() async throws {
        try await withDataFolder { folder in
            try makeOld(in: folder)
            let before = try contents(folder)
            let pages = try pageCount(folder)
            var refusals = 0
            for room in 0..<12 {
                var options = SQLiteStore.Options()
                options.maximumPages = pages + room
                do {
                    try SQLiteStore(folder: folder, options: options).close()
                    break
                } catch {
                    refusals += 1
                    #expect((error as? StoreFailure)?.code == .notWritable)
                    #expect((error as? StoreFailure)?.detail.contains("full") == true)
                    #expect(try contents(folder) == before)
                }
            }
            // At its beginning, in its middle and at its end.
            #expect(refusals >= 3)
            let store = try SQLiteStore(folder: folder)
            #expect(try await steps(store).contains("0002-grants"))
            #expect(try await store.connection(try connectionID("full")) == connections()[0])
        }
    }

    @Test(
        "S14: a process that is killed during a step leaves the database as it was",
        arguments: ["ALTER TABLE client ADD", "CREATE TABLE revocation", "INSERT INTO grdb_migrations"])
    func killed(at statement: String) async throws {
        try await withDataFolder { folder in
            try makeOld(in: folder)
            let before = try contents(folder)
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, statement] in
                var configuration = Configuration()
                configuration.prepareDatabase { db in
                    try db.execute(sql: "PRAGMA journal_mode = WAL")
                    db.trace { event in if "\(event)".contains(statement) { kill(getpid(), SIGKILL) } }
                }
                let queue = try DatabaseQueue(path: database(in: folder), configuration: configuration)
                try Migrations.migrator.migrate(queue)
            }
            #expect(try contents(folder) == before)
            let store = try SQLiteStore(folder: folder)
            #expect(try await steps(store).contains("0002-grants"))
            #expect(try await store.connection(try connectionID("full")) == connections()[0])
            try await expectSound(store)
        }
    }

    private func pageCount(_ folder: String) throws -> Int {
        let queue = try DatabaseQueue(path: database(in: folder))
        defer { try? queue.close() }
        return try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
    }
}
