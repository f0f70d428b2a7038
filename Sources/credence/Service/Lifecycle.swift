import Broker
import ServiceLifecycle

/// The background refresh and its like: the first to end.
struct BackgroundWork: ServiceLifecycle.Service {
    let core: BrokerCore

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await core.run()
        }
    }
}

/// The last to end: refreshes under way have spent their tokens, so their answers must be stored (security case I22).
struct Draining: ServiceLifecycle.Service {
    let core: BrokerCore

    func run() async throws {
        try? await gracefulShutdown()
        await core.drain()
    }
}

/// Ends the service when its store can no longer be trusted with a write: a failed fsync is never retried and believed
/// (security case S13).
struct FatalFailure: ServiceLifecycle.Service {
    private let failures: AsyncStream<StoreFailure>
    private let report: AsyncStream<StoreFailure>.Continuation

    init() {
        (failures, report) = AsyncStream<StoreFailure>.makeStream()
    }

    func happened(_ failure: StoreFailure) {
        report.yield(failure)
    }

    func run() async throws {
        for await failure in failures.cancelOnGracefulShutdown() {
            throw CommandFailure(.failed, "The service stops: \(failure.detail)")
        }
    }
}

/// Counts listeners that are up.
actor Listening {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) {
        missing = count
    }

    func one() {
        missing -= 1
        guard missing == 0 else { return }
        for waiter in waiting { waiter.resume() }
        waiting = []
    }

    func all() async {
        guard missing > 0 else { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}

/// Prints the one line that scripts wait for, once every listener is up.
struct Announcement: ServiceLifecycle.Service {
    let listening: Listening
    let line: String

    func run() async throws {
        let announcing = Task { [listening, line] in
            await listening.all()
            Terminal.say(line)
        }
        try? await gracefulShutdown()
        announcing.cancel()
    }
}
