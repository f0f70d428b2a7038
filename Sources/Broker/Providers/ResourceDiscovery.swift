import Logging
import OAuth
import ProviderProfiles
import Sealing

/// From a resource's URL to a registration at its authorization server (RFC 9728): its challenge names its metadata,
/// the metadata names the server, and a client is there already or registers itself (RFC 7591).
struct ResourceDiscovery: Sendable {
    let exchange: any HTTPExchange
    let metadata: PublishedMetadata
    let clients: Clients
    let registrations: Registrations
    let random: any RandomSource
    let allowHTTP: Bool
    let logger: Logger

    struct Found: Sendable {
        let client: RegisteredClient
        /// What the resource wants.
        let scopes: [String]
        /// Its own name for itself.
        let resource: String
    }

    /// The profile that knows nothing but an issuer.
    static let genericProvider = "oauth2"
    private static let patience: Duration = .seconds(10)

    func registration(for text: String, by caller: Caller) async throws(BrokerError) -> Found {
        let url: EndpointURL
        do {
            url = try EndpointURL(text)
        } catch {
            throw .invalid("The resource is not a URL that can be asked: \(error)", field: "resource")
        }
        guard url.isSafe(allowHTTP: allowHTTP) else { throw .invalid("The resource must be https.", field: "resource") }
        let (resource, wanted) = try await resourceMetadata(of: url)
        guard let issuer = resource.authorizationServers.first else {
            throw .invalid("The resource names no authorization server (RFC 9728 §2).", field: "resource")
        }
        let scopes = wanted ?? resource.scopesSupported ?? []
        if let known = try await clients.all().first(where: {
            $0.provider == Self.genericProvider && isSameText($0.fields["issuer"] ?? "", issuer)
                && ($0.grantTypes.isEmpty || $0.grantTypes.contains(.authorizationCode))
        }) {
            return Found(client: known, scopes: scopes, resource: resource.resource)
        }
        // A registration is an administrator's to make.
        guard caller.role == .admin else {
            throw .invalid(
                "No client is registered at \(issuer). An administrator adds one: credence clients add",
                field: "resource")
        }
        let client = try await register(
            at: issuer, scopes: scopes, isDPoPBound: resource.dpopBoundAccessTokensRequired, by: caller)
        return Found(client: client, scopes: scopes, resource: resource.resource)
    }

    // MARK: The resource

    private func resourceMetadata(
        of url: EndpointURL
    ) async throws(BrokerError) -> (ProtectedResource, scopes: [String]?) {
        let challenge = ProtectedResource.challenge(in: try await send(ProtectedResource.request(url)))
        let requests: [EndpointRequest]
        do {
            requests = try ProtectedResource.metadataRequests(of: url, challenge: challenge, allowHTTP: allowHTTP)
        } catch {
            throw .invalid("The resource's challenge cannot be followed: \(error)", field: "resource")
        }
        var reason = "it publishes no metadata (RFC 9728 §3)"
        for request in requests {
            switch ProtectedResource.judge(try await send(request), to: request, resource: url, allowHTTP: allowHTTP) {
            case .found(let resource): return (resource, challenge?.scope)
            case .absent: continue
            case .mismatch: reason = "its metadata is another resource's (RFC 9728 §3.3)"
            case .malformed(let why): reason = why
            }
        }
        throw .invalid("The resource cannot be connected: \(reason).", field: "resource")
    }

    private func send(_ request: EndpointRequest) async throws(BrokerError) -> EndpointResponse {
        do {
            return try await exchange.send(request, within: Self.patience)
        } catch {
            throw BrokerError(
                .providerUnavailable, "\(request.url) cannot be asked (\(error.code.rawValue)).",
                actor: error.code == .addressRefused ? .administrator : .nobody, reason: error.code.rawValue,
                retryAfter: 10)
        }
    }

    // MARK: Registering

    private func register(
        at issuer: String, scopes: [String], isDPoPBound: Bool, by caller: Caller
    ) async throws(BrokerError) -> RegisteredClient {
        let server = try await metadata.server(issuer, prefersOpenID: false)
        guard let endpoint = server.registrationEndpoint else {
            throw .invalid(
                "\(issuer) registers no clients by itself (RFC 7591). Register there, then: credence clients add ID --provider \(Self.genericProvider) --field issuer=\(issuer) --client-id …",
                field: "resource")
        }
        let id = ClientID.random(from: random)
        let listed = server.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        let method = ["none", "client_secret_basic", "client_secret_post"].first { listed.contains($0) } ?? "none"
        let response = try await send(
            ClientRegistration.request(
                at: endpoint,
                metadata: ClientRegistration.Metadata(
                    redirectURIs: [registrations.redirectURI(of: id)],
                    grantTypes: [.authorizationCode, .refreshToken], tokenEndpointAuthMethod: method, scope: scopes,
                    clientName: "Credence")))
        switch ClientRegistration.judge(response) {
        case .registered(let registered):
            var request = ClientRequest(provider: Self.genericProvider, clientID: registered.clientID)
            request.id = id
            request.fields = ["issuer": issuer]
            request.authenticationMethod = registered.tokenEndpointAuthMethod ?? method
            request.secret = registered.clientSecret.map { .secret($0) }
            request.isDPoPBound = isDPoPBound
            return try await clients.add(request, by: caller)
        case .refused(let error):
            throw .invalid("\(issuer) refuses to register a client: \(error.code).", field: "resource")
        case .malformed(let reason):
            throw .invalid("\(issuer)'s registration cannot be read: \(reason).", field: "resource")
        case .unavailable(let status):
            throw BrokerError(
                .providerUnavailable, "\(issuer) does not register clients now (status \(status)).", actor: .nobody,
                reason: "provider_unavailable", retryAfter: 10)
        }
    }
}
