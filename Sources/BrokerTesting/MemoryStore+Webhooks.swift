public import Broker

extension MemoryStore.State {
    /// - Returns: false when it was told already, or its connection is gone.
    @discardableResult
    mutating func tell(_ event: ConnectionEvent) -> Bool {
        if let key = event.connection {
            guard connections[key.id]?.key == key, told[key.id]?[event.kind] != event.id else { return false }
            told[key.id, default: [:]][event.kind] = event.id
        }
        for webhook in webhooks.values where webhook.disabledReason == nil && webhook.wants(event.kind) {
            let name = DeliveryName(webhook: webhook.id, event: event.id)
            guard deliveries[name] == nil else { continue }
            deliveries[name] = WebhookDelivery(
                webhook: webhook.id, event: event.id, body: event.body, retryAt: event.at, createdAt: event.at)
        }
        return true
    }
}

struct DeliveryName: Hashable {
    let webhook: WebhookID
    let event: String
}

// WebhookStore.
extension MemoryStore {
    public func webhooks() async throws(StoreFailure) -> [Webhook] {
        try perform(.webhooks) { $0.webhooks.values.sorted { $0.id < $1.id } }
    }

    public func insert(_ webhook: Webhook) async throws(StoreFailure) -> Bool {
        try perform(.insertWebhook) { state in
            guard state.webhooks[webhook.id] == nil else { return false }
            state.webhooks[webhook.id] = webhook
            return true
        }
    }

    public func update(_ webhook: Webhook) async throws(StoreFailure) -> Bool {
        try perform(.updateWebhook) { state in
            guard var stored = state.webhooks[webhook.id], stored.revision == webhook.revision else { return false }
            stored.secrets = webhook.secrets
            stored.disabledReason = webhook.disabledReason
            stored.updatedAt = webhook.updatedAt
            stored.revision += 1
            state.webhooks[webhook.id] = stored
            return true
        }
    }

    public func deleteWebhook(_ id: WebhookID) async throws(StoreFailure) -> Bool {
        try perform(.deleteWebhook) { state in
            state.deliveries = state.deliveries.filter { $0.key.webhook != id }
            return state.webhooks.removeValue(forKey: id) != nil
        }
    }

    public func tell(_ event: ConnectionEvent) async throws(StoreFailure) -> Bool {
        try perform(.tell) { $0.tell(event) }
    }

    public func ended(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection] {
        try perform(.ended) { state in
            let found = state.connections.values.filter { stored in
                guard let expiry = stored.grant.expiresAt else { return false }
                let isAfter =
                    expiry == start.moment ? start.id.map { stored.id > $0 } ?? false : expiry > start.moment
                return stored.grant.refresh == nil && isAfter && expiry <= end
            }
            return Array(
                found.sorted { ($0.grant.expiresAt!, $0.id) < ($1.grant.expiresAt!, $1.id) }.prefix(max(0, limit)))
        }
    }

    public func deliveriesDue(to webhook: WebhookID, at now: Timestamp, limit: Int) async throws(StoreFailure)
        -> [WebhookDelivery]
    {
        try perform(.deliveriesDue) { state in
            let due = state.deliveries.values.filter { $0.webhook == webhook && $0.retryAt <= now }
            return Array(due.sorted { ($0.retryAt, $0.event) < ($1.retryAt, $1.event) }.prefix(max(0, limit)))
        }
    }

    public func update(_ delivery: WebhookDelivery, from attempts: Int) async throws(StoreFailure) -> Bool {
        try perform(.updateDelivery) { state in
            let name = DeliveryName(webhook: delivery.webhook, event: delivery.event)
            guard state.deliveries[name]?.attempts == attempts else { return false }
            state.deliveries[name]?.attempts = delivery.attempts
            state.deliveries[name]?.retryAt = delivery.retryAt
            return true
        }
    }

    public func deleteDelivery(of event: String, to webhook: WebhookID) async throws(StoreFailure) {
        try perform(.deleteDelivery) { $0.deliveries[DeliveryName(webhook: webhook, event: event)] = nil }
    }

    public func backlogs() async throws(StoreFailure) -> [WebhookID: WebhookBacklog] {
        try perform(.backlogs) { state in
            Dictionary(grouping: state.deliveries.values, by: \.webhook).mapValues { waiting in
                WebhookBacklog(count: waiting.count, oldest: waiting.map(\.createdAt).min()!)
            }
        }
    }

    public func trimDeliveries(to webhook: WebhookID, keeping limit: Int) async throws(StoreFailure) -> Int {
        try perform(.trimDeliveries) { state in
            let waiting = state.deliveries.values.filter { $0.webhook == webhook }
                .sorted { ($0.createdAt, $0.event) < ($1.createdAt, $1.event) }
            let surplus = waiting.dropLast(limit)
            for delivery in surplus {
                state.deliveries[DeliveryName(webhook: webhook, event: delivery.event)] = nil
            }
            return surplus.count
        }
    }
}
