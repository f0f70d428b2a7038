import Logging
import OAuth
import ProviderProfiles
import Sealing

/// Everything that a request to a connection's provider needs: the filled-in profile, the endpoints, the client.
struct Registration: Sendable {
    let provider: Provider
    let server: AuthorizationServer
    let client: Client
    /// The scopes that the client was registered to ask for; empty when it was not said.
    let clientScopes: [String]
}

/// Puts registrations together: profile, the client's and the connection's fields, discovery, the client's secret.
actor Registrations {
    private let catalog: ProviderCatalog
    private let clients: any ClientStore
    private let sealing: GrantSealing
    private let exchange: any HTTPExchange
    private let clock: any BrokerClock
    private let allowHTTP: Bool
    private let publicURL: String
    private let logger: Logger

    /// Discovered metadata by issuer, an hour long; a thousand issuers at most.
    private var discovered: [String: (server: AuthorizationServer, at: Timestamp)] = [:]
    private var discoveries: [String: Task<Result<AuthorizationServer, BrokerError>, Never>] = [:]
    private static let discoveryLifetime: Duration = .seconds(3600)
    private static let discoveryLimit = 1000

    init(
        catalog: ProviderCatalog, clients: any ClientStore, sealing: GrantSealing, exchange: any HTTPExchange,
        clock: any BrokerClock, allowHTTP: Bool, publicURL: String, logger: Logger
    ) {
        self.catalog = catalog
        self.clients = clients
        self.sealing = sealing
        self.exchange = exchange
        self.clock = clock
        self.allowHTTP = allowHTTP
        self.publicURL = publicURL
        self.logger = logger
    }

    /// The profile with the connection's and its client's fields in its holes; no discovery, no secret.
    nonisolated func provider(of connection: Connection, client: RegisteredClient?) throws(BrokerError) -> Provider {
        guard let profile = catalog[connection.provider] else {
            throw BrokerError(
                .internalError,
                "The provider \(connection.provider) has no profile any more. An administrator must bring it back.",
                actor: .administrator, reason: "no_profile")
        }
        // Each fills in its own fields alone: a connection that could set an endpoint would be sent the client's secret.
        let filled = profile.provider(
            client: client?.fields ?? [:], connection: connection.fields, allowHTTP: allowHTTP)
        switch filled {
        case .success(let provider): return provider
        case .failure(let problems):
            throw BrokerError(
                .invalidRequest, "The fields do not fit the provider: \(problems)", actor: .administrator,
                reason: "invalid_fields")
        }
    }

    /// The provider as a runtime's `headers` need it.
    func provider(of connection: Connection) async throws(BrokerError) -> Provider {
        try provider(of: connection, client: try await storedClient(of: connection))
    }

    func registration(of connection: Connection) async throws(BrokerError) -> Registration {
        guard let registered = try await storedClient(of: connection) else {
            throw .internalError("The connection \(connection.id) has no client.")
        }
        let provider = try provider(of: connection, client: registered)
        let server = try await server(of: provider)
        return Registration(
            provider: provider, server: server, client: try client(registered, at: server),
            clientScopes: registered.scopes)
    }

    /// One redirect URI per client, from the configuration alone: a Host header never has a say (case F16).
    nonisolated func redirectURI(of client: ClientID) -> String {
        "\(publicURL)/callback/\(client.string)"
    }

    // MARK: The client

    private func storedClient(of connection: Connection) async throws(BrokerError) -> RegisteredClient? {
        guard let id = connection.client else { return nil }
        do {
            guard let client = try await clients.client(id) else {
                throw BrokerError(
                    .internalError, "The client \(id) is gone. An administrator must register it again.",
                    actor: .administrator, reason: "no_client")
            }
            return client
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch let error as BrokerError {
            throw error
        } catch {
            throw .internalError()
        }
    }

    private func client(_ registered: RegisteredClient, at server: AuthorizationServer) throws(BrokerError) -> Client {
        let secret: Secret?
        do {
            secret = try registered.secrets.first.map { try sealing.clientSecret($0, of: registered.id) }
        } catch {
            logger.error("A client secret does not open", metadata: ["client": "\(registered.id)", "why": "\(error)"])
            throw BrokerError(
                .internalError, "The secret of client \(registered.id) does not open. An administrator must act.",
                actor: .administrator, reason: "sealed_box_damaged")
        }
        return Client(
            id: registered.clientID,
            authentication: try Self.authentication(registered, secret: secret, server: server),
            redirectURI: redirectURI(of: registered.id))
    }

    /// Exactly one method: the client's own choice, else the first that the authorization server lists and we speak,
    /// else `client_secret_basic` (RFC 8414 §2: the default when the list is absent).
    private static func authentication(
        _ registered: RegisteredClient, secret: Secret?, server: AuthorizationServer
    ) throws(BrokerError) -> ClientAuthentication {
        let listed = server.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        let spoken = ["client_secret_basic", "client_secret_post"]
        let chosen =
            registered.authenticationMethod
            ?? (secret == nil ? "none" : listed.first { spoken.contains($0) } ?? "client_secret_basic")
        switch (chosen, secret) {
        case ("none", _): return .none
        case ("client_secret_basic", let secret?): return .clientSecretBasic(secret)
        case ("client_secret_post", let secret?): return .clientSecretPost(secret)
        default:
            throw BrokerError(
                .invalidRequest,
                "The client \(registered.id) has no secret for \(chosen). Add one: credence clients secret add \(registered.id)",
                actor: .administrator, reason: "no_client_secret")
        }
    }

    // MARK: Discovery (RFC 8414, OpenID Connect Discovery)

    /// What was discovered, and in its place whatever the fields say by themselves.
    private func server(of provider: Provider) async throws(BrokerError) -> AuthorizationServer {
        guard let issuer = provider.discoveryIssuer else { return provider.authorizationServer }
        return provider.authorizationServer.completed(by: try await discoveredServer(issuer))
    }

    private func discoveredServer(_ issuer: String) async throws(BrokerError) -> AuthorizationServer {
        if let known = discovered[issuer], clock.now.since(known.at) < Self.discoveryLifetime {
            return known.server
        }
        let task =
            discoveries[issuer]
            ?? Task { [exchange, allowHTTP] in await Self.discover(issuer, allowHTTP: allowHTTP, by: exchange) }
        discoveries[issuer] = task
        let result = await task.value
        discoveries[issuer] = nil
        switch result {
        case .success(let server):
            if discovered.count >= Self.discoveryLimit { discovered.removeAll() }
            discovered[issuer] = (server, clock.now)
            return server
        case .failure(let error):
            // What was true an hour ago beats nothing while the provider's metadata is away.
            if let known = discovered[issuer], error.code == .providerUnavailable {
                // Asked again in a minute: until then nobody else waits for metadata that is away.
                discovered[issuer] = (known.server, clock.now - (Self.discoveryLifetime - .seconds(60)))
                return known.server
            }
            throw error
        }
    }

    private static func discover(
        _ issuer: String, allowHTTP: Bool, by exchange: any HTTPExchange
    ) async -> Result<AuthorizationServer, BrokerError> {
        let requests: [EndpointRequest]
        do {
            requests = try Discovery.requests(issuer: issuer, allowHTTP: allowHTTP)
        } catch {
            return .failure(.invalid("The issuer is not a URL that can be asked: \(error)", field: "issuer"))
        }
        var last = BrokerError(
            .providerUnavailable, "The issuer publishes no authorization server metadata.", actor: .administrator,
            reason: "no_metadata", retryAfter: 60)
        for request in requests {
            do {
                let response = try await exchange.send(request, within: .seconds(10))
                switch Discovery.judge(response, issuer: issuer, allowHTTP: allowHTTP) {
                case .found(let server): return .success(server)
                case .mismatch:
                    // RFC 8414 §3.3: metadata of another issuer must not be used.
                    return .failure(
                        BrokerError(
                            .providerUnavailable, "The metadata names another issuer than the one configured.",
                            actor: .administrator, reason: "issuer_mismatch", retryAfter: 60))
                case .absent: continue
                case .malformed(let reason):
                    last = BrokerError(
                        .providerUnavailable, "The issuer's metadata cannot be read: \(reason)",
                        actor: .administrator, reason: "malformed_metadata", retryAfter: 60)
                }
            } catch {
                last = BrokerError(
                    .providerUnavailable, "The issuer's metadata cannot be fetched (\(error.code.rawValue)).",
                    actor: error.code == .addressRefused ? .administrator : .nobody, reason: error.code.rawValue,
                    retryAfter: 10)
            }
        }
        return .failure(last)
    }
}
