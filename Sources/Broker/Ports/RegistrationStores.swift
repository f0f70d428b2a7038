/// Consent under way: tickets and pending authorizations.
public protocol ConsentStore: Sendable {
    func insert(_ ticket: ConsentTicket) async throws(StoreFailure)

    /// The ticket, whether or not it has expired.
    func ticket(_ hash: [UInt8]) async throws(StoreFailure) -> ConsentTicket?

    func deleteTicket(_ hash: [UInt8]) async throws(StoreFailure)

    func insert(_ pending: PendingAuthorization) async throws(StoreFailure)

    /// Removes and returns it: of two that ask at once, one gets it. Whether or not it has expired.
    func takePending(_ stateHash: [UInt8]) async throws(StoreFailure) -> PendingAuthorization?

    /// Nothing where the connection is gone.
    func insert(_ held: HeldGrant) async throws(StoreFailure)

    /// Removes and returns it: of two that ask at once, one gets it. Whether or not it has expired.
    func takeHeld(_ hash: [UInt8]) async throws(StoreFailure) -> HeldGrant?

    /// Removes tickets, pending authorizations, held grants and device consents that expired before the moment; returns
    /// how many.
    func purgeConsents(before moment: Timestamp) async throws(StoreFailure) -> Int
}

/// Device authorizations under way (RFC 8628).
public protocol DeviceConsentStore: Sendable {
    /// In place of an older one of the same connection. Nothing where the connection is gone.
    func insert(_ device: DeviceConsent) async throws(StoreFailure)

    func deviceConsent(of connection: ConnectionID) async throws(StoreFailure) -> DeviceConsent?

    /// The pending ones whose poll is due, soonest first: `pollAt <= now`, without `failure`.
    func devicesDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [DeviceConsent]

    /// Writes `box`, `interval`, `pollAt` and `failure` where the store still holds this `id` with `pollAt` as it was: of
    /// two that poll at once, one goes on. False when it does not.
    func update(_ device: DeviceConsent, from pollAt: Timestamp) async throws(StoreFailure) -> Bool

    /// Removes it where it still has this `id`.
    func deleteDeviceConsent(of connection: ConnectionID, id: String) async throws(StoreFailure)
}

/// What providers have still to be told (RFC 7009).
public protocol RevocationStore: Sendable {
    func insert(_ owed: OwedRevocation) async throws(StoreFailure)

    /// Those that are due, soonest first: `retryAt <= now`.
    func revocationsDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [OwedRevocation]

    /// Writes `attempts` and `retryAt` where the store still holds `attempts` as it was: of two that try at once, one
    /// goes on. False when it does not.
    func update(_ owed: OwedRevocation, from attempts: Int) async throws(StoreFailure) -> Bool

    func deleteRevocation(_ id: String) async throws(StoreFailure)
}

/// Our registrations at providers.
public protocol ClientStore: Sendable {
    func client(_ id: ClientID) async throws(StoreFailure) -> RegisteredClient?
    /// All, by ascending ID.
    func clients() async throws(StoreFailure) -> [RegisteredClient]
    /// False when the ID is taken.
    func insert(_ client: RegisteredClient) async throws(StoreFailure) -> Bool
    /// Writes the client and its secrets, one revision on, where the store still holds `client.revision`.
    func update(_ client: RegisteredClient) async throws(StoreFailure) -> Bool
    func deleteClient(_ id: ClientID) async throws(StoreFailure) -> DeleteClientResult
}

public enum DeleteClientResult: Sendable, Hashable {
    case deleted
    case notFound
    /// Connections still use it: how many.
    case inUse(Int)
    /// No connection does, but tokens of removed ones are still to be revoked with it: how many.
    case owing(Int)
}

/// Who may call.
public protocol CallerStore: Sendable {
    /// All, by ascending ID, the revoked ones too.
    func callers() async throws(StoreFailure) -> [Caller]
    /// False when the ID is taken.
    func insert(_ caller: Caller) async throws(StoreFailure) -> Bool
    /// Replaces keys and revocation. False when there is none, or it was revoked: that is for good, whatever a rotation
    /// that began before it says.
    func update(_ caller: Caller) async throws(StoreFailure) -> Bool
}

/// Everything a store of Credence offers.
public typealias BrokerStore = ConnectionStore & ConsentStore & DeviceConsentStore & RevocationStore & ClientStore
    & CallerStore & KeyRingStore & WebhookStore & SecretStore
