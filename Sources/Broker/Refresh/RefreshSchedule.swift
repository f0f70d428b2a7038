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
                // A full round leaves more waiting: look again at once. One that moved nothing (the store takes no
                // writes, the service is ending) would find the same ones for ever: that waits.
                if try await round() < policy.concurrency {
                    try await clock.sleep(for: policy.tick)
                }
            } catch let failure as StoreFailure {
                logger.error("The refresh schedule cannot read the store", metadata: ["why": "\(failure)"])
                do { try await clock.sleep(for: .seconds(5)) } catch { return }
            } catch {
                return
            }
        }
    }

    /// Refreshes what is due now and waits for it; returns how many are not due any more.
    func round() async throws -> Int {
        let due = try await store.due(at: clock.now, limit: policy.concurrency)
        return await withTaskGroup(of: Bool.self) { group in
            for id in due {
                group.addTask {
                    guard let flight = await refresher.flight(for: id, .due) else { return false }
                    if case .storeFailed = await flight.value { return false }
                    return true
                }
            }
            return await group.reduce(0) { $1 ? $0 + 1 : $0 }
        }
    }
}
