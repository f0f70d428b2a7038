/// Who calls the API, and what it may see.
public struct Caller: Sendable, Hashable {
    public enum Role: String, Sendable, CaseIterable {
        /// Reads credentials.
        case runtime
        /// Creates connections and consents.
        case app
        case admin
    }

    public let id: CallerID
    public let role: Role
    /// The connections it may see by name.
    public let connections: Set<ConnectionID>
    /// A connection that carries all of these may be seen as well.
    public let labels: [String: String]
    public var keys: [CallerKey]
    public let createdAt: Timestamp
    public var revokedAt: Timestamp?

    public init(
        id: CallerID, role: Role, connections: Set<ConnectionID> = [], labels: [String: String] = [:],
        keys: [CallerKey] = [], createdAt: Timestamp, revokedAt: Timestamp? = nil
    ) {
        self.id = id
        self.role = role
        self.connections = connections
        self.labels = labels
        self.keys = keys
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }

    /// A caller without rules sees every connection its role may touch.
    public var isUnrestricted: Bool { connections.isEmpty && labels.isEmpty }

    public func maySee(_ id: ConnectionID, labels connectionLabels: [String: String]) -> Bool {
        if isUnrestricted || connections.contains(id) { return true }
        return !labels.isEmpty && labels.allSatisfy { connectionLabels[$0.key] == $0.value }
    }
}

/// One key of a caller: only its hash is kept.
public struct CallerKey: Sendable, Hashable {
    /// The public part of the key, by which it is found.
    public let id: String
    /// SHA-256 of the whole key. It holds 256 random bits, so a slow hash would add nothing.
    public let sha256: [UInt8]
    public let createdAt: Timestamp
    public var expiresAt: Timestamp?

    public init(id: String, sha256: [UInt8], createdAt: Timestamp, expiresAt: Timestamp? = nil) {
        self.id = id
        self.sha256 = sha256
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}
