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
            let body = try await RequestObject(
                request, known: ["secret", "key", "assertion_file", "standby", "expires_at"])
            let secret = try Self.secret(in: body)
            guard let secret else { throw BrokerError.invalid("Give secret, key or assertion_file.", field: "secret") }
            let added = try await core.clients.addSecret(
                secret, to: id, isStandby: try body.bool("standby") ?? false, expiresAt: try body.moment("expires_at"),
                by: caller)
            return JSONResponse.response(Views.secret(added), status: .created)
        }
        routes.on(.post, "/v1/clients/{id}/secrets/{number}/verify", for: [.admin]) {
            [self] request, context, caller in
            let body = try await RequestObject(request, known: ["connection"], isOptional: true)
            let answer = try await core.clientSecretTrials.verify(
                try number(context), of: try id(context), by: try body.identifier("connection"), for: caller)
            return JSONResponse.response(.object(JSONObject([("result", .string(answer.rawValue))])))
        }
        routes.on(.post, "/v1/clients/{id}/secrets/{number}/prefer", for: [.admin]) {
            [self] _, context, caller in
            try await core.clients.preferSecret(try number(context), of: try id(context), by: caller)
            return JSONResponse.response(view(try await core.clients.client(try id(context))))
        }
        routes.on(.delete, "/v1/clients/{id}/secrets/{number}", for: [.admin]) { [self] _, context, caller in
            try await core.clients.removeSecret(try number(context), from: try id(context), by: caller)
            return Response(status: .noContent)
        }
    }

    @Sendable
    private func create(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let body = try await RequestObject(
            request,
            known: [
                "id", "provider", "client_id", "auth", "fields", "scopes", "secret", "key", "grant_types", "dpop",
                "signing_alg", "assertion_file",
            ])
        var wanted = ClientRequest(
            provider: try body.requiredString("provider"), clientID: try body.requiredString("client_id"))
        wanted.id = try body.identifier("id")
        wanted.authenticationMethod = try body.string("auth")
        wanted.fields = try body.map("fields")
        wanted.scopes = try body.strings("scopes")
        wanted.grantTypes = try body.strings("grant_types").map { text in
            try RequestObject.grantType(text, field: "grant_types")
        }
        wanted.isDPoPBound = try body.bool("dpop") ?? false
        wanted.signingAlgorithm = try body.string("signing_alg")
        wanted.secret = try Self.secret(in: body)
        let client = try await core.clients.add(wanted, by: caller)
        var response = JSONResponse.response(view(client), status: .created)
        response.headers[.location] = "/v1/clients/\(client.id)"
        return response
    }

    /// A secret, the path of an assertion's file, or a private key: `{"pem": …, "certificates"?: …, "passphrase"?: …, "kid"?: …}`, or `pkcs12` in base64 in
    /// place of `pem`.
    private static func secret(in body: RequestObject) throws(BrokerError) -> ClientSecretValue? {
        let secret = try body.string("secret")
        let key = try body.object("key", known: ["pem", "pkcs12", "certificates", "passphrase", "kid"])
        let assertionFile = try body.string("assertion_file")
        switch (secret, key, assertionFile) {
        case (nil, nil, nil): return nil
        case (let secret?, nil, nil): return .secret(Secret(secret))
        case (nil, nil, let path?): return .assertionFile(path)
        case (nil, let key?, nil):
            return .key(
                .init(
                    pem: try key.string("pem").map { Secret($0) }, pkcs12: try key.string("pkcs12").map { Secret($0) },
                    certificates: try key.string("certificates"),
                    passphrase: try key.string("passphrase").map { Secret($0) }, keyID: try key.string("kid")))
        default: throw .invalid("Give one of secret, key and assertion_file.", field: "secret")
        }
    }

    private func view(_ client: RegisteredClient) -> JSONValue {
        let redirectURI = "\(site.publicURL)/callback/\(client.id)"
        return Views.client(
            client, redirectURI: redirectURI,
            adminConsentURL: core.clients.adminConsentURL(of: client, redirectURI: redirectURI), at: core.clock.now)
    }

    private func number(_ context: BrokerContext) throws(BrokerError) -> Int {
        guard let number = context.parameters.get("number", as: Int.self) else { throw .notFound("client secret") }
        return number
    }

    private func id(_ context: BrokerContext) throws(BrokerError) -> ClientID {
        try context.identifier(orThrow: .notFound("client"))
    }
}
