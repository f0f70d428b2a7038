public import Sealing

/// An authorization request under way: from the redirect to the provider until its answer, ten minutes at most.
public struct PendingAuthorization: Sendable, Hashable {
    /// SHA-256 of the `state`: whoever reads the store cannot finish the consent.
    public let stateHash: [UInt8]
    public let connection: ConnectionID
    public let client: ClientID
    /// SHA-256 of the cookie of the browser that began (RFC 9700 §4.7).
    public let browserHash: [UInt8]
    /// The PKCE code verifier (RFC 7636 §4.1), sealed; nil where the profile switches PKCE off.
    public let verifier: SealedBox?
    /// The key that the tokens will be bound to (RFC 9449), sealed; nil for bearer tokens.
    public let proofKey: SealedBox?
    public let scopes: [String]
    public let returnTo: String?
    /// The hash of the ticket that it came from.
    public let ticketHash: [UInt8]
    public let expiresAt: Timestamp

    public init(
        stateHash: [UInt8], connection: ConnectionID, client: ClientID, browserHash: [UInt8], verifier: SealedBox?,
        proofKey: SealedBox? = nil, scopes: [String], returnTo: String?, ticketHash: [UInt8], expiresAt: Timestamp
    ) {
        self.stateHash = stateHash
        self.connection = connection
        self.client = client
        self.browserHash = browserHash
        self.verifier = verifier
        self.proofKey = proofKey
        self.scopes = scopes
        self.returnTo = returnTo
        self.ticketHash = ticketHash
        self.expiresAt = expiresAt
    }
}

/// A consent link: whoever holds it may begin consent for one connection, thirty minutes long.
public struct ConsentTicket: Sendable, Hashable {
    /// SHA-256 of the ticket in the link.
    public let hash: [UInt8]
    public let connection: ConnectionID
    public let returnTo: String?
    /// Who asked for the link: the page names it.
    public let requestedBy: CallerID
    /// What the authorization request says besides.
    public let wishes: ConsentWishes
    public let expiresAt: Timestamp

    public init(
        hash: [UInt8], connection: ConnectionID, returnTo: String?, requestedBy: CallerID,
        wishes: ConsentWishes = ConsentWishes(), expiresAt: Timestamp
    ) {
        self.hash = hash
        self.connection = connection
        self.returnTo = returnTo
        self.requestedBy = requestedBy
        self.wishes = wishes
        self.expiresAt = expiresAt
    }
}
