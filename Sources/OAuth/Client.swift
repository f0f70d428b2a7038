/// Our registration as a request needs it (RFC 6749 §2).
public struct Client: Sendable, Hashable {
    /// `client_id` (RFC 6749 §2.2).
    public var id: String
    public var authentication: ClientAuthentication
    public var redirectURI: String?
    /// The authorization server that the registration is with, for the audience of assertions; nil where unknown.
    public var issuer: String?
    public var tokenEndpoint: EndpointURL?

    public init(
        id: String, authentication: ClientAuthentication, redirectURI: String? = nil, issuer: String? = nil,
        tokenEndpoint: EndpointURL? = nil
    ) {
        self.id = id
        self.authentication = authentication
        self.redirectURI = redirectURI
        self.issuer = issuer
        self.tokenEndpoint = tokenEndpoint
    }
}
