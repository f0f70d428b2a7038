import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/v1/connections`: making, looking at, editing and ending connections, and forcing a refresh.
struct ConnectionRoutes: Sendable {
    let core: BrokerCore

    private static let makers: Set<Caller.Role> = [.app, .admin]

    func add(to routes: Routes) {
        routes.on(.post, "/v1/connections", for: Self.makers, create)
        routes.on(.get, "/v1/connections", for: Self.makers, list)
        routes.on(.get, "/v1/connections/{id}", for: Self.makers, show)
        routes.on(.patch, "/v1/connections/{id}", for: Self.makers, edit)
        routes.on(.delete, "/v1/connections/{id}", for: Self.makers, delete)
        routes.on(.post, "/v1/connections/{id}/disable", for: Self.makers) { [core] _, context, caller in
            shown(try await core.connections.setDisabled(true, try context.connectionID(), by: caller))
        }
        routes.on(.post, "/v1/connections/{id}/enable", for: Self.makers) { [core] _, context, caller in
            shown(try await core.connections.setDisabled(false, try context.connectionID(), by: caller))
        }
        routes.on(.post, "/v1/connections/{id}/consent", for: Self.makers, consent)
        routes.on(.post, "/v1/connections/{id}/credential/refresh", for: [.runtime, .admin], refresh)
    }

    @Sendable
    private func create(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let body = try await RequestObject(
            request,
            known: Set([
                "id", "provider", "client", "grant", "fields", "scopes", "resource", "owner", "labels", "return_to",
                "secret",
            ]).union(ConsentRequest.members))
        var wanted = ConnectionRequest()
        wanted.id = try body.identifier("id")
        wanted.provider = try body.string("provider")
        wanted.client = try body.identifier("client")
        wanted.grantType = try body.string("grant").map { try RequestObject.grantType($0, field: "grant") }
        wanted.fields = try body.map("fields")
        wanted.scopes = try body.strings("scopes")
        wanted.resources = try body.strings("resource")
        wanted.wishes = try ConsentRequest.wishes(in: body)
        wanted.owner = try body.string("owner")
        wanted.labels = try body.map("labels")
        wanted.returnTo = try body.string("return_to")
        wanted.secret = try body.object("secret", known: RequestObject.secretMembers)?.secretValue()
        let (stored, link) = try await core.connections.create(wanted, by: caller)
        var members: [(String, JSONValue)] = [("connection", Views.connection(stored, at: core.clock.now))]
        if let link { members.append(("consent", Views.consent(link))) }
        var response = JSONResponse.response(.object(JSONObject(members)), status: .created)
        response.headers[.location] = "/v1/connections/\(stored.id)"
        return response
    }

    @Sendable
    private func list(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let query = try request.query(
            known: ["label", "status", "provider", "client", "owner", "cursor", "limit"], repeatable: ["label"])
        let now = core.clock.now
        var filter = ConnectionFilter(now: now)
        for label in query.values(of: "label") {
            guard let colon = label.firstIndex(of: ":") else {
                throw BrokerError.invalid("label is key:value.", field: "label")
            }
            filter.labels[String(label[..<colon])] = String(label[label.index(after: colon)...])
        }
        if let status = query["status"] {
            guard let known = ConnectionStatus(rawValue: status) else {
                throw BrokerError.invalid(
                    "status is one of \(ConnectionStatus.allCases.map(\.rawValue).joined(separator: ", ")).",
                    field: "status")
            }
            filter.status = known
        }
        filter.provider = query["provider"]
        filter.client = try query["client"].map { try RequestObject.identifier($0, field: "client") }
        filter.owner = query["owner"]
        let cursor: ConnectionID? = try query["cursor"].map { try RequestObject.identifier($0, field: "cursor") }
        guard let limit = Int(query["limit"] ?? "100"), (1...500).contains(limit) else {
            throw BrokerError.invalid("limit is a whole number from 1 to 500.", field: "limit")
        }
        let (page, next) = try await core.connections.list(filter, after: cursor, limit: limit, for: caller)
        return JSONResponse.response(
            Views.list("connections", page.map { Views.connection($0, at: now) }, next: next?.string))
    }

    @Sendable
    private func show(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let stored = try await core.connections.connection(try context.connectionID(), for: caller)
        let device = try await core.devices.deviceConsent(of: stored)
        return JSONResponse.response(Views.connection(stored, device: device, at: core.clock.now))
    }

    @Sendable
    private func edit(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        let body = try await RequestObject(request, known: ["owner", "labels", "scopes"])
        var edit = ConnectionEdit()
        if body.contains("owner") { edit.owner = .some(try body.string("owner")) }
        if body.contains("labels") { edit.labels = try body.map("labels") }
        if body.contains("scopes") { edit.scopes = try body.strings("scopes") }
        return shown(try await core.connections.edit(id, edit, by: caller))
    }

    @Sendable
    private func delete(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        // 204 when all is done; else what the provider has still to be told.
        let revocation: [(String, JSONValue)]
        switch try await core.connections.delete(try context.connectionID(), by: caller) {
        case .revoked, .nothingToTell: return Response(status: .noContent)
        case .pending(let reason): revocation = [("status", .string("pending")), ("reason", .string(reason))]
        case .refused(let code): revocation = [("status", .string("refused")), ("reason", .string(code))]
        }
        return JSONResponse.response(
            .object(JSONObject([("revocation", .object(JSONObject(revocation)))])))
    }

    @Sendable
    private func consent(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        let body = try await RequestObject(
            request, known: ConsentRequest.members.union(["return_to"]), isOptional: true)
        let link = try await core.connections.requestConsent(
            id, returnTo: try body.string("return_to"), wishes: try ConsentRequest.wishes(in: body), by: caller)
        return JSONResponse.response(Views.consent(link), status: .created)
    }

    @Sendable
    private func refresh(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        let body = try await RequestObject(request, known: ["rejected_sha256"], isOptional: true)
        let rejected = try body.string("rejected_sha256")
        if let rejected, rejected.utf8.count != 64 || !rejected.allSatisfy(\.isHexDigit) {
            throw BrokerError.invalid(
                "rejected_sha256 is the SHA-256 of the refused credential in 64 hexadecimal digits.",
                field: "rejected_sha256")
        }
        let purpose = try CredentialRoute.purpose(request)
        let entry = try await core.credentials.recordingRefusal(of: id, to: caller, purpose) { () throws(BrokerError) in
            try await core.credentials.refresh(id, for: caller, rejected: rejected)
        }
        return try CredentialRoute.answer(entry, caller, purpose, core.credentials)
    }

    private func shown(_ stored: StoredConnection) -> Response {
        JSONResponse.response(Views.connection(stored, at: core.clock.now))
    }
}
