public import Broker
import HTTPTypes
public import Hummingbird
public import Logging
import OAuth

/// Answers every request: the credential route ahead of the router, everything else through it, every error as a
/// problem or a page, every answer with the security headers.
public struct BrokerResponder: HTTPResponder {
    public typealias Context = BrokerContext

    let credential: CredentialRoute
    let router: any HTTPResponder<BrokerContext>
    let pages: Pages
    let strictTransport: Bool
    let logger: Logger

    /// - Parameters:
    ///   - authentication: by key on the network, by kernel on the admin socket.
    ///   - site: from the configuration; decides on cookies, and on the origin that forms may come from.
    public init(
        core: BrokerCore, authentication: CallerAuthentication, site: Site, work: MaintenanceWork? = nil, logger: Logger
    ) throws {
        let pages = try Pages()
        self.pages = pages
        self.logger = logger
        strictTransport = site.isSecure
        credential = CredentialRoute(credentials: core.credentials, authentication: authentication)
        router = BrokerRouter.make(core: core, authentication: authentication, site: site, work: work, pages: pages)
    }

    @Sendable
    public func respond(to request: Request, context: BrokerContext) async throws -> Response {
        let path = request.uri.path
        do {
            if request.method == .get, let connection = CredentialRoute.connection(in: path) {
                return try await credential.respond(to: request, context, connection: connection)
            }
            var response: Response
            do {
                response = try await router.respond(to: request, context: context)
                // The router's own answer to an address it does not know is bare.
                if response.status == .notFound, response.headers[.contentType] == nil { throw HTTPError(.notFound) }
            } catch {
                response = self.response(to: error, path: path, request)
            }
            secure(&response)
            return response
        } catch {
            var response = self.response(to: error, path: path, request)
            secure(&response)
            return response
        }
    }

    private func response(to error: any Error, path: String, _ request: Request) -> Response {
        let isPage =
            path.hasPrefix("/connect/") || path.hasPrefix("/callback/") || path.hasPrefix("/confirm/")
            || path == "/"
        switch error {
        case let error as BrokerError:
            return isPage ? pages.problem(error) : Problem.response(error)
        case let error as ConsentFailure:
            return pages.failure(error)
        case let error as MethodNotAllowed:
            return Problem.response(
                BrokerError(.methodNotAllowed, "This address takes \(error.allow).", actor: .caller), allow: error.allow
            )
        case let error as HTTPError where error.status == .notFound:
            let notFound = BrokerError(.notFound, "There is nothing at this address.", actor: .caller)
            return isPage ? pages.problem(notFound) : Problem.response(notFound)
        case let error as any HTTPResponseError where error.status == .badRequest || error.status == .contentTooLarge:
            return Problem.response(.invalid("The request cannot be read."))
        default:
            logger.error(
                "A request ended in an unexpected error",
                metadata: ["method": "\(request.method)", "error": "\(type(of: error))"])
            return Problem.response(.internalError())
        }
    }

    /// What every answer carries but the credential's, which a program reads and no browser shows (case I14).
    private func secure(_ response: inout Response) {
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.headers[.referrerPolicy] == nil { response.headers[.referrerPolicy] = "no-referrer" }
        response.headers[.frameOptions] = "DENY"
        response.headers[.openerPolicy] = "same-origin"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if strictTransport {
            response.headers[.strictTransportSecurity] = "max-age=31536000"
        }
    }
}

/// How browsers reach the service.
public struct Site: Sendable {
    /// Scheme, host and port, without a trailing slash: the origin of every page and redirect URI (case F16).
    public let publicURL: String

    public init(publicURL: String) {
        self.publicURL = publicURL
    }

    var isSecure: Bool { publicURL.hasPrefix("https://") }

    /// The `__Host-` prefix makes the browser hold the cookie to this host, over TLS (case I13). Without TLS, which
    /// only --development allows, no browser would take it: then a plain name.
    var cookieName: String { isSecure ? "__Host-credence" : "credence" }
    var postedCookieName: String { "\(cookieName)-posted" }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    static let frameOptions = HTTPField.Name("X-Frame-Options")!
    static let openerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy")!
    static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
