import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/v1/audit`: what was done, by whom, and whether the log is whole.
struct AuditRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.get, "/v1/audit", for: [.admin], list)
        routes.on(.get, "/v1/audit/verification", for: [.admin]) { [core] _, _, _ in
            let found = try await read { () throws(AuditFailure) in try core.audit.verify() }
            return JSONResponse.response(Views.verification(found))
        }
    }

    /// The last lines; with `after` those behind a number, a page at a time.
    @Sendable
    private func list(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let query = try request.query(known: ["limit", "after"])
        guard let limit = Int(query["limit"] ?? "50"), (1...1000).contains(limit) else {
            throw BrokerError.invalid("limit is a whole number from 1 to 1000.", field: "limit")
        }
        var after: Int?
        if let text = query["after"] {
            guard let number = Int(text), number >= 0 else {
                throw BrokerError.invalid("after is the number of a line.", field: "after")
            }
            after = number
        }
        let lines = try await read { [core, after] () throws(AuditFailure) in
            if let after { return try core.audit.lines(after: after, limit: limit) }
            return try core.audit.tail(limit)
        }
        // A line that a crash cut is shown as the text it is.
        let events = lines.map { line in
            (try? JSONReader.read(Array(line.utf8))) ?? .object(JSONObject([("unreadable", .string(line))]))
        }
        return JSONResponse.response(Views.list("events", events))
    }

    /// Away from the event loops: a log may be long.
    private func read<Value: Sendable>(
        _ body: @escaping @Sendable () throws(AuditFailure) -> Value
    ) async throws(BrokerError) -> Value {
        let result = await Task.detached { () -> Result<Value, AuditFailure> in
            do throws(AuditFailure) { return .success(try body()) } catch { return .failure(error) }
        }.value
        do { return try result.get() } catch {
            throw BrokerError(.auditUnavailable, error.description, actor: .administrator)
        }
    }
}
