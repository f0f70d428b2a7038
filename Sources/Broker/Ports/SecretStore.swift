public import Sealing

/// The versions of secrets that are set by hand, and the key of this installation's own fingerprints and chains.
public protocol SecretStore: Sendable {
    /// `ConnectionStore.commit`, and the versions that it makes and leaves behind, in one transaction. A version that is
    /// there gets the box and `keptUntil`; of a connection's versions the newest hundred stay.
    func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant, history: [SecretVersion], at now: Timestamp
    ) async throws(StoreFailure) -> CommitResult

    /// `ConnectionStore.insert`, with the first version.
    func insert(_ connection: StoredConnection, history: [SecretVersion]) async throws(StoreFailure) -> Bool

    /// A version whose box stands here and not in the grant: a secret beside the tokens of a connection. The boxes of earlier
    /// ones are destroyed, and their time is over with that. False when the connection is gone, or that version is taken.
    func insert(_ version: SecretVersion, of key: ConnectionKey) async throws(StoreFailure) -> Bool

    /// The newest first.
    func secretVersions(of id: ConnectionID) async throws(StoreFailure) -> [SecretVersion]

    /// Destroys the boxes of versions whose time is over; who set them, and when, stays. How many it destroyed.
    func forgetSecrets(keptUntil moment: Timestamp) async throws(StoreFailure) -> Int

    /// The connections whose secret was set by hand and has an end until the moment, soonest first.
    /// - Parameter start: those after it alone; with an ID, also those that end at that moment and stand behind it.
    func ending(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection]

    /// The installation's own key, sealed; nil before it was made.
    func installationKey() async throws(StoreFailure) -> SealedBox?
    /// False when there is one: it is made once.
    func insert(installationKey: SealedBox) async throws(StoreFailure) -> Bool
}

/// One version of an API key, a Basic credential or a profile's own secrets. The value of the current one stands in the
/// grant; that of an earlier one here, until its time is over. Beside OAuth's tokens the current value stands here too.
public struct SecretVersion: Sendable, Hashable {
    /// The grant's version that it was.
    public let version: Int
    /// As it stood in the grant, sealed for that version; nil of the current one and of one whose time is over.
    public var box: SealedBox?
    /// Tells values apart without telling them (`InstallationKey.fingerprint`).
    public let fingerprint: String
    /// The ID of the caller who set it; empty where nobody knows any more.
    public let setBy: String
    public let createdAt: Timestamp
    /// Which version's value it brought back.
    public let restores: Int?
    /// When the value ends by what the administrator said.
    public let expiresAt: Timestamp?
    /// Until when `box` is kept.
    public var keptUntil: Timestamp?

    public init(
        version: Int, box: SealedBox? = nil, fingerprint: String, setBy: String, createdAt: Timestamp,
        restores: Int? = nil, expiresAt: Timestamp? = nil, keptUntil: Timestamp? = nil
    ) {
        self.version = version
        self.box = box
        self.fingerprint = fingerprint
        self.setBy = setBy
        self.createdAt = createdAt
        self.restores = restores
        self.expiresAt = expiresAt
        self.keptUntil = keptUntil
    }

    /// How many of a connection's versions a store keeps.
    public static let limit = 100
}

extension SecretStore where Self: ConnectionStore {
    public func insert(_ connection: StoredConnection) async throws(StoreFailure) -> Bool {
        try await insert(connection, history: [])
    }

    public func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant, at now: Timestamp
    ) async throws(StoreFailure) -> CommitResult {
        try await commit(key, replacing: version, with: grant, history: [], at: now)
    }
}
