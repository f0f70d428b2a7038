public import Sealing

/// Our registration at a provider (RFC 6749 §2).
public struct RegisteredClient: Sendable, Hashable {
    public let id: ClientID
    /// The name of the provider's profile.
    public let provider: String
    /// The `client_id` that the authorization server issued (RFC 6749 §2.2).
    public var clientID: String
    /// How the client authenticates at the token endpoint: a name of the IANA registry, such as
    /// `client_secret_basic`; nil takes the first of the profile's that Credence speaks.
    public var authenticationMethod: String?
    /// The profile's fields that a client fills in. Never secret.
    public var fields: [String: String]
    public var scopes: [String]
    /// The newest first, which is the one that is used: several overlap while one is rotated.
    public var secrets: [ClientSecret]
    public let createdAt: Timestamp
    public var updatedAt: Timestamp
    public var revision: Int

    public init(
        id: ClientID, provider: String, clientID: String, authenticationMethod: String? = nil,
        fields: [String: String] = [:], scopes: [String] = [], secrets: [ClientSecret] = [],
        createdAt: Timestamp, updatedAt: Timestamp, revision: Int = 1
    ) {
        self.id = id
        self.provider = provider
        self.clientID = clientID
        self.authenticationMethod = authenticationMethod
        self.fields = fields
        self.scopes = scopes
        self.secrets = secrets
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.revision = revision
    }
}

/// One secret of a client, sealed under its own number.
public struct ClientSecret: Sendable, Hashable {
    /// The revision of the client that brought it: never used twice.
    public let number: Int
    public let box: SealedBox
    public let createdAt: Timestamp

    public init(number: Int, box: SealedBox, createdAt: Timestamp) {
        self.number = number
        self.box = box
        self.createdAt = createdAt
    }
}
