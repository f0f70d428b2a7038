public import Sealing

/// What the provider decided: the sealed credential, its lifetime, and how its refresh is doing.
public struct Grant: Sendable, Hashable {
    /// Counts the credentials: 0 before the first, one more at each. The compare-and-swap of every write.
    public var version: Int
    /// What runtimes get (access token, API key, user name and password), sealed for this version.
    public var credential: SealedBox?
    /// What they never get (the refresh token), sealed for this version.
    public var refresh: SealedBox?
    /// The key that the tokens are bound to (DPoP, RFC 9449), sealed for this version; nil for bearer tokens.
    public var proofKey: SealedBox?
    /// What an exchange begins with (the subject token of RFC 8693), sealed for this version.
    public var subject: SealedBox?
    /// What the provider granted, which may differ from what was asked for (RFC 6749 §5.1).
    public var scopes: [String]
    /// What the profile captures from the token response, such as an API host. Never secret.
    public var attributes: [String: String]
    /// Whose account it is at the provider, where the profile can tell.
    public var account: String?
    /// Which account that is, beyond doubt: issuer and subject of the ID token, or what the profile takes for it. Never
    /// changes without the owner's word (security case F19).
    public var accountKey: String?
    /// When the request was sent that brought the credential: lifetimes count from here.
    public var issuedAt: Timestamp?
    /// nil when the lifetime is unknown.
    public var expiresAt: Timestamp?
    public var refreshTokenExpiresAt: Timestamp?
    /// When the background refresh is due; nil when there is nothing to refresh.
    public var refreshAt: Timestamp?
    public var lastRefreshedAt: Timestamp?
    public var reauthorization: ReauthorizationReason?
    public var failure: RefreshFailure?
    /// Counts the claims; a later claim outbids an earlier one.
    public var fence: Int
    /// The intent of the refresh under way.
    public var attempt: RefreshAttempt?

    public init(
        version: Int = 0, credential: SealedBox? = nil, refresh: SealedBox? = nil, proofKey: SealedBox? = nil,
        subject: SealedBox? = nil, scopes: [String] = [], attributes: [String: String] = [:], account: String? = nil,
        accountKey: String? = nil, issuedAt: Timestamp? = nil,
        expiresAt: Timestamp? = nil, refreshTokenExpiresAt: Timestamp? = nil, refreshAt: Timestamp? = nil,
        lastRefreshedAt: Timestamp? = nil, reauthorization: ReauthorizationReason? = nil,
        failure: RefreshFailure? = nil, fence: Int = 0, attempt: RefreshAttempt? = nil
    ) {
        self.version = version
        self.credential = credential
        self.refresh = refresh
        self.proofKey = proofKey
        self.subject = subject
        self.scopes = scopes
        self.attributes = attributes
        self.account = account
        self.accountKey = accountKey
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.refreshTokenExpiresAt = refreshTokenExpiresAt
        self.refreshAt = refreshAt
        self.lastRefreshedAt = lastRefreshedAt
        self.reauthorization = reauthorization
        self.failure = failure
        self.fence = fence
        self.attempt = attempt
    }

    public func isExpired(at now: Timestamp) -> Bool {
        guard let expiresAt else { return false }
        return expiresAt <= now
    }
}

/// Why the owner must consent again.
public enum ReauthorizationReason: String, Sendable, CaseIterable {
    /// The provider refused the refresh token (`invalid_grant`, RFC 6749 §5.2).
    case revoked
    /// The credential expired and there is no refresh token.
    case expired
    /// The answer to a refresh never came, and the refresh token that it spent is taken no longer.
    case lost
    /// The provider refused again and again with a code that nobody knows, and the credential has expired.
    case refused
    /// A runtime reported that the provider refuses a credential that cannot be refreshed.
    case rejected
    /// A refresh brought the tokens of another account (OpenID Connect Core §12.2).
    case accountChanged = "account_changed"
    /// The provider wants more of the owner first, such as a second factor or a consent; the grant stands.
    case stepUp = "step_up"
}

/// A refresh that keeps failing for a reason that is not the owner's.
public struct RefreshFailure: Sendable, Hashable {
    /// When the first of the failures in a row was seen.
    public var since: Timestamp
    /// A stable code, such as `provider_unavailable` or the provider's `invalid_client`.
    public var reason: String
    /// How many in a row.
    public var attempts: Int
    /// Not to be tried before.
    public var retryAt: Timestamp
    /// What the owner's next consent must ask for, as the provider worded it (`OAuthError.claims`).
    public var claims: String?
    /// Whether the refresh token may have been spent by a request whose answer never came.
    public var isOutcomeUnknown: Bool

    public init(
        since: Timestamp, reason: String, attempts: Int, retryAt: Timestamp, claims: String? = nil,
        isOutcomeUnknown: Bool = false
    ) {
        self.since = since
        self.reason = reason
        self.attempts = attempts
        self.retryAt = retryAt
        self.claims = claims
        self.isOutcomeUnknown = isOutcomeUnknown
    }
}

/// The intent committed before a refresh token is sent: who is refreshing, and until when the others wait.
public struct RefreshAttempt: Sendable, Hashable {
    public var id: String
    public var fence: Int
    public var owner: String
    public var leaseUntil: Timestamp

    public init(id: String, fence: Int, owner: String, leaseUntil: Timestamp) {
        self.id = id
        self.fence = fence
        self.owner = owner
        self.leaseUntil = leaseUntil
    }
}
