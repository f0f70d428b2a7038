import Broker
import Hummingbird
import OAuth

/// Secrets that are set by hand: their versions go in and never come out.
struct SecretRoutes: Sendable {
    let core: BrokerCore

    private static let makers: Set<Caller.Role> = [.app, .admin]
    private static let members = RequestObject.secretMembers.union(["expires_at", "keep_previous", "verify_url"])

    func add(to routes: Routes) {
        routes.on(.get, "/v1/secrets/expiring", for: [.admin], expiring)
        routes.on(.put, "/v1/connections/{id}/secret", for: Self.makers) { [self] request, context, caller in
            try await set(request, context, caller, isRotation: false)
        }
        routes.on(.get, "/v1/connections/{id}/secret", for: Self.makers) { [core] _, context, caller in
            let id = try context.connectionID()
            let versions = try await core.connections.secretHistory(of: id, for: caller)
            let now = core.clock.now
            return JSONResponse.response(Views.list("versions", versions.map { Views.version($0, at: now) }))
        }
        routes.on(.post, "/v1/connections/{id}/secret/rotate", for: Self.makers) { [self] request, context, caller in
            try await set(request, context, caller, isRotation: true)
        }
        routes.on(.post, "/v1/connections/{id}/secret/rollback", for: Self.makers) { [core] request, context, caller in
            let id = try context.connectionID()
            let body = try await RequestObject(request, known: ["version"], isOptional: true)
            let stored = try await core.connections.rollbackSecret(
                of: id, to: try body.integer("version"), by: caller)
            return JSONResponse.response(Views.connection(stored, at: core.clock.now))
        }
    }

    /// What ends within 30 days and has nobody to renew it: secrets that were set by hand, and clients' own.
    @Sendable
    private func expiring(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let ending = try await core.connections.endingSecrets()
        let now = core.clock.now
        let clients = try await core.clients.all().flatMap { client in
            client.secrets.compactMap { secret -> JSONValue? in
                guard let end = secret.expiresAt, end.since(now) <= .seconds(30 * 86_400) else { return nil }
                return .object(
                    JSONObject([
                        ("client", .string(client.id.string)), ("number", .number(JSONNumber(secret.number))),
                        ("kind", .string(secret.kind.rawValue)), ("expires_at", .string(end.iso8601)),
                    ]))
            }
        }
        let connections = ending.compactMap { stored -> JSONValue? in
            guard let end = stored.grant.expiresAt else { return nil }
            return .object(
                JSONObject([("connection", .string(stored.id.string)), ("expires_at", .string(end.iso8601))]))
        }
        return JSONResponse.response(
            .object(JSONObject([("connections", .array(connections)), ("clients", .array(clients))])))
    }

    private func set(
        _ request: Request, _ context: BrokerContext, _ caller: Caller, isRotation: Bool
    ) async throws -> Response {
        let id = try context.connectionID()
        let body = try await RequestObject(request, known: Self.members)
        var change = SecretChange(try body.secretValue(besides: ["expires_at", "keep_previous", "verify_url"]))
        change.isRotation = isRotation
        change.expiresAt = try body.moment("expires_at")
        if let seconds = try body.integer("keep_previous") { change.keepPrevious = .seconds(seconds) }
        change.verifyAt = try body.string("verify_url")
        let stored = try await core.connections.setSecret(change, of: id, by: caller)
        return JSONResponse.response(Views.connection(stored, at: core.clock.now))
    }
}
