import Logging

/// Refreshes in the background what is about to expire, so that nobody waits for it.
///
/// Due connections come from the store's index, soonest first; so many at once as the policy says.
struct RefreshSchedule: Sendable {
    let store: any ConnectionStore
    let refresher: Refresher
    let clock: any BrokerClock
    let policy: RefreshPolicy
    let logger: Logger

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                _ = try await round()
            } catch {
                logger.error("The refresh schedule cannot read the store", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: policy.tick) } catch { return }
        }
    }

    /// Begins to refresh what is due, as far as there are free places, and waits for none of it: a provider that hangs
    /// keeps its own places and holds up nobody else's.
    func round() async throws(StoreFailure) -> [Task<RefreshOutcome, Never>] {
        let free = policy.concurrency - (await refresher.flightsUnderWay)
        guard free > 0 else { return [] }
        var begun: [Task<RefreshOutcome, Never>] = []
        for id in try await store.due(at: clock.now, limit: free) {
            if let flight = await refresher.flight(for: id, .due) { begun.append(flight) }
        }
        return begun
    }
}
