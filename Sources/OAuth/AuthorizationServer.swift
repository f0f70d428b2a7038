/// An authorization server's metadata (RFC 8414 §2), as far as it is used.
public struct AuthorizationServer: Sendable, Hashable {
    public var issuer: String?
    public var authorizationEndpoint: EndpointURL?
    public var tokenEndpoint: EndpointURL?
    public var revocationEndpoint: EndpointURL?
    public var introspectionEndpoint: EndpointURL?
    public var deviceAuthorizationEndpoint: EndpointURL?
    public var pushedAuthorizationRequestEndpoint: EndpointURL?
    public var userinfoEndpoint: EndpointURL?
    public var registrationEndpoint: EndpointURL?
    public var jwksURI: EndpointURL?
    public var scopesSupported: [String]?
    public var grantTypesSupported: [String]?
    public var codeChallengeMethodsSupported: [String]?
    public var tokenEndpointAuthMethodsSupported: [String]?
    /// What may sign client assertions. Never `none`, whatever it says (RFC 8414 §2).
    public var tokenEndpointAuthSigningAlgValuesSupported: [String]?
    /// OpenID Connect Discovery 1.0 §3.
    public var idTokenSigningAlgValuesSupported: [String]?
    /// RFC 9449 §5.1.
    public var dpopSigningAlgValuesSupported: [String]?
    /// RFC 9126 §5: a request that is not pushed is refused.
    public var requirePushedAuthorizationRequests = false
    /// RFC 9207 §3.
    public var authorizationResponseIssParameterSupported = false
    /// Where endpoints are for clients that present a certificate, by the names of the members (RFC 8705 §5).
    public var mtlsEndpointAliases: [String: EndpointURL] = [:]

    public init() {}

    /// The endpoints, by the names of their members.
    static let endpoints: [(name: String, place: any WritableKeyPath<AuthorizationServer, EndpointURL?> & Sendable)] = [
        ("authorization_endpoint", \.authorizationEndpoint), ("token_endpoint", \.tokenEndpoint),
        ("revocation_endpoint", \.revocationEndpoint), ("introspection_endpoint", \.introspectionEndpoint),
        ("device_authorization_endpoint", \.deviceAuthorizationEndpoint),
        ("pushed_authorization_request_endpoint", \.pushedAuthorizationRequestEndpoint),
        ("userinfo_endpoint", \.userinfoEndpoint), ("registration_endpoint", \.registrationEndpoint),
        ("jwks_uri", \.jwksURI),
    ]

    /// Those where a client authenticates, and so may present a certificate.
    static let endpointsForClients: Set = [
        "token_endpoint", "revocation_endpoint", "introspection_endpoint", "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
    ]

    /// The discovered metadata (RFC 8414 §3), with the endpoints that are configured here in place of its own. What the
    /// server says it supports is the server's to say; what it demands, either may say.
    public func completed(by discovered: AuthorizationServer) -> AuthorizationServer {
        var server = discovered
        for (name, place) in Self.endpoints {
            guard let own = self[keyPath: place] else { continue }
            server[keyPath: place] = own
            // Who says where an endpoint is says it for all clients.
            server.mtlsEndpointAliases[name] = mtlsEndpointAliases[name]
        }
        server.requirePushedAuthorizationRequests =
            requirePushedAuthorizationRequests || discovered.requirePushedAuthorizationRequests
        server.authorizationResponseIssParameterSupported =
            authorizationResponseIssParameterSupported || discovered.authorizationResponseIssParameterSupported
        return server
    }

    /// Whether the other document of the same issuer may know more: OpenID Connect Discovery defines neither endpoint.
    public var mayBeSupplemented: Bool { revocationEndpoint == nil || introspectionEndpoint == nil }

    /// The metadata of OpenID Connect, with the endpoints that it does not define from the issuer's other document
    /// (RFC 8414 §2). What it says itself stays.
    public func supplemented(by other: AuthorizationServer) -> AuthorizationServer {
        var server = self
        server.revocationEndpoint = revocationEndpoint ?? other.revocationEndpoint
        server.introspectionEndpoint = introspectionEndpoint ?? other.introspectionEndpoint
        server.deviceAuthorizationEndpoint = deviceAuthorizationEndpoint ?? other.deviceAuthorizationEndpoint
        return server
    }

    /// The same for clients that present a certificate, and for no others: the aliases in place of the usual endpoints
    /// (RFC 8705 §5).
    public var forMutualTLS: AuthorizationServer {
        var server = self
        for (name, place) in Self.endpoints where Self.endpointsForClients.contains(name) {
            if let alias = mtlsEndpointAliases[name] { server[keyPath: place] = alias }
        }
        return server
    }

    /// The first member that is missing for a grant, by its name; nil when all is there.
    /// - Parameter usesOpenID: ID tokens come along, and are verified.
    public func missingMember(for grantType: GrantType, usesOpenID: Bool = false) -> String? {
        if grantType == .authorizationCode, authorizationEndpoint == nil { return "authorization_endpoint" }
        if grantType == .deviceCode, deviceAuthorizationEndpoint == nil { return "device_authorization_endpoint" }
        if tokenEndpoint == nil { return "token_endpoint" }
        if requirePushedAuthorizationRequests, grantType == .authorizationCode,
            pushedAuthorizationRequestEndpoint == nil
        {
            return "pushed_authorization_request_endpoint"
        }
        return usesOpenID && jwksURI == nil ? "jwks_uri" : nil
    }
}
