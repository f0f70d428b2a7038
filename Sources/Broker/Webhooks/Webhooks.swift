public import OAuth
import Sealing

/// Where events go: added, shown and removed by administrators.
public struct Webhooks: Sendable {
    let store: any WebhookStore
    let sealing: GrantSealing
    let sender: WebhookSender
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let allowHTTP: Bool

    /// So many and no more: each is one more row a change, and one more receiver that may hang.
    static let limit = 50
    /// How long a secret signs along after another has replaced it, unless somebody says otherwise: a day.
    public static let grace = 86_400

    public func all() async throws(BrokerError) -> [Webhook] {
        do { return try await store.webhooks() } catch { throw .storeUnavailable(error) }
    }

    public func backlogs() async throws(BrokerError) -> [WebhookID: WebhookBacklog] {
        do { return try await store.backlogs() } catch { throw .storeUnavailable(error) }
    }

    public func webhook(_ id: WebhookID) async throws(BrokerError) -> Webhook {
        guard let found = try await all().first(where: { $0.id == id }) else { throw .notFound("webhook") }
        return found
    }

    /// Adds a webhook and returns its secret: the only time it is ever seen.
    /// - Parameter secret: `whsec_` and 24 to 64 bytes in base64; nil for a new one.
    public func add(
        _ id: WebhookID?, url: String, events: Set<ConnectionEvent.Kind>, secret: Secret?, by caller: Caller
    ) async throws(BrokerError) -> (webhook: Webhook, secret: Secret) {
        let endpoint: EndpointURL
        do { endpoint = try EndpointURL(url) } catch {
            throw .invalid("url is no address that can be called: \(error).", field: "url")
        }
        guard endpoint.isSafe(allowHTTP: allowHTTP) else {
            throw .invalid("url begins with https://: what is told is nobody else's business.", field: "url")
        }
        guard try await all().count < Self.limit else {
            throw .conflict("There are \(Self.limit) webhooks already: remove one first.")
        }
        let id = id ?? .random(from: random)
        let (key, text) = try key(secret)
        let now = clock.now
        let webhook = Webhook(
            id: id, url: url, events: events, secrets: [try seal(key, of: id, number: 1)], createdAt: now,
            updatedAt: now)
        try record(.webhookCreate, id, by: caller)
        do {
            guard try await store.insert(webhook) else {
                throw BrokerError.conflict("There is a webhook \(id) already.", field: "id")
            }
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
        return (webhook, text)
    }

    /// Gives the webhook a new secret; the old ones sign along for `grace`, so that the receiver can change over.
    public func rotate(
        _ id: WebhookID, secret: Secret?, grace: Duration, by caller: Caller
    ) async throws(BrokerError) -> Secret {
        let (key, text) = try key(secret)
        try await change(id, .webhookRotate, by: caller) { webhook throws(BrokerError) in
            let now = clock.now
            let end = now + grace
            webhook.secrets = webhook.secrets.filter { ($0.expiresAt ?? end) > now }.map { old in
                var old = old
                old.expiresAt = min(old.expiresAt ?? end, end)
                return old
            }
            guard webhook.secrets.count < 10 else {
                throw .conflict("Ten secrets of this webhook still sign: rotate again when one of them has ended.")
            }
            webhook.secrets.insert(try seal(key, of: id, number: webhook.revision + 1), at: 0)
        }
        return text
    }

    /// Sends again to a webhook that was taken out of use.
    public func enable(_ id: WebhookID, by caller: Caller) async throws(BrokerError) {
        try await change(id, .webhookEnable, by: caller) { $0.disabledReason = nil }
    }

    public func remove(_ id: WebhookID, by caller: Caller) async throws(BrokerError) {
        try record(.webhookDelete, id, by: caller)
        let found: Bool
        do { found = try await store.deleteWebhook(id) } catch { throw .storeUnavailable(error) }
        guard found else { throw .notFound("webhook") }
    }

    /// Sends a `webhook.test` now, once.
    public func test(_ id: WebhookID) async throws(BrokerError) -> WebhookOutcome {
        let webhook = try await webhook(id)
        let event = ConnectionEvent.test(id, mark: random.bytes(16).hexadecimal, at: clock.now)
        return await sender.send(id: event.id, body: event.body, to: webhook)
    }

    // MARK: Parts

    private func change(
        _ id: WebhookID, _ action: AuditEvent.Action, by caller: Caller,
        _ body: (inout Webhook) throws(BrokerError) -> Void
    ) async throws(BrokerError) {
        for _ in 0..<5 {
            var webhook = try await webhook(id)
            try body(&webhook)
            webhook.updatedAt = clock.now
            try record(action, id, by: caller)
            do { if try await store.update(webhook) { return } } catch { throw .storeUnavailable(error) }
        }
        throw .conflict("The webhook is being edited by others; try again.")
    }

    private func key(_ given: Secret?) throws(BrokerError) -> ([UInt8], Secret) {
        guard let given else {
            let key = random.bytes(32)
            return (key, WebhookSignature.text(of: key))
        }
        guard let key = WebhookSignature.key(given) else {
            throw .invalid(
                "secret is \(WebhookSignature.prefix) and 24 to 64 random bytes in base64. Without one, Credence makes one.",
                field: "secret")
        }
        return (key, given)
    }

    private func seal(_ key: [UInt8], of id: WebhookID, number: Int) throws(BrokerError) -> WebhookSecret {
        do {
            return WebhookSecret(
                number: number, box: try sealing.seal(webhookKey: key, of: id, number: number), createdAt: clock.now)
        } catch {
            throw .internalError()
        }
    }

    private func record(_ action: AuditEvent.Action, _ id: WebhookID, by caller: Caller) throws(BrokerError) {
        do {
            try audit.record(
                AuditEvent(at: clock.now, action: action, caller: caller.id.string, subject: id.string))
        } catch {
            throw .auditUnavailable
        }
    }
}
