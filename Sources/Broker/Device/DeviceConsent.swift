public import Sealing

/// A device authorization under way (RFC 8628): the owner types the user code at the provider while we poll. One a
/// connection; a newer one takes the place of an older. It outlives a restart.
public struct DeviceConsent: Sendable, Hashable {
    public let connection: ConnectionID
    /// Random; tells this device authorization from the next of the same connection.
    public let id: String
    /// The device code, and the key that the tokens will be bound to (RFC 9449), sealed. nil once it has ended.
    public var box: SealedBox?
    public let userCode: String
    public let verificationURI: String
    public let verificationURIComplete: String?
    public let scopes: [String]
    /// In seconds, between two polls (RFC 8628 §3.5).
    public var interval: Int
    /// Not to be polled before; once it has ended: when.
    public var pollAt: Timestamp
    public let expiresAt: Timestamp
    /// How it ended: `connected`, or the error code, such as `access_denied` or `expired_token`; nil while it is
    /// pending.
    public var outcome: String?

    public init(
        connection: ConnectionID, id: String, box: SealedBox?, userCode: String, verificationURI: String,
        verificationURIComplete: String?, scopes: [String], interval: Int, pollAt: Timestamp, expiresAt: Timestamp,
        outcome: String? = nil
    ) {
        self.connection = connection
        self.id = id
        self.box = box
        self.userCode = userCode
        self.verificationURI = verificationURI
        self.verificationURIComplete = verificationURIComplete
        self.scopes = scopes
        self.interval = interval
        self.pollAt = pollAt
        self.expiresAt = expiresAt
        self.outcome = outcome
    }
}

extension DeviceConsent {
    public static let connected = "connected"

    /// Nothing of it is kept but how it ended.
    func ended(_ outcome: String, at now: Timestamp) -> DeviceConsent {
        var ended = self
        ended.outcome = outcome
        ended.box = nil
        ended.pollAt = now
        return ended
    }

    /// `pending`, `connected`, or the error code by which it ended; it ends by itself when its time is over (RFC 8628 §3.5).
    public func status(at now: Timestamp) -> String {
        outcome ?? (expiresAt <= now ? "expired_token" : "pending")
    }
}
