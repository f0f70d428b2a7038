public import Sealing

/// Where somebody wants to be told what becomes of connections.
public struct Webhook: Sendable, Hashable {
    public let id: WebhookID
    /// https; http in development alone.
    public let url: String
    /// Empty for all.
    public let events: Set<ConnectionEvent.Kind>
    /// The newest first. Each delivery is signed with all that have not ended.
    public var secrets: [WebhookSecret]
    /// Why nothing is sent; nil while it is in use.
    public var disabledReason: String?
    /// Counts the edits: the compare-and-swap of `WebhookStore.update`.
    public var revision: Int
    public let createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: WebhookID, url: String, events: Set<ConnectionEvent.Kind> = [], secrets: [WebhookSecret] = [],
        disabledReason: String? = nil, revision: Int = 1, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.url = url
        self.events = events
        self.secrets = secrets
        self.disabledReason = disabledReason
        self.revision = revision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    public func wants(_ kind: ConnectionEvent.Kind) -> Bool { events.isEmpty || events.contains(kind) }
}

public typealias WebhookID = Identifier<Webhook>

/// A key that deliveries are signed with, sealed.
public struct WebhookSecret: Sendable, Hashable {
    /// Which of the webhook's secrets it is; never used twice.
    public let number: Int
    public let box: SealedBox
    public let createdAt: Timestamp
    /// The end of a secret that another has replaced.
    public var expiresAt: Timestamp?

    public init(number: Int, box: SealedBox, createdAt: Timestamp, expiresAt: Timestamp? = nil) {
        self.number = number
        self.box = box
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// An event on its way to one webhook.
public struct WebhookDelivery: Sendable, Hashable {
    public let webhook: WebhookID
    /// The event's ID.
    public let event: String
    public let body: String
    /// How often it was tried.
    public var attempts: Int
    /// Not to be tried before.
    public var retryAt: Timestamp
    public let createdAt: Timestamp

    public init(
        webhook: WebhookID, event: String, body: String, attempts: Int = 0, retryAt: Timestamp, createdAt: Timestamp
    ) {
        self.webhook = webhook
        self.event = event
        self.body = body
        self.attempts = attempts
        self.retryAt = retryAt
        self.createdAt = createdAt
    }
}

/// How many deliveries of a webhook wait, and since when the oldest does.
public struct WebhookBacklog: Sendable, Hashable {
    public let count: Int
    public let oldest: Timestamp

    public init(count: Int, oldest: Timestamp) {
        self.count = count
        self.oldest = oldest
    }
}
