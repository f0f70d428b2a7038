import Logging
import OAuth
import ProviderProfiles
import Sealing

/// Everything that a request to a connection's provider needs: the filled-in profile, the endpoints, the client.
struct Registration: Sendable {
    /// Our client, authenticating with one of its secrets or keys.
    struct Candidate: Sendable {
        let client: Client
        /// Which secret or key it is; nil where there is none.
        let number: Int?
    }

    let id: ClientID
    let provider: Provider
    let server: AuthorizationServer
    /// Never empty. The one that was taken last comes first, then the newest (security case R14).
    let candidates: [Candidate]
    /// The client's own key, for assertions that it makes in somebody's name (RFC 7523 §2.1).
    let signer: AssertionSigner?
    /// The scopes that the client was registered to ask for; empty when it was not said.
    let clientScopes: [String]
    /// Whether its tokens are to be bound to a key (RFC 9449).
    let isDPoPBound: Bool
    /// Which of the candidates is on trial.
    var trial: SecretTrial?

    var client: Client { candidates[0].client }
    /// What no error may repeat.
    var secrets: [Secret] { candidates.compactMap(\.client.authentication.secret) }

    /// What to ask for: the connection's own scopes, else the client's, else the profile's.
    func scopes(of connection: Connection) -> [String] {
        if !connection.scopes.isEmpty { return connection.scopes }
        return clientScopes.isEmpty ? provider.defaultScopes : clientScopes
    }
}

