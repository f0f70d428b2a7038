public import CoreMetrics
import Synchronization

/// Counters and gauges of this process, told in the Prometheus text format at `/metrics`. Labels are a closed set:
/// no IDs, no secrets (security case I31).
public final class MetricsRegistry: MetricsFactory {
    private struct Key: Hashable {
        let label: String
        let dimensions: String
    }

    private let counters = Mutex<[Key: CountingHandler]>([:])

    public init() {}

    /// One line a counter, by name.
    public func exposition() -> String {
        let lines = counters.withLock { counters in
            counters.map { key, counter in "\(key.label)\(key.dimensions) \(counter.value)" }
        }
        return lines.sorted().map { $0 + "\n" }.joined()
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let pairs = dimensions.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
        let key = Key(label: label, dimensions: pairs.isEmpty ? "" : "{\(pairs)}")
        return counters.withLock { counters in
            if let known = counters[key] { return known }
            let made = CountingHandler()
            counters[key] = made
            return made
        }
    }

    // Nothing here is measured by distribution yet.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler { NOOPMetricsHandler.instance }
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        NOOPMetricsHandler.instance
    }
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private final class CountingHandler: CounterHandler {
        private let count = Atomic<Int64>(0)

        var value: Int64 { count.load(ordering: .relaxed) }

        func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
        func reset() { count.store(0, ordering: .relaxed) }
    }
}
