import OAuth
import Sealing

/// What became of a connection, as a webhook tells it. Never holds a secret.
///
/// The ID is made of what happened: telling the same thing twice gives the same ID, and a receiver knows it again.
public struct ConnectionEvent: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        /// The owner must consent again; `reason` says why.
        case reauthorizationRequired = "connection.reauthorization_required"
        /// A refresh failed; the credential is served as long as it is valid, and the refresh is tried again.
        case degraded = "connection.degraded"
        /// A new credential came after one of the two.
        case recovered = "connection.recovered"
        /// The refresh token ends within two weeks unless the owner consents again.
        case expiring = "connection.expiring"
        /// An API key, a Basic credential or another secret that was set by hand ends within 30, 14 or 3 days.
        case secretExpiring = "connection.secret_expiring"
        /// A client's secret or certificate ends within 30, 14 or 3 days.
        case clientSecretExpiring = "client.secret_expiring"
        /// Somebody asked whether the webhook works.
        case test = "webhook.test"
    }

    /// `evt_` and 32 hexadecimal digits.
    public let id: String
    public let kind: Kind
    public let connection: ConnectionKey?
    public let at: Timestamp
    /// The JSON that is sent: `{id, type, timestamp, data}`.
    public let body: String

    /// - Parameter mark: what tells this event from another of its kind for the same connection.
    private init(_ kind: Kind, of stored: StoredConnection, mark: String, at now: Timestamp, _ more: JSONObject) {
        let key = stored.key
        self.init(
            kind, connection: key, at: now, mark: "\(key.id)\n\(key.createdAt.milliseconds)\n\(mark)",
            data: Self.data(of: stored, more, at: now))
    }

    private init(_ kind: Kind, connection: ConnectionKey?, at now: Timestamp, mark: String, data: JSONObject) {
        id = "evt_\(sha256(Array("\(kind.rawValue)\n\(mark)".utf8)).prefix(16).hexadecimal)"
        self.kind = kind
        self.connection = connection
        at = now
        body = JSONValue.object(
            JSONObject([
                ("id", .string(id)), ("type", .string(kind.rawValue)), ("timestamp", .string(now.iso8601)),
                ("data", .object(data)),
            ])
        ).serialized()
    }

    private static func data(of stored: StoredConnection, _ more: JSONObject, at now: Timestamp) -> JSONObject {
        let connection = stored.connection
        var data = JSONObject([
            ("connection", .string(connection.id.string)), ("provider", .string(connection.provider)),
        ])
        data["client"] = connection.client.map { .string($0.string) }
        data["owner"] = connection.owner.map { .string($0) }
        data["labels"] = .object(
            JSONObject(connection.labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        data["status"] = .string(stored.status(at: now).rawValue)
        data["version"] = .number(JSONNumber(stored.grant.version))
        for (name, value) in more.pairs { data[name] = value }
        return data
    }

    // MARK: What happened

    /// What a write to the grant changed for those outside; nil when nothing did.
    public static func between(
        _ old: StoredConnection, _ new: StoredConnection, at now: Timestamp
    ) -> ConnectionEvent? {
        if let reason = new.grant.reauthorization {
            return old.grant.reauthorization == nil ? ended(new, reason, at: now) : nil
        }
        if let failure = new.grant.failure {
            guard old.grant.failure == nil else { return nil }
            return ConnectionEvent(
                .degraded, of: new, mark: "\(new.grant.version) \(failure.since.milliseconds)", at: now,
                JSONObject([("reason", .string(failure.reason)), ("since", .string(failure.since.iso8601))]))
        }
        guard new.grant.version > old.grant.version,
            old.grant.failure != nil || old.reauthorization(at: now) != nil
        else { return nil }
        return ConnectionEvent(.recovered, of: new, mark: "\(new.grant.version)", at: now, JSONObject([]))
    }

    /// The credential ended and nothing renews it: the clock alone did that.
    static func lapsed(_ stored: StoredConnection, at now: Timestamp) -> ConnectionEvent? {
        guard stored.grant.reauthorization == nil, let reason = stored.reauthorization(at: now) else { return nil }
        return ended(stored, reason, at: now)
    }

    private static func ended(
        _ stored: StoredConnection, _ reason: ReauthorizationReason, at now: Timestamp
    ) -> ConnectionEvent {
        var more = JSONObject([("reason", .string(reason.rawValue))])
        more["provider_error"] = stored.grant.failure.map { .string($0.reason) }
        return ConnectionEvent(
            .reauthorizationRequired, of: stored, mark: "\(stored.grant.version) \(reason.rawValue)", at: now, more)
    }

    public static func expiring(_ stored: StoredConnection, end: Timestamp, at now: Timestamp) -> ConnectionEvent {
        ConnectionEvent(
            .expiring, of: stored, mark: "\(end.milliseconds)", at: now,
            JSONObject([("refresh_token_expires_at", .string(end.iso8601))]))
    }

    /// - Parameter days: which notice it is: each is told once.
    static func secretExpiring(
        _ stored: StoredConnection, end: Timestamp, days: Int, at now: Timestamp
    ) -> ConnectionEvent {
        ConnectionEvent(
            .secretExpiring, of: stored, mark: "\(end.milliseconds) \(days)", at: now,
            JSONObject([("expires_at", .string(end.iso8601))]))
    }

    static func secretExpiring(
        _ secret: ClientSecret, of client: RegisteredClient, end: Timestamp, days: Int, at now: Timestamp
    ) -> ConnectionEvent {
        ConnectionEvent(
            .clientSecretExpiring, connection: nil, at: now,
            mark: "\(client.id)\n\(client.createdAt.milliseconds)\n\(secret.number) \(end.milliseconds) \(days)",
            data: JSONObject([
                ("client", .string(client.id.string)), ("provider", .string(client.provider)),
                ("number", .number(JSONNumber(secret.number))), ("kind", .string(secret.kind.rawValue)),
                ("expires_at", .string(end.iso8601)),
            ]))
    }

    /// - Parameter mark: random, so that each is another.
    static func test(_ webhook: WebhookID, mark: String, at now: Timestamp) -> ConnectionEvent {
        ConnectionEvent(
            .test, connection: nil, at: now, mark: mark, data: JSONObject([("webhook", .string(webhook.string))]))
    }
}
