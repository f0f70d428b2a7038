import Broker
import Synchronization

/// Tells every consumer what was committed.
final class ChangeFeed: Sendable {
    private struct Consumers {
        var next = 0
        var continuations: [Int: AsyncStream<ConnectionChange>.Continuation] = [:]
    }

    private let consumers = Mutex(Consumers())

    /// Holds the newest thousand for a consumer that is slow: the port promises no more.
    func stream() -> AsyncStream<ConnectionChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionChange.self, bufferingPolicy: .bufferingNewest(1000))
        let number = consumers.withLock { consumers in
            consumers.next += 1
            consumers.continuations[consumers.next] = continuation
            return consumers.next
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.consumers.withLock { $0.continuations.removeValue(forKey: number) }
        }
        return stream
    }

    func announce(_ change: ConnectionChange) {
        let continuations = consumers.withLock { Array($0.continuations.values) }
        for continuation in continuations { continuation.yield(change) }
    }

    func finish() {
        let continuations = consumers.withLock { Array($0.continuations.values) }
        for continuation in continuations { continuation.finish() }
    }
}
