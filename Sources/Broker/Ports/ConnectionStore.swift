/// Connections and their grants. Small on purpose: a second store is only an adapter, and the conformance suite
/// (`BrokerTesting.StoreConformance`) says what each call must do.
///
/// Every call is atomic and durable when it returns. A call throws `StoreFailure` when the store is broken;
/// everything else is an answer.
public protocol ConnectionStore: Sendable {
    func connection(_ id: ConnectionID) async throws(StoreFailure) -> StoredConnection?

    /// Those that match, by ascending ID, after the given one.
    func connections(
        matching filter: ConnectionFilter, after: ConnectionID?, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection]

    /// False when the ID is taken; nothing is changed then.
    func insert(_ connection: StoredConnection) async throws(StoreFailure) -> Bool

    /// Writes what people decide, one revision on, where the store still holds `connection.revision`.
    /// The grant is not touched. False when it is gone or was edited meanwhile.
    func update(_ connection: Connection) async throws(StoreFailure) -> Bool

    /// Removes the connection and all that belongs to it (grant, tickets, pending authorizations, held grants, device
    /// consents), and returns what it was. What is still owed to its provider is stored in the same transaction: no
    /// crash between the two forgets it.
    /// - Parameter owing: made from what is removed; nil when nothing is to be revoked.
    func delete(
        _ id: ConnectionID, owing: @escaping @Sendable (StoredConnection) -> OwedRevocation?
    ) async throws(StoreFailure) -> StoredConnection?

    /// Commits the intent to refresh: sets `attempt` (with the fence one up) where the grant still has this version
    /// and no unexpired attempt of somebody else stands. It also proves that the store can be written.
    func claim(
        _ key: ConnectionKey, version: Int, attempt: String, owner: String, until lease: Timestamp, now: Timestamp
    ) async throws(StoreFailure) -> ClaimResult

    /// Puts `grant` (whose version is one more than `version`) in place of the stored one and clears the attempt.
    /// The stored fence stays. What that changes for those outside is told (`WebhookStore`).
    func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant, at now: Timestamp
    ) async throws(StoreFailure) -> CommitResult

    /// Ends an attempt without a new credential: clears it and writes the note, where version and attempt are still
    /// these. The sealed boxes and the expiry are not touched. False when they are not. What that changes for those outside
    /// is told (`WebhookStore`).
    func abandon(
        _ key: ConnectionKey, version: Int, attempt: String, note: AbandonNote, at now: Timestamp
    ) async throws(StoreFailure) -> Bool

    /// Ends the leases of processes that cannot live any more, and makes their refreshes due: what they began has no known
    /// outcome, and the sooner the refresh token is sent again, the likelier a provider's grace still holds. Called before
    /// anything else is done. A store that several processes share leaves the leases to run out.
    func endLeases(at now: Timestamp) async throws(StoreFailure)

    /// The connections whose refresh is due, soonest first: enabled, not waiting for their owner, `refreshAt <= now`
    /// and no unexpired attempt. Answered from an index.
    func due(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [ConnectionID]

    /// The profiles that clients and connections name, each once, by name.
    func providersInUse() async throws(StoreFailure) -> [String]

    /// What was committed to any connection, by this process or (in a store that several share) by another:
    /// caches drop what is older. A consumer that falls behind may miss some and must not rely on all.
    func changes() -> AsyncStream<ConnectionChange>
}

/// One connection and no later one: an ID that was deleted and made anew is somebody else's, and what was on its way
/// for the old one finds it gone.
public struct ConnectionKey: Sendable, Hashable {
    public let id: ConnectionID
    /// As the store keeps it, to the millisecond.
    public let createdAt: Timestamp

    public init(id: ConnectionID, createdAt: Timestamp) {
        self.id = id
        self.createdAt = createdAt
    }
}

public struct ConnectionFilter: Sendable, Hashable {
    public var status: ConnectionStatus?
    /// Status depends on the time.
    public var now: Timestamp
    /// All of them must be there.
    public var labels: [String: String]
    public var provider: String?
    public var client: ClientID?
    public var owner: String?

    public init(
        now: Timestamp, status: ConnectionStatus? = nil, labels: [String: String] = [:], provider: String? = nil,
        client: ClientID? = nil, owner: String? = nil
    ) {
        self.now = now
        self.status = status
        self.labels = labels
        self.provider = provider
        self.client = client
        self.owner = owner
    }

    /// What the filter means; a store may answer it faster.
    public func matches(_ stored: StoredConnection) -> Bool {
        let connection = stored.connection
        return (status == nil || stored.status(at: now) == status)
            && (provider == nil || connection.provider == provider)
            && (client == nil || connection.client == client)
            && (owner == nil || connection.owner == owner)
            && labels.allSatisfy { connection.labels[$0.key] == $0.value }
    }
}

public enum ClaimResult: Sendable, Hashable {
    /// The intent stands; this is the connection as it is now.
    case claimed(StoredConnection)
    /// Somebody else's attempt stands, or the version is another: this is the connection as it is now.
    case lost(StoredConnection)
    case gone
}

public enum CommitResult: Sendable, Hashable {
    case committed(StoredConnection)
    /// The version is another: this is the connection as it is now. Nothing was written.
    case superseded(StoredConnection)
    case gone
}

/// What an attempt leaves behind when it brought no credential.
public struct AbandonNote: Sendable, Hashable {
    public var reauthorization: ReauthorizationReason?
    public var failure: RefreshFailure?
    public var refreshAt: Timestamp?

    public init(reauthorization: ReauthorizationReason?, failure: RefreshFailure?, refreshAt: Timestamp?) {
        self.reauthorization = reauthorization
        self.failure = failure
        self.refreshAt = refreshAt
    }
}

public struct ConnectionChange: Sendable, Hashable {
    public let id: ConnectionID
    /// The grant's version after the change; nil when the connection was deleted or edited.
    public let version: Int?

    public init(id: ConnectionID, version: Int?) {
        self.id = id
        self.version = version
    }
}

/// The store is broken, full, locked or unreachable. Not an answer about a record.
public struct StoreFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Try again: another writer is in the way, or the server is away.
        case busy
        /// The disk is full or may not be written.
        case notWritable = "not_writable"
        case damaged
        /// The database was written by a newer Credence.
        case newerSchema = "newer_schema"
        case unreachable
        case other
    }

    public let code: Code
    /// One sentence that says what to do. Never a secret, never a record's content.
    public let detail: String

    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public static func == (left: StoreFailure, right: StoreFailure) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
    public var description: String { detail }
}
