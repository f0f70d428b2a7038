public import Broker

/// A clock that stands still until a test moves it. Who sleeps wakes when it is moved far enough, and otherwise never.
public final class ManualClock: BrokerClock {
    private struct State: Sendable {
        var now: Timestamp
        var deadlines: [Timestamp] = []
    }

    private let state: Watched<State>

    public init(now: Timestamp = Timestamp(seconds: 1_800_000_000)) {
        state = Watched(State(now: now))
    }

    public var now: Timestamp { state.value.now }

    public func advance(by duration: Duration) {
        state.update { $0.now = $0.now + duration }
    }

    /// Moves to any moment, also back: a wall clock that was set.
    public func set(to moment: Timestamp) {
        state.update { $0.now = moment }
    }

    public func sleep(for duration: Duration) async throws {
        let deadline = state.update { state in
            let deadline = state.now + duration
            state.deadlines.append(deadline)
            return deadline
        }
        defer {
            state.update { state in
                if let index = state.deadlines.firstIndex(of: deadline) { state.deadlines.remove(at: index) }
            }
        }
        try await state.wait { $0.now >= deadline }
    }

    /// When those who sleep now want to be woken, earliest first.
    public var deadlines: [Timestamp] { state.value.deadlines.sorted() }

    /// Returns once at least that many tasks sleep: only then does moving the clock wake them.
    public func sleepers(reach count: Int) async throws {
        try await state.wait { $0.deadlines.count >= count }
    }

    /// Returns once somebody sleeps until exactly this moment.
    public func sleeper(until deadline: Timestamp) async throws {
        try await state.wait { $0.deadlines.contains(deadline) }
    }
}
