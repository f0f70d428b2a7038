public import Broker
import Sealing

extension ConnectionStore {
    /// `commit` at a moment that does not matter.
    public func commit(
        _ key: ConnectionKey, replacing version: Int, with grant: Grant
    ) async throws(StoreFailure) -> CommitResult {
        try await commit(key, replacing: version, with: grant, at: StoreSample.now)
    }

    /// `abandon` at a moment that does not matter.
    public func abandon(
        _ key: ConnectionKey, version: Int, attempt: String, note: AbandonNote
    ) async throws(StoreFailure) -> Bool {
        try await abandon(key, version: version, attempt: attempt, note: note, at: StoreSample.now)
    }
}

extension StoreSample {
    static func event(of stored: StoredConnection, at moment: Timestamp = now) -> ConnectionEvent {
        .expiring(stored, end: now + .seconds(86_400), at: moment)
    }

    static func webhook(_ name: String = "ops", events: Set<ConnectionEvent.Kind> = []) -> Webhook {
        Webhook(
            id: WebhookID(name)!, url: "https://ops.example/hook", events: events,
            secrets: [
                WebhookSecret(number: 2, box: box(71), createdAt: now),
                WebhookSecret(number: 1, box: box(70), createdAt: now, expiresAt: now + .seconds(60)),
            ], createdAt: now, updatedAt: now)
    }
}
