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
    public var jwksURI: EndpointURL?
    public var tokenEndpointAuthMethodsSupported: [String]?
    public var codeChallengeMethodsSupported: [String]?
    public var grantTypesSupported: [String]?
    /// RFC 9207 §3.
    public var authorizationResponseIssParameterSupported = false

    public init() {}

    /// The discovered metadata (RFC 8414 §3), with the endpoints that are configured here in place of its own. What the
    /// server says it supports is the server's to say.
    public func completed(by discovered: AuthorizationServer) -> AuthorizationServer {
        var server = discovered
        server.authorizationEndpoint = authorizationEndpoint ?? discovered.authorizationEndpoint
        server.tokenEndpoint = tokenEndpoint ?? discovered.tokenEndpoint
        server.revocationEndpoint = revocationEndpoint ?? discovered.revocationEndpoint
        server.introspectionEndpoint = introspectionEndpoint ?? discovered.introspectionEndpoint
        server.deviceAuthorizationEndpoint = deviceAuthorizationEndpoint ?? discovered.deviceAuthorizationEndpoint
        server.pushedAuthorizationRequestEndpoint =
            pushedAuthorizationRequestEndpoint ?? discovered.pushedAuthorizationRequestEndpoint
        server.userinfoEndpoint = userinfoEndpoint ?? discovered.userinfoEndpoint
        server.jwksURI = jwksURI ?? discovered.jwksURI
        return server
    }
}
