import Logging
import Metrics
import Synchronization

/// Refreshes in the background what is about to expire, so that nobody waits for it.
///
/// Due connections come from the store's index, soonest first; so many at once as the policy says.
final class RefreshSchedule: Sendable {
    let store: any ConnectionStore
    let refresher: Refresher
    let clock: any BrokerClock
    let policy: RefreshPolicy
    let logger: Logger
    let hold: RefreshHold
    private let pace = Locked(SchedulePace())
    private let gauges = Gauges()

    /// For whoever looks whether refreshes keep up: how many are under way or wait for their turn, and how long ago the
    /// one that waits longest was due.
    private struct Gauges: Sendable {
        let underWay = Gauge(label: "credence_refreshes_under_way")
        let waiting = Gauge(label: "credence_refreshes_waiting")
        let lag = Gauge(label: "credence_refresh_lag_seconds")
        /// 1 while a restored store waits to be claimed.
        let held = Gauge(label: "credence_refresh_held")
        /// How far the service is ahead of a clock that was set back.
        let clock = Gauge(label: "credence_clock_ahead_seconds")
    }

    init(
        store: any ConnectionStore, refresher: Refresher, clock: any BrokerClock, policy: RefreshPolicy, logger: Logger,
        hold: RefreshHold = RefreshHold()
    ) {
        self.store = store
        self.refresher = refresher
        self.clock = clock
        self.policy = policy
        self.logger = logger
        self.hold = hold
    }

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
        gauges.held.record(hold.isHeld ? 1 : 0)
        if hold.isHeld { return [] }
        let waiting = await refresher.brakes.waiting
        let underWay = await refresher.flightsUnderWay - waiting
        gauges.underWay.record(underWay)
        gauges.waiting.record(waiting)
        let free = policy.concurrency - underWay
        guard free > 0, waiting < policy.longestQueue else { return [] }
        var begun: [Task<RefreshOutcome, Never>] = []
        // Those that only wait for their turn take no place: as many join them as a host may begin until the next round.
        let joining = policy.ratePerHost * Int(policy.tick.wholeMilliseconds) / 1000
        let limit = waiting + min(max(free, joining), policy.longestQueue - waiting)
        // Those that wait for their turn at a busy host stand first in the list, and must hide nobody behind them.
        let due = try await store.due(at: horizon(), limit: limit)
        try await recordLag(of: due.first)
        for id in due {
            if let flight = await refresher.flight(for: id, .due) { begun.append(flight) }
        }
        return begun
    }

    private func horizon() -> Timestamp {
        let (now, wall, elapsed) = (clock.now, clock.wall, clock.elapsed)
        gauges.clock.record(Double(now.since(wall).wholeMilliseconds) / 1000)
        let (horizon, leapt) = pace.withLock { pace in
            let before = pace.behind
            return (pace.horizon(now: now, elapsed: elapsed), pace.behind > before)
        }
        if leapt {
            logger.warning(
                "The system's clock was set forward; what is due by it is refreshed by and by. An administrator should look at the clock.",
                metadata: ["seconds": "\(now.since(horizon).wholeMilliseconds / 1000)"])
        }
        return horizon
    }

    /// - Parameter first: the one that was due first.
    private func recordLag(of first: ConnectionID?) async throws(StoreFailure) {
        guard let first, let dueAt = try await store.connection(first)?.grant.refreshAt else {
            return gauges.lag.record(0)
        }
        gauges.lag.record(Double(clock.now.since(dueAt).wholeMilliseconds) / 1000)
    }
}
