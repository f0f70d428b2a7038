public import OAuth
public import ProviderProfiles

/// One owner's stored grant or secret at one provider: what people and administrators decide about it.
///
/// What the provider decides (tokens, expiry, failures) is the connection's `Grant`, in a row of its own, so that
/// an edit here never touches a credential there.
public struct Connection: Sendable, Hashable {
    public let id: ConnectionID
    /// The name of the provider's profile.
    public let provider: String
    /// Our registration at the provider; nil for API keys and Basic.
    public let client: ClientID?
    public let kind: ProfileKind
    /// How its credential is come by; means nothing for API keys and Basic.
    public let grantType: GrantType
    public var owner: String?
    public var labels: [String: String]
    /// The scopes to ask for; empty asks for the client's, else the profile's.
    public var scopes: [String]
    /// Where the token is to be used (`resource`, RFC 8707 §2); empty leaves it to the authorization server.
    public let resources: [String]
    /// The profile's fields that a connection fills in. Never secret.
    public var fields: [String: String]
    public var isDisabled: Bool
    public let createdAt: Timestamp
    public var updatedAt: Timestamp
    /// Counts the edits: an update names the revision that it read.
    public var revision: Int

    public init(
        id: ConnectionID, provider: String, client: ClientID?, kind: ProfileKind,
        grantType: GrantType = .authorizationCode, owner: String? = nil, labels: [String: String] = [:],
        scopes: [String] = [], resources: [String] = [], fields: [String: String] = [:],
        isDisabled: Bool = false, createdAt: Timestamp, updatedAt: Timestamp, revision: Int = 1
    ) {
        self.id = id
        self.provider = provider
        self.client = client
        self.kind = kind
        self.grantType = grantType
        self.owner = owner
        self.labels = labels
        self.scopes = scopes
        self.resources = resources
        self.fields = fields
        self.isDisabled = isDisabled
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.revision = revision
    }
}

/// What a connection is for those who look at it (docs/architecture.md, "Status").
public enum ConnectionStatus: String, Sendable, CaseIterable {
    /// Nobody has consented or set a secret yet.
    case pending
    case active
    /// The refresh is failing; the credential is still valid.
    case degraded
    /// The credential has expired and the refresh is still being tried.
    case unavailable
    case reauthorizationRequired = "reauthorization_required"
    case disabled
}

/// A connection with its grant, as a store holds them.
public struct StoredConnection: Sendable, Hashable {
    public var connection: Connection
    public var grant: Grant

    public init(connection: Connection, grant: Grant = Grant()) {
        self.connection = connection
        self.grant = grant
    }

    public var id: ConnectionID { connection.id }
    public var key: ConnectionKey { ConnectionKey(id: connection.id, createdAt: connection.createdAt) }

    /// The status at a moment: a credential may expire without anybody writing it down.
    public func status(at now: Timestamp) -> ConnectionStatus {
        if connection.isDisabled { return .disabled }
        if reauthorization(at: now) != nil { return .reauthorizationRequired }
        if grant.credential == nil { return isReissuable && grant.failure != nil ? .unavailable : .pending }
        let expired = grant.isExpired(at: now)
        if expired { return .unavailable }
        return grant.failure == nil ? .active : .degraded
    }

    /// Why the owner has to consent again, or nil. A grant that expired without a refresh token is never
    /// handed out as if it were good.
    public func reauthorization(at now: Timestamp) -> ReauthorizationReason? {
        if let reason = grant.reauthorization { return reason }
        if grant.version > 0, !isRenewable, grant.isExpired(at: now) { return .expired }
        return nil
    }

    /// How long before the end of a refresh token people are told.
    public static let notice: Duration = .seconds(14 * 86_400)

    /// When the grant ends unless its owner consents again, if that is soon: the refresh token has a lifetime, and nothing
    /// has renewed it.
    public func endsSoon(at now: Timestamp) -> Timestamp? {
        guard grant.refresh != nil, reauthorization(at: now) == nil, let end = grant.refreshTokenExpiresAt,
            end.since(now) < Self.notice
        else { return nil }
        return end
    }

    /// Whether we get a new credential without anybody: by refresh token, or by asking for a token once more.
    public var isRenewable: Bool { grant.refresh != nil || isReissuable }

    /// Whether the grant that brought the credential can be repeated: nobody consents to it (RFC 6749 §4.4, RFC 7523),
    /// or what it begins with is kept (RFC 8693).
    public var isReissuable: Bool {
        guard connection.kind == .oauth2 else { return false }
        switch connection.grantType {
        case .clientCredentials, .jwtBearer: return true
        case .tokenExchange: return grant.subject != nil
        case .authorizationCode, .deviceCode, .refreshToken: return false
        }
    }
}
