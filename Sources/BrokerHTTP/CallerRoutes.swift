import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/v1/callers`: who may call.
struct CallerRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.get, "/v1/callers", for: [.admin]) { [core] _, _, _ in
            JSONResponse.response(Views.list("callers", try await core.callers.all().map { Views.caller($0) }))
        }
        routes.on(.post, "/v1/callers", for: [.admin], create)
        routes.on(.post, "/v1/callers/{id}/rotate", for: [.admin]) { [self] request, context, caller in
            let id = try id(context)
            let body = try await RequestObject(request, known: ["grace"], isOptional: true)
            let grace = try body.integer("grace") ?? 3600
            guard (0...604_800).contains(grace) else {
                throw BrokerError.invalid("grace is a number of seconds from 0 to 604800 (a week).", field: "grace")
            }
            let key = try await core.callers.rotate(id, grace: .seconds(grace), by: caller)
            return JSONResponse.response(
                .object(JSONObject([("id", .string(id.string)), ("key", .string(key))])), status: .created)
        }
        routes.on(.delete, "/v1/callers/{id}", for: [.admin]) { [self] _, context, caller in
            try await core.callers.revoke(try id(context), by: caller)
            return Response(status: .noContent)
        }
    }

    @Sendable
    private func create(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let body = try await RequestObject(request, known: ["id", "role", "connections", "labels"])
        guard let role = Caller.Role(rawValue: try body.requiredString("role")) else {
            throw BrokerError.invalid(
                "role is one of \(Caller.Role.allCases.map(\.rawValue).joined(separator: ", ")).", field: "role")
        }
        let connections = try body.strings("connections").map { name -> ConnectionID in
            try RequestObject.identifier(name, field: "connections")
        }
        let (added, key) = try await core.callers.add(
            try body.identifier("id"), role: role, connections: Set(connections), labels: try body.map("labels"),
            by: caller)
        return JSONResponse.response(Views.caller(added, key: key), status: .created)
    }

    private func id(_ context: BrokerContext) throws(BrokerError) -> CallerID {
        try context.identifier(orThrow: .notFound("caller"))
    }
}
