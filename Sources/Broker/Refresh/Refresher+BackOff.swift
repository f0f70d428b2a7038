import Logging

extension Refresher {
    /// Ends the back-off of a client's connections: a registration that was mended is tried at once (security case R13).
    ///
    /// Best effort: what cannot be written now is tried when its back-off is over.
    nonisolated func endBackOff(of client: ClientID) async {
        await brakes.release(client)
        var after: ConnectionID?
        do {
            while true {
                let filter = ConnectionFilter(now: clock.now, client: client)
                let page = try await store.connections(matching: filter, after: after, limit: 200)
                for stored in page where stored.grant.failure != nil && stored.grant.reauthorization == nil {
                    try await endBackOff(of: stored)
                }
                guard page.count == 200 else { return }
                after = page.last?.id
            }
        } catch {
            logger.warning("A client's connections wait out their back-off", metadata: ["why": "\(error)"])
        }
    }

    /// Under a claim, as every write to a grant: a refresh under way is left alone.
    private nonisolated func endBackOff(of stored: StoredConnection) async throws(StoreFailure) {
        let now = clock.now
        let attempt = random.bytes(16).hexadecimal
        let claim = try await store.claim(
            stored.key, version: stored.grant.version, attempt: attempt, owner: owner, until: now + .seconds(5),
            now: now
        )
        guard case .claimed(let claimed) = claim, var failure = claimed.grant.failure else { return }
        failure.retryAt = now
        _ = try await store.abandon(
            stored.key, version: claimed.grant.version, attempt: attempt,
            note: AbandonNote(reauthorization: nil, failure: failure, refreshAt: now), at: now)
        onChange(claimed)
    }
}
