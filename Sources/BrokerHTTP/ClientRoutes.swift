import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/v1/clients`: our registrations at providers. Secrets go in and never come out.
struct ClientRoutes: Sendable {
    let core: BrokerCore
    let site: Site

    func add(to routes: Routes) {
        routes.on(.get, "/v1/clients", for: [.admin]) { [self] _, _, _ in
            JSONResponse.response(Views.list("clients", try await core.clients.all().map(view)))
        }
        routes.on(.post, "/v1/clients", for: [.admin], create)
        routes.on(.get, "/v1/clients/{id}", for: [.admin]) { [self] _, context, _ in
            JSONResponse.response(view(try await core.clients.client(try id(context))))
        }
        routes.on(.delete, "/v1/clients/{id}", for: [.admin]) { [self] _, context, caller in
            try await core.clients.remove(try id(context), by: caller)
            return Response(status: .noContent)
        }
        routes.on(.get, "/v1/clients/{id}/secrets", for: [.admin]) { [self] _, context, _ in
            let client = try await core.clients.client(try id(context))
            return JSONResponse.response(Views.list("secrets", client.secrets.map(Views.secret)))
        }
        routes.on(.post, "/v1/clients/{id}/secrets", for: [.admin]) { [self] request, context, caller in
            let id = try id(context)
            let body = try await RequestObject(request, known: ["secret"])
            let added = try await core.clients.addSecret(Secret(try body.requiredString("secret")), to: id, by: caller)
            return JSONResponse.response(Views.secret(added), status: .created)
        }
        routes.on(.delete, "/v1/clients/{id}/secrets/{number}", for: [.admin]) { [self] _, context, caller in
            guard let number = context.parameters.get("number", as: Int.self) else {
                throw BrokerError.notFound("client secret")
            }
            try await core.clients.removeSecret(number, from: try id(context), by: caller)
            return Response(status: .noContent)
        }
    }

    @Sendable
    private func create(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let body = try await RequestObject(
            request, known: ["id", "provider", "client_id", "auth", "fields", "scopes", "secret"])
        let client = try await core.clients.add(
            try body.identifier("id"), provider: try body.requiredString("provider"),
            clientID: try body.requiredString("client_id"), authenticationMethod: try body.string("auth"),
            fields: try body.map("fields"), scopes: try body.strings("scopes"),
            secret: try body.string("secret").map { Secret($0) }, by: caller)
        var response = JSONResponse.response(view(client), status: .created)
        response.headers[.location] = "/v1/clients/\(client.id)"
        return response
    }

    private func view(_ client: RegisteredClient) -> JSONValue {
        Views.client(client, redirectURI: "\(site.publicURL)/callback/\(client.id)")
    }

    private func id(_ context: BrokerContext) throws(BrokerError) -> ClientID {
        try context.identifier(orThrow: .notFound("client"))
    }
}
