import Broker
import GRDB
import Testing

@testable import SQLiteStore

@Suite("Query plans of the SQLite store")
struct PlanTests {
    private func plan(_ sql: String, _ arguments: StatementArguments? = nil) async throws -> [String] {
        try await withDataFolder { folder in
            let store = try SQLiteStore(folder: folder)
            return try await store.read { db in
                try Row.fetchAll(db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)).compactMap { $0["detail"] }
            }
        }
    }

    @Test("due walks its index in order")
    func due() async throws {
        let plan = try await plan(SQLiteStore.due.replacing("?", with: "1"))
        #expect(plan.first?.contains("credential_due") == true, "\(plan)")
        #expect(plan.allSatisfy { !$0.contains("SCAN") && !$0.contains("TEMP B-TREE") }, "\(plan)")
    }

    @Test(
        "lists walk an index in order",
        arguments: [
            (ConnectionFilter(now: now, labels: ["a": "b"]), "connection_label_by_value"),
            (ConnectionFilter(now: now, labels: ["a": "b", "c": "d"], owner: "e"), "connection_label_by_value"),
            (ConnectionFilter(now: now, status: .active, provider: "p"), "connection_by_provider"),
            (ConnectionFilter(now: now, client: ClientID("c")), "connection_by_client"),
            (ConnectionFilter(now: now, owner: "o"), "connection_by_owner"),
            (ConnectionFilter(now: now), "sqlite_autoindex_connection_1"),
        ])
    func lists(_ filter: ConnectionFilter, _ index: String) async throws {
        let query = ConnectionQuery(filter, after: ConnectionID("a"), limit: 10)
        let plan = try await plan(query.sql.replacing("?", with: "'1'"))
        #expect(plan.first?.contains(index) == true, "\(plan)")
        #expect(plan.allSatisfy { !$0.contains("SCAN") && !$0.contains("TEMP B-TREE") }, "\(plan)")
    }
}
