public import OAuth
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
    /// The grants that the client was registered for; a new connection takes the first when it does not say. Empty leaves
    /// it to the profile.
    public var grantTypes: [GrantType]
    /// Whether its tokens are bound to a key (`dpop_bound_access_tokens`, RFC 9449 §5.2).
    public var isDPoPBound: Bool
    /// `token_endpoint_auth_signing_alg` (RFC 7591 §2); nil takes what the key does first.
    public var signingAlgorithm: String?
    /// The newest first, which is the one that is used: several overlap while one is rotated.
    public var secrets: [ClientSecret]
    public let createdAt: Timestamp
    public var updatedAt: Timestamp
    public var revision: Int

    public init(
        id: ClientID, provider: String, clientID: String, authenticationMethod: String? = nil,
        fields: [String: String] = [:], scopes: [String] = [], grantTypes: [GrantType] = [], isDPoPBound: Bool = false,
        signingAlgorithm: String? = nil, secrets: [ClientSecret] = [],
        createdAt: Timestamp, updatedAt: Timestamp, revision: Int = 1
    ) {
        self.id = id
        self.provider = provider
        self.clientID = clientID
        self.authenticationMethod = authenticationMethod
        self.fields = fields
        self.scopes = scopes
        self.grantTypes = grantTypes
        self.isDPoPBound = isDPoPBound
        self.signingAlgorithm = signingAlgorithm
        self.secrets = secrets
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.revision = revision
    }
}

/// One secret or key of a client, sealed under its own number.
public struct ClientSecret: Sendable, Hashable {
    /// The revision of the client that brought it: never used twice.
    public let number: Int
    public let kind: Kind
    public let box: SealedBox
    /// `kid` of a key, where it has one.
    public let keyID: String?
    /// When it ends by itself: a certificate's `notAfter`, or what the authorization server said.
    public let expiresAt: Timestamp?
    public let createdAt: Timestamp

    public enum Kind: String, Sendable, CaseIterable {
        /// A `client_secret` (RFC 6749 §2.3.1).
        case secret
        /// A private key with its certificates, for assertions (RFC 7523) and TLS (RFC 8705).
        case key
        /// The path of a file with an assertion that somebody else signs and renews (RFC 7523 §3): read at each request.
        case assertionFile = "assertion_file"
    }

    public init(
        number: Int, kind: Kind = .secret, box: SealedBox, keyID: String? = nil, expiresAt: Timestamp? = nil,
        createdAt: Timestamp
    ) {
        self.number = number
        self.kind = kind
        self.box = box
        self.keyID = keyID
        self.expiresAt = expiresAt
        self.createdAt = createdAt
    }
}
