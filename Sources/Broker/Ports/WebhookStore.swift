/// Webhooks and their outbox. What `ConnectionStore.commit` and `abandon` change for those outside
/// (`ConnectionEvent.between`) goes into the outbox in the same transaction: no crash between the two forgets it.
public protocol WebhookStore: Sendable {
    /// All, by ascending ID.
    func webhooks() async throws(StoreFailure) -> [Webhook]
    /// False when the ID is taken.
    func insert(_ webhook: Webhook) async throws(StoreFailure) -> Bool
    /// Writes the secrets and `disabledReason`, one revision on, where the store still holds `webhook.revision`.
    func update(_ webhook: Webhook) async throws(StoreFailure) -> Bool
    /// With its secrets and what waits for it. False when there is none.
    func deleteWebhook(_ id: WebhookID) async throws(StoreFailure) -> Bool

    /// Puts the event into the outbox of every webhook in use that wants its kind, and remembers it as the last of its kind
    /// for its connection. False, and nothing is changed, when it was that already or the connection is gone.
    func tell(_ event: ConnectionEvent) async throws(StoreFailure) -> Bool
    /// Those whose credential ended until the moment and that have no refresh token, soonest first.
    /// - Parameter start: those after it alone; with an ID, also those that ended at that moment and stand behind it.
    func ended(
        after start: (moment: Timestamp, id: ConnectionID?), until end: Timestamp, limit: Int
    ) async throws(StoreFailure) -> [StoredConnection]

    /// Those of a webhook that are due, soonest first: `retryAt <= now`.
    func deliveriesDue(to webhook: WebhookID, at now: Timestamp, limit: Int) async throws(StoreFailure)
        -> [WebhookDelivery]
    /// Writes `attempts` and `retryAt` where the store still holds `attempts` as it was: of two that try at once, one
    /// goes on. False when it does not.
    func update(_ delivery: WebhookDelivery, from attempts: Int) async throws(StoreFailure) -> Bool
    func deleteDelivery(of event: String, to webhook: WebhookID) async throws(StoreFailure)
    /// Of webhooks for which anything waits.
    func backlogs() async throws(StoreFailure) -> [WebhookID: WebhookBacklog]
    /// Removes the oldest that are too many for a webhook; returns how many.
    func trimDeliveries(to webhook: WebhookID, keeping limit: Int) async throws(StoreFailure) -> Int
}
