import Broker

/// A list of connections as SQL. It finds what `ConnectionFilter.matches` finds; texts compare by their bytes.
struct ConnectionQuery: Sendable {
    let sql: String
    let values: [Value]

    /// Each condition walks an index that ends in the ID, so the rows come in the order asked for and a page costs
    /// what it holds. Only the status is judged row by row: it depends on the time. The text of the query depends on
    /// which conditions there are, never on their values.
    init(_ filter: ConnectionFilter, after: ConnectionID?, limit: Int) {
        var labels = filter.labels.sorted { $0.key < $1.key }[...]
        var conditions: [String] = []
        var values: [Value] = []
        func require(_ condition: String, _ bound: Value...) {
            conditions.append(condition)
            values += bound
        }

        // The join is CROSS so that SQLite keeps this order: the list first, each grant by its key.
        let from: String
        let id: String
        if let label = labels.popFirst() {
            from = "connection_label l CROSS JOIN connection c ON c.id = l.connection"
            id = "l.connection"
            require("l.key = ? AND l.value = ?", .text(label.key), .text(label.value))
        } else {
            from = "connection c"
            id = "c.id"
        }
        for label in labels {
            require(
                "EXISTS (SELECT 1 FROM connection_label m WHERE m.connection = \(id) AND m.key = ? AND m.value = ?)",
                .text(label.key), .text(label.value))
        }
        if let provider = filter.provider { require("c.provider = ?", .text(provider)) }
        if let client = filter.client { require("c.client = ?", .text(client.string)) }
        if let owner = filter.owner { require("c.owner = ?", .text(owner)) }
        if let status = filter.status {
            require("\(Self.status) = ?", .time(filter.now), .time(filter.now), .text(status.rawValue))
        }
        require("\(id) > ?", .text(after?.string ?? ""))

        sql = """
            SELECT \(ConnectionRow.columns) FROM \(from) CROSS JOIN credential g ON g.connection = c.id \
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(id) LIMIT ?
            """
        self.values = values + [.integer(max(0, limit))]
    }

    /// `StoredConnection.status(at:)`, line by line.
    private static let status = """
        CASE \
        WHEN c.is_disabled THEN 'disabled' \
        WHEN g.reauthorization IS NOT NULL THEN 'reauthorization_required' \
        WHEN g.version > 0 AND g.expires_at <= ? AND NOT \(ConnectionRow.isRenewable) THEN 'reauthorization_required' \
        WHEN g.credential IS NULL AND g.failure_since IS NOT NULL AND \(ConnectionRow.isReissuable) THEN 'unavailable' \
        WHEN g.credential IS NULL THEN 'pending' \
        WHEN g.expires_at <= ? THEN 'unavailable' \
        WHEN g.failure_since IS NULL THEN 'active' \
        ELSE 'degraded' END
        """
}
