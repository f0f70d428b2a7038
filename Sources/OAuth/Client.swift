/// Our registration as a request needs it (RFC 6749 §2).
public struct Client: Sendable, Hashable {
    /// `client_id` (RFC 6749 §2.2).
    public var id: String
    public var authentication: ClientAuthentication
    public var redirectURI: String?

    public init(id: String, authentication: ClientAuthentication, redirectURI: String? = nil) {
        self.id = id
        self.authentication = authentication
        self.redirectURI = redirectURI
    }
}
