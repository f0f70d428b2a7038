import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// All routes but the credential's. A route names the roles it is for, or that it is for browsers; there is no third.
enum BrokerRouter {
    static func make(
        core: BrokerCore, authentication: CallerAuthentication, site: Site, work: MaintenanceWork?, pages: Pages
    ) -> any HTTPResponder<BrokerContext> {
        let routes = Routes(authentication: authentication)
        ConnectionRoutes(core: core).add(to: routes)
        SecretRoutes(core: core).add(to: routes)
        GrantRoutes(core: core).add(to: routes)
        ClientRoutes(core: core, site: site).add(to: routes)
        CallerRoutes(core: core).add(to: routes)
        WebhookRoutes(core: core).add(to: routes)
        KeyRoutes(core: core).add(to: routes)
        AuditRoutes(core: core).add(to: routes)
        MaintenanceRoutes(core: core, work: work).add(to: routes)
        ProviderRoutes(core: core).add(to: routes)
        ConsentRoutes(consent: core.consent, site: site, pages: pages).add(to: routes)
        RedirectionEndpoint(consent: core.consent, site: site, pages: pages).add(to: routes)
        pages.add(to: routes)
        return routes.responder()
    }
}

/// Collects routes, so that roles are checked in one place and a wrong method is told from a wrong address.
final class Routes {
    typealias Handler = @Sendable (Request, BrokerContext, Caller) async throws -> Response
    typealias BrowserHandler = @Sendable (Request, BrokerContext) async throws -> Response

    private let router = Router(context: BrokerContext.self)
    private let authentication: CallerAuthentication
    private var methods: [String: [HTTPRequest.Method]] = [:]
    private var paths: [String] = []

    init(authentication: CallerAuthentication) {
        self.authentication = authentication
    }

    /// A route of the API. The order of what is told: who are you (401), may you (403), and only then what there is.
    func on(_ method: HTTPRequest.Method, _ path: String, for roles: Set<Caller.Role>, _ handler: @escaping Handler) {
        let authentication = authentication
        add(method, path) { request, context in
            let caller = try await authentication.caller(of: request, context)
            guard roles.contains(caller.role) else {
                throw BrokerError(
                    .forbidden, "This caller's role (\(caller.role.rawValue)) may not do that.", actor: .caller)
            }
            return try await handler(request, context, caller)
        }
    }

    /// A route for browsers: what protects it is in the route.
    func onBrowser(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping BrowserHandler) {
        add(method, path, handler)
    }

    private func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping BrowserHandler) {
        if methods[path] == nil { paths.append(path) }
        methods[path, default: []].append(method)
        router.on(RouterPath(path), method: method) { request, context in try await handler(request, context) }
    }

    func responder() -> any HTTPResponder<BrokerContext> {
        // The credential route stands before the router; what comes here for it came with another method.
        methods["/v1/connections/{id}/credential"] = [.get]
        paths.append("/v1/connections/{id}/credential")
        for path in paths {
            let known = methods[path] ?? []
            let allow = known.map(\.rawValue).joined(separator: ", ")
            for method: HTTPRequest.Method in [.get, .head, .post, .put, .patch, .delete, .options, .trace]
            where !known.contains(method) && !(path.hasSuffix("/credential") && method == .get) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in throw MethodNotAllowed(allow: allow) }
            }
        }
        return router.buildResponder()
    }
}

extension BrokerContext {
    /// The identifier in the path; one that cannot be is as unknown as one that is not.
    func identifier<Kind>(_ name: String = "id", orThrow error: BrokerError, _: Kind.Type = Kind.self)
        throws(BrokerError)
        -> Identifier<Kind>
    {
        guard let text = parameters.get(name), let identifier = Identifier<Kind>(text) else { throw error }
        return identifier
    }

    func connectionID() throws(BrokerError) -> ConnectionID {
        try identifier(orThrow: .noSuchConnection)
    }
}

extension Request {
    /// The query, read strictly: no unknown parameter, and nothing twice but what may repeat.
    func query(known: Set<String>, repeatable: Set<String> = []) throws(BrokerError) -> OAuth.Parameters {
        guard let query = uri.query, !query.isEmpty else { return OAuth.Parameters() }
        let parameters: OAuth.Parameters
        do {
            parameters = try OAuth.Parameters(formURLEncoded: query)
        } catch {
            throw .invalid("The query cannot be read: \(error)")
        }
        for pair in parameters.pairs where !known.contains(pair.name) {
            throw .invalid(
                "There is no parameter \(pair.name.prefix(64)) here; known are \(known.sorted().joined(separator: ", ")).",
                field: String(pair.name.prefix(64)))
        }
        for name in parameters.duplicatedNames where !repeatable.contains(name) {
            throw .invalid("\(name) stands there twice.", field: name)
        }
        return parameters
    }
}
