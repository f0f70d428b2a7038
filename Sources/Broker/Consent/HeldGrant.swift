public import Sealing

/// What a consent brought for another account than before, until the owner says whether it shall replace the old one
/// (security case F19): ten minutes at most.
public struct HeldGrant: Sendable, Hashable {
    /// SHA-256 of the word in the page's form.
    public let hash: [UInt8]
    public let connection: ConnectionID
    /// SHA-256 of the cookie of the browser that consented.
    public let browserHash: [UInt8]
    /// The token response and what was learned of the account, sealed.
    public let box: SealedBox
    public let returnTo: String?
    public let expiresAt: Timestamp

    public init(
        hash: [UInt8], connection: ConnectionID, browserHash: [UInt8], box: SealedBox, returnTo: String?,
        expiresAt: Timestamp
    ) {
        self.hash = hash
        self.connection = connection
        self.browserHash = browserHash
        self.box = box
        self.returnTo = returnTo
        self.expiresAt = expiresAt
    }
}
