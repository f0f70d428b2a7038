import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// What some connections can do besides: a device authorization, introspection, a proof for a bound token, a connection
/// from a resource's URL.
struct GrantRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.post, "/v1/connections/{id}/device", for: [.app, .admin], device)
        routes.on(.post, "/v1/connections/{id}/introspect", for: [.app, .admin], introspect)
        routes.on(.post, "/v1/connections/{id}/credential/proof", for: [.runtime, .admin], proof)
    }

    /// Begins a device authorization (RFC 8628 §3.2); the service polls by itself, and the connection tells how it goes.
    @Sendable
    private func device(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        _ = try await RequestObject(request, known: [], isOptional: true)
        let device = try await core.devices.begin(id, by: caller)
        return JSONResponse.response(Views.device(device, at: core.clock.now), status: .created)
    }

    /// What the authorization server says of the access token (RFC 7662 §2.2).
    @Sendable
    private func introspect(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        _ = try await RequestObject(request, known: [], isOptional: true)
        switch try await core.lifetimes.introspect(id, for: caller) {
        case nil: return JSONResponse.response(.object(JSONObject([("active", .bool(false))])))
        case let token?:
            var members: [(String, JSONValue)] = [("active", .bool(true))]
            if let scope = token.scope { members.append(("scope", .string(scope.joined(separator: " ")))) }
            if let expiresAt = token.expiresAt {
                members.append(("expires_at", .string(Timestamp(seconds: Int64(expiresAt)).iso8601)))
            }
            if let subject = token.subject { members.append(("sub", .string(subject))) }
            if let clientID = token.clientID { members.append(("client_id", .string(clientID))) }
            return JSONResponse.response(.object(JSONObject(members)))
        }
    }

    /// The credential with a proof for one request of the runtime's (RFC 9449 §7.1).
    @Sendable
    private func proof(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try context.connectionID()
        let body = try await RequestObject(request, known: ["method", "url", "nonce"])
        let proof = try await core.proofs.proof(
            id, method: try body.requiredString("method"), url: try body.requiredString("url"),
            nonce: try body.string("nonce"), for: caller)
        return JSONResponse.response(
            .object(
                JSONObject([
                    ("proof", .string(proof.proof.reveal())), ("token_type", .string("DPoP")),
                    (
                        "headers",
                        .object(
                            JSONObject([
                                ("Authorization", .string("DPoP \(proof.accessToken.reveal())")),
                                ("DPoP", .string(proof.proof.reveal())),
                            ]))
                    ),
                ])))
    }
}

/// The members by which a request says more of the authorization request (RFC 6749 §3.1, OpenID Connect Core §3.1.2.1).
enum ConsentRequest {
    static let members: Set<String> = ["login_hint", "prompt", "claims", "parameters"]

    static func wishes(in body: RequestObject) throws(BrokerError) -> ConsentWishes {
        var wishes = ConsentWishes()
        wishes.loginHint = try body.string("login_hint")
        wishes.prompt = try body.string("prompt")
        wishes.claims = try body.json("claims")?.serialized()
        wishes.parameters = try body.map("parameters")
        return wishes
    }
}

extension RequestObject {
    static func grantType(_ text: String, field: String) throws(BrokerError) -> GrantType {
        // The last word of a URN will do for people.
        let known = GrantType.allCases.filter { $0 != .refreshToken }
        let found = known.first { $0.rawValue == text || $0.rawValue.hasSuffix(":\(text)") }
        guard let found else {
            throw .invalid("\(field) is one of \(known.map(\.rawValue).joined(separator: ", ")).", field: field)
        }
        return found
    }
}
