public import Broker
import Synchronization

/// A clock that stands still until a test moves it. Who sleeps wakes when it is moved far enough, and otherwise never.
public final class ManualClock: BrokerClock {
    private struct Sleeper {
        let deadline: Timestamp
        /// nil until it really waits.
        var continuation: CheckedContinuation<Void, any Error>?
    }

    private struct State {
        var wall: Timestamp
        var elapsed: Duration = .zero
        var time = ProcessTime()
        /// By number: ten thousand may sleep at once.
        var sleepers: [Int: Sleeper] = [:]
        var next = 0
        var observers: [(fits: (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

        var now: Timestamp { time.now(wall: wall, elapsed: elapsed) }

        mutating func takeWoken() -> [CheckedContinuation<Void, any Error>] {
            var woken: [CheckedContinuation<Void, any Error>] = []
            let now = now
            for (number, sleeper) in sleepers where sleeper.deadline <= now {
                guard let continuation = sleeper.continuation else { continue }
                woken.append(continuation)
                sleepers[number] = nil
            }
            return woken
        }

        mutating func takeSatisfied() -> [CheckedContinuation<Void, Never>] {
            guard !observers.isEmpty else { return [] }
            let asked = observers
            observers = asked.filter { !$0.fits(self) }
            return asked.filter { $0.fits(self) }.map(\.continuation)
        }
    }

    private let state: Locked<State>

    public init(now: Timestamp = Timestamp(seconds: 1_800_000_000)) {
        state = Locked(State(wall: now))
    }

    public var now: Timestamp { state.withLock { $0.now } }

    public var wall: Timestamp { state.withLock { $0.wall } }

    public var elapsed: Duration { state.withLock { $0.elapsed } }

    public func advance(by duration: Duration) {
        change {
            $0.wall = $0.wall + duration
            $0.elapsed += duration
        }
    }

    /// Sets the wall clock, also back. No time passes.
    public func set(to moment: Timestamp) { change { $0.wall = moment } }

    /// A new process, which knows nothing of the time before.
    public func restart(at moment: Timestamp) {
        change {
            $0.wall = moment
            $0.time = ProcessTime()
        }
    }

    private func change(_ change: (inout State) -> Void) {
        let (woken, satisfied) = state.withLock { state in
            change(&state)
            return (state.takeWoken(), state.takeSatisfied())
        }
        for one in woken { one.resume() }
        for one in satisfied { one.resume() }
    }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let number = state.withLock { state in
            state.next += 1
            state.sleepers[state.next] = Sleeper(deadline: state.now + duration)
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state -> Result<Void, any Error>? in
                    guard let sleeper = state.sleepers[number] else { return .failure(CancellationError()) }
                    guard sleeper.deadline > state.now else {
                        state.sleepers[number] = nil
                        return .success(())
                    }
                    state.sleepers[number]?.continuation = continuation
                    return nil
                }
                if let isOver { continuation.resume(with: isOver) }
                change { _ in }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
            sleeper?.continuation?.resume(throwing: CancellationError())
        }
    }

    /// When those who sleep now want to be woken, earliest first.
    public var deadlines: [Timestamp] { state.withLock { $0.sleepers.values.map(\.deadline) }.sorted() }

    /// How many sleep now.
    public var sleeping: Int { state.withLock { $0.sleepers.count } }

    /// Returns once at least that many tasks sleep: only then does moving the clock wake them.
    public func sleepers(reach count: Int) async throws { await observe { $0.sleepers.count >= count } }

    /// Returns once somebody sleeps until exactly this moment.
    public func sleeper(until deadline: Timestamp) async throws {
        await observe { state in state.sleepers.values.contains { $0.deadline == deadline } }
    }

    private func observe(_ fits: @escaping @Sendable (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isFit = state.withLock { state in
                if fits(state) { return true }
                state.observers.append((fits, continuation))
                return false
            }
            if isFit { continuation.resume() }
        }
    }
}
