import Broker
import OAuth
import ProviderProfiles
import Sealing

/// Connections and grants, between rows and values.
enum ConnectionRow {
    /// In the order in which `read` takes them; `c` is the connection and `g` its grant.
    static let columns = """
        c.id, c.provider, c.client, c.kind, c.grant_type, c.owner, c.labels, c.scopes, c.resources, c.fields, \
        c.is_disabled, c.created_at, c.updated_at, c.revision, \
        g.version, g.credential, g.refresh, g.proof_key, g.subject, g.scopes, g.attributes, g.account, g.account_key, \
        g.issued_at, g.expires_at, \
        g.refresh_token_expires_at, g.refresh_at, g.last_refreshed_at, g.reauthorization, g.failure_since, \
        g.failure_reason, g.failure_attempts, g.failure_retry_at, g.failure_claims, \
        g.failure_is_outcome_unknown, g.fence, g.attempt_id, g.attempt_fence, \
        g.attempt_owner, g.attempt_lease_until
        """

    /// `StoredConnection.isRenewable`.
    static let isRenewable = "(g.refresh IS NOT NULL OR \(isReissuable))"

    /// `StoredConnection.isReissuable`.
    static let isReissuable = """
        (c.kind = 'oauth2' AND (c.grant_type IN ('\(GrantType.clientCredentials.rawValue)', \
        '\(GrantType.jwtBearer.rawValue)') \
        OR (c.grant_type = '\(GrantType.tokenExchange.rawValue)' AND g.subject IS NOT NULL)))
        """

    static func read(_ columns: inout Columns) throws -> StoredConnection {
        let id = try columns.identifier(ConnectionID.self)
        do {
            let connection = try connection(id, &columns)
            return StoredConnection(connection: connection, grant: try grant(&columns))
        } catch is Unreadable {
            throw StoreFailure.damagedRecord("connection \(id)")
        }
    }

    private static func connection(_ id: ConnectionID, _ columns: inout Columns) throws -> Connection {
        Connection(
            id: id,
            provider: try columns.text(),
            client: try columns.optionalText().map { text in
                guard let client = ClientID(text) else { throw Unreadable() }
                return client
            },
            kind: try columns.word(ProfileKind.self),
            grantType: try columns.word(GrantType.self),
            owner: try columns.optionalText(),
            labels: try columns.json(),
            scopes: try columns.json(),
            resources: try columns.json(),
            fields: try columns.json(),
            isDisabled: try columns.integer() != 0,
            createdAt: try columns.time(),
            updatedAt: try columns.time(),
            revision: try columns.integer())
    }

    private static func grant(_ columns: inout Columns) throws -> Grant {
        Grant(
            version: try columns.integer(),
            credential: try columns.optionalBox(),
            refresh: try columns.optionalBox(),
            proofKey: try columns.optionalBox(),
            subject: try columns.optionalBox(),
            scopes: try columns.json(),
            attributes: try columns.json(),
            account: try columns.optionalText(),
            accountKey: try columns.optionalText(),
            issuedAt: try columns.optionalTime(),
            expiresAt: try columns.optionalTime(),
            refreshTokenExpiresAt: try columns.optionalTime(),
            refreshAt: try columns.optionalTime(),
            lastRefreshedAt: try columns.optionalTime(),
            reauthorization: try columns.optionalText().map { text in
                guard let reason = ReauthorizationReason(rawValue: text) else { throw Unreadable() }
                return reason
            },
            failure: try failure(&columns),
            fence: try columns.integer(),
            attempt: try attempt(&columns))
    }

    private static func failure(_ columns: inout Columns) throws -> RefreshFailure? {
        let since = try columns.optionalTime()
        let reason = try columns.optionalText()
        let attempts = try columns.optionalInteger()
        let retryAt = try columns.optionalTime()
        let claims = try columns.optionalText()
        let isOutcomeUnknown = try columns.integer() != 0
        guard let since else { return nil }
        guard let reason, let attempts, let retryAt else { throw Unreadable() }
        return RefreshFailure(
            since: since, reason: reason, attempts: attempts, retryAt: retryAt, claims: claims,
            isOutcomeUnknown: isOutcomeUnknown)
    }

    private static func attempt(_ columns: inout Columns) throws -> RefreshAttempt? {
        let id = try columns.optionalText()
        let fence = try columns.optionalInteger()
        let owner = try columns.optionalText()
        let leaseUntil = try columns.optionalTime()
        guard let id else { return nil }
        guard let fence, let owner, let leaseUntil else { throw Unreadable() }
        return RefreshAttempt(id: id, fence: fence, owner: owner, leaseUntil: leaseUntil)
    }

    // MARK: Writing

    /// The columns of a grant that a commit replaces: all but its name, its fence and its attempt.
    static let grantColumns = [
        "version", "credential", "refresh", "proof_key", "subject", "scopes", "attributes", "account", "account_key",
        "issued_at", "expires_at",
        "refresh_token_expires_at", "refresh_at", "last_refreshed_at", "reauthorization", "failure_since",
        "failure_reason", "failure_attempts", "failure_retry_at", "failure_claims", "failure_is_outcome_unknown",
    ]

    static func values(_ grant: Grant) -> [Value] {
        [
            .integer(grant.version), .bytes(grant.credential?.bytes), .bytes(grant.refresh?.bytes),
            .bytes(grant.proofKey?.bytes), .bytes(grant.subject?.bytes), .json(grant.scopes), .json(grant.attributes),
            .text(grant.account), .text(grant.accountKey), .time(grant.issuedAt),
            .time(grant.expiresAt), .time(grant.refreshTokenExpiresAt), .time(grant.refreshAt),
            .time(grant.lastRefreshedAt), .text(grant.reauthorization?.rawValue),
        ] + values(grant.failure)
    }

    static func values(_ failure: RefreshFailure?) -> [Value] {
        [
            .time(failure?.since), .text(failure?.reason), .integer(failure?.attempts), .time(failure?.retryAt),
            .text(failure?.claims), .integer(failure?.isOutcomeUnknown == true ? 1 : 0),
        ]
    }

    static let attemptColumns = ["attempt_id", "attempt_fence", "attempt_owner", "attempt_lease_until"]

    static func values(_ attempt: RefreshAttempt?) -> [Value] {
        [
            .text(attempt?.id), .integer(attempt?.fence), .text(attempt?.owner), .time(attempt?.leaseUntil),
        ]
    }
}

extension Columns {
    mutating func optionalBox() throws -> SealedBox? {
        guard let bytes = try optionalBytes() else { return nil }
        guard let box = try? SealedBox(bytes) else { throw Unreadable() }
        return box
    }

    mutating func box() throws -> SealedBox {
        guard let box = try optionalBox() else { throw Unreadable() }
        return box
    }
}