/// Puts registrations together: profile, the client's and the connection's fields, discovery, the client's secrets.
actor Registrations {
    private let catalog: ProviderCatalog
    private let clients: any ClientStore
    private let sealing: GrantSealing
    let metadata: PublishedMetadata
    private let allowHTTP: Bool
    private let publicURL: String
    private let assertionFiles: AssertionFiles
    private let logger: Logger
    /// Which secret of a client the provider took last, where it was not the newest.
    private var taken: [ClientID: Int] = [:]
    private var trials: [ConnectionID: SecretTrial] = [:]

    init(
        catalog: ProviderCatalog, clients: any ClientStore, sealing: GrantSealing, metadata: PublishedMetadata,
        allowHTTP: Bool, publicURL: String, assertionFiles: AssertionFiles = AssertionFiles(), logger: Logger
    ) {
        self.catalog = catalog
        self.clients = clients
        self.sealing = sealing
        self.metadata = metadata
        self.allowHTTP = allowHTTP
        self.publicURL = publicURL
        self.assertionFiles = assertionFiles
        self.logger = logger
    }

    /// The profile with the connection's and its client's fields in its holes; no discovery, no secret.
    nonisolated func provider(of connection: Connection, client: RegisteredClient?) throws(BrokerError) -> Provider {
        try provider(connection.provider, client: client?.fields ?? [:], connection: connection.fields)
    }

    private nonisolated func provider(
        _ name: String, client: [String: String], connection: [String: String]
    ) throws(BrokerError) -> Provider {
        guard let profile = catalog[name] else {
            throw BrokerError(
                .internalError, "The provider \(name) has no profile any more. An administrator must bring it back.",
                actor: .administrator, reason: "no_profile")
        }
        // Each fills in its own fields alone: a connection that could set an endpoint would be sent the client's secret.
        switch profile.provider(client: client, connection: connection, allowHTTP: allowHTTP) {
        case .success(let provider): return provider
        case .failure(let problems):
            throw BrokerError(
                .invalidRequest, "The fields do not fit the provider: \(problems)", actor: .administrator,
                reason: "invalid_fields")
        }
    }

    nonisolated func profile(of connection: Connection) -> ProviderProfile? { catalog[connection.provider] }

    /// The provider as a runtime's `headers` need it.
    func provider(of connection: Connection) async throws(BrokerError) -> Provider {
        guard let id = connection.client else { return try provider(of: connection, client: nil) }
        return try provider(of: connection, client: try await stored(id))
    }

    func registration(of connection: Connection) async throws(BrokerError) -> Registration {
        guard let client = connection.client else {
            throw .internalError("The connection \(connection.id) has no client.")
        }
        return try await registration(
            client, provider: connection.provider, fields: connection.fields, grantType: connection.grantType,
            prefersOpenID: connection.scopes.contains("openid"), trial: trials[connection.id])
    }

    /// The next requests of this connection begin with the secret on trial, until the trial ends.
    func begin(_ trial: SecretTrial, for id: ConnectionID) {
        trials[id] = trial
    }

    func endTrial(for id: ConnectionID) {
        trials[id] = nil
    }

    /// - Parameters:
    ///   - fields: the connection's.
    ///   - only: this secret, and no other behind it.
    ///   - trial: this secret first.
    func registration(
        _ id: ClientID, provider name: String, fields: [String: String], grantType: GrantType = .authorizationCode,
        prefersOpenID: Bool = false, only: Int? = nil, trial: SecretTrial? = nil
    ) async throws(BrokerError) -> Registration {
        var registered = try await stored(id)
        if let only { registered.secrets.removeAll { $0.number != only } }
        let provider = try provider(name, client: registered.fields, connection: fields)
        var server = provider.authorizationServer
        if let issuer = provider.discoveryIssuer {
            // What was discovered, and in its place whatever the fields say by themselves.
            server = server.completed(
                by: try await metadata.server(
                    issuer, prefersOpenID: prefersOpenID || registered.scopes.contains("openid")))
        }
        let candidates = try candidates(registered, server: server, grantType: grantType, first: trial?.number)
        // A client that authenticates by its certificate goes to the endpoints that ask for one (RFC 8705 §5).
        if candidates.contains(where: { $0.client.authentication.presentsCertificate }) { server = server.forMutualTLS }
        return Registration(
            id: id, provider: provider, server: server,
            candidates: candidates,
            signer: try signer(of: registered), clientScopes: registered.scopes,
            isDPoPBound: registered.isDPoPBound || provider.isDPoPBound, trial: trial)
    }

    /// One redirect URI per client, from the configuration alone: a Host header never has a say (case F16).
    nonisolated func redirectURI(of client: ClientID) -> String {
        "\(publicURL)/callback/\(client.string)"
    }

    /// The host that a connection's refreshes go to, as far as it can be told without asking anybody; else the provider.
    func tokenHost(of connection: Connection) async -> String {
        guard let provider = try? await provider(of: connection) else { return connection.provider }
        let url = provider.dialect.refreshEndpoint ?? provider.authorizationServer.tokenEndpoint
        return url?.origin ?? provider.discoveryIssuer ?? provider.name
    }

    /// The profile of a client's provider; nil where either is gone.
    func profile(of client: ClientID) async -> ProviderProfile? {
        guard let registered = try? await stored(client) else { return nil }
        return catalog[registered.provider]
    }

    /// What a client's secrets are was edited: the order that its administrator gave counts again.
    func forgetWhichWasTaken(of client: ClientID) {
        taken[client] = nil
    }

    /// The provider took this secret: it goes first from now on.
    func remember(_ number: Int?, of client: ClientID) {
        taken[client] = number
    }

    private func stored(_ id: ClientID) async throws(BrokerError) -> RegisteredClient {
        let found: RegisteredClient?
        do { found = try await clients.client(id) } catch { throw .storeUnavailable(error) }
        guard let found else {
            throw BrokerError(
                .internalError, "The client \(id) is gone. An administrator must register it again.",
                actor: .administrator, reason: "no_client")
        }
        return found
    }

    // MARK: How the client authenticates

    /// The client with each of its secrets in turn. Exactly one method: the client's own choice, else what its secrets
    /// are for.
    private func candidates(
        _ registered: RegisteredClient, server: AuthorizationServer, grantType: GrantType, first: Int? = nil
    ) throws(BrokerError) -> [Registration.Candidate] {
        let method = Self.method(registered, server: server, grantType: grantType)
        let client = { (authentication: ClientAuthentication) in
            Client(
                id: registered.clientID, authentication: authentication,
                redirectURI: self.redirectURI(of: registered.id), issuer: server.issuer,
                tokenEndpoint: server.tokenEndpoint)
        }
        let kinds = Self.kinds(for: method)
        guard !kinds.isEmpty else { return [.init(client: client(.none), number: nil)] }
        var fitting = registered.secrets.filter { kinds.contains($0.kind) }
        if let last = first ?? taken[registered.id], let place = fitting.firstIndex(where: { $0.number == last }) {
            fitting.insert(fitting.remove(at: place), at: 0)
        }
        if fitting.isEmpty, kinds == [.secret], method != "client_secret_jwt" {
            // A method that needs a secret, and none there: `client_id` alone says who asks, never `id:` in Basic.
            return [.init(client: client(.none), number: nil)]
        }
        var candidates: [Registration.Candidate] = []
        for secret in fitting {
            candidates.append(
                .init(
                    client: client(try authentication(method, secret, of: registered, at: server)),
                    number: secret.number))
        }
        guard !candidates.isEmpty else {
            throw BrokerError(
                .invalidRequest,
                "The client \(registered.id) has nothing to authenticate with by \(method). Add it: credence clients secret add \(registered.id)",
                actor: .administrator, reason: "no_client_secret")
        }
        return candidates
    }

    private static func method(
        _ registered: RegisteredClient, server: AuthorizationServer, grantType: GrantType
    ) -> String {
        if let chosen = registered.authenticationMethod { return chosen }
        let listed = server.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        let spoken: [String]
        if registered.secrets.contains(where: { $0.kind == .secret }) {
            spoken = ["client_secret_basic", "client_secret_post", "client_secret_jwt"]
        } else if !registered.secrets.isEmpty, grantType != .jwtBearer, registered.grantTypes != [.jwtBearer] {
            spoken = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]
        } else {
            // The assertion of RFC 7523 §2.1 says by itself who asks.
            return "none"
        }
        return listed.first { spoken.contains($0) } ?? spoken[0]
    }

    private static func kinds(for method: String) -> [ClientSecret.Kind] {
        switch method {
        case "client_secret_basic", "client_secret_post", "client_secret_jwt": [.secret]
        case "private_key_jwt": [.key, .assertionFile]
        case "tls_client_auth", "self_signed_tls_client_auth": [.key]
        default: []
        }
    }

    private func authentication(
        _ method: String, _ secret: ClientSecret, of registered: RegisteredClient, at server: AuthorizationServer
    ) throws(BrokerError) -> ClientAuthentication {
        do {
            switch method {
            case "client_secret_basic": return .clientSecretBasic(try sealing.clientSecret(secret, of: registered.id))
            case "client_secret_post": return .clientSecretPost(try sealing.clientSecret(secret, of: registered.id))
            case "client_secret_jwt": return .clientSecretJWT(try sealing.clientSecret(secret, of: registered.id))
            case "tls_client_auth": return .tlsClientAuth(try sealing.clientKey(secret, of: registered.id))
            case "self_signed_tls_client_auth":
                return .selfSignedTLSClientAuth(try sealing.clientKey(secret, of: registered.id))
            case _ where secret.kind == .assertionFile:
                let path = try sealing.clientSecret(secret, of: registered.id).reveal()
                return .federatedAssertion(try assertionFiles.assertion(at: path, of: registered.id))
            default:
                let key = try sealing.clientKey(secret, of: registered.id)
                return .privateKeyJWT(
                    try Self.signer(
                        key, registered, supported: server.tokenEndpointAuthSigningAlgValuesSupported))
            }
        } catch let error as BrokerError {
            throw error
        } catch {
            throw damaged(registered.id, error)
        }
    }

    private func signer(of registered: RegisteredClient) throws(BrokerError) -> AssertionSigner? {
        guard let newest = registered.secrets.first(where: { $0.kind == .key }) else { return nil }
        do {
            return try Self.signer(try sealing.clientKey(newest, of: registered.id), registered, supported: nil)
        } catch {
            throw damaged(registered.id, error)
        }
    }

    /// - Parameter supported: what the server takes (RFC 8414 §2, `token_endpoint_auth_signing_alg_values_supported`):
    ///   the key's usual algorithm where it is listed, else the first that the key can do.
    private static func signer(
        _ key: ClientKey, _ registered: RegisteredClient, supported: [String]?
    ) throws -> AssertionSigner {
        let key = try SigningKey(key)
        let chosen = registered.signingAlgorithm.flatMap { SignatureAlgorithm(rawValue: $0) }
        let listed = supported.flatMap { supported in key.algorithms.first { supported.contains($0.rawValue) } }
        return try AssertionSigner(key, algorithm: chosen ?? listed)
    }

    private func damaged(_ client: ClientID, _ error: any Error) -> BrokerError {
        logger.error("A client secret does not open", metadata: ["client": "\(client)", "why": "\(error)"])
        return BrokerError(
            .internalError, "A secret of client \(client) does not open. An administrator must act.",
            actor: .administrator, reason: "sealed_box_damaged")
    }
}
