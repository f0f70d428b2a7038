public import Sealing

/// Tokens of a connection that is gone, which the provider has not yet been told of (RFC 7009; security case F24).
///
/// Holds the sealed boxes as they stood in the grant, and what is needed to find the provider again.
public struct OwedRevocation: Sendable, Hashable {
    /// Random; names the debt, not the connection, whose ID may be used again.
    public let id: String
    /// The connection as it was when it was deleted, its grant with it.
    public let connection: ConnectionID
    public let provider: String
    public let client: ClientID
    public let fields: [String: String]
    public let version: Int
    public let credential: SealedBox?
    public let refresh: SealedBox?
    /// How often it was tried.
    public var attempts: Int
    /// Not to be tried before.
    public var retryAt: Timestamp
    public let createdAt: Timestamp

    public init(
        id: String, connection: ConnectionID, provider: String, client: ClientID, fields: [String: String],
        version: Int, credential: SealedBox?, refresh: SealedBox?, attempts: Int = 0, retryAt: Timestamp,
        createdAt: Timestamp
    ) {
        self.id = id
        self.connection = connection
        self.provider = provider
        self.client = client
        self.fields = fields
        self.version = version
        self.credential = credential
        self.refresh = refresh
        self.attempts = attempts
        self.retryAt = retryAt
        self.createdAt = createdAt
    }
}
