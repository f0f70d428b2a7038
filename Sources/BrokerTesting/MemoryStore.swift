public import Broker
import Sealing
import Synchronization

/// A store that forgets: for tests of what uses a store. It passes the same conformance suite as the real ones, and
/// fails when it is told to.
public final class MemoryStore: BrokerStore {
    /// The calls of the ports, so that a test can make one fail.
    public enum Call: String, Sendable, CaseIterable {
        case connection, connections, insertConnection, updateConnection, deleteConnection
        case claim, commit, abandon, endLeases, due, providersInUse
        case insertTicket, ticket, deleteTicket, insertPending, takePending, insertHeld, takeHeld, purgeConsents
        case insertDevice, device, devicesDue, updateDevice, deleteDevice
        case insertRevocation, revocationsDue, updateRevocation, deleteRevocation
        case client, clients, insertClient, updateClient, deleteClient
        case callers, insertCaller, updateCaller
        case keyRing, insertKeyRing, addDataKey, removeDataKey, rewrap, sealedRows, replaceBoxes, sealedCounts
        case webhooks, insertWebhook, updateWebhook, deleteWebhook, tell, ended
        case deliveriesDue, updateDelivery, deleteDelivery, backlogs, trimDeliveries
        case secretVersions, insertSecret, forgetSecrets, ending, installationKey, insertInstallationKey

        public var isWrite: Bool {
            switch self {
            case .connection, .connections, .due, .providersInUse, .ticket, .client, .clients, .callers, .keyRing,
                .device, .devicesDue,
                .revocationsDue, .webhooks, .ended, .deliveriesDue, .backlogs, .sealedRows, .sealedCounts,
                .secretVersions, .ending, .installationKey:
                false
            default: true
            }
        }
    }

    struct State {
        var connections: [ConnectionID: StoredConnection] = [:]
        var tickets: [[UInt8]: ConsentTicket] = [:]
        var pending: [[UInt8]: PendingAuthorization] = [:]
        var held: [[UInt8]: HeldGrant] = [:]
        var devices: [ConnectionID: DeviceConsent] = [:]
        var revocations: [String: OwedRevocation] = [:]
        var clients: [ClientID: RegisteredClient] = [:]
        var callers: [CallerID: Caller] = [:]
        var keyRing: StoredKeyRing?
        var secretVersions: [ConnectionID: [Int: SecretVersion]] = [:]
        var installationKey: SealedBox?
        var webhooks: [WebhookID: Webhook] = [:]
        var deliveries: [DeliveryName: WebhookDelivery] = [:]
        var told: [ConnectionID: [ConnectionEvent.Kind: String]] = [:]

        fileprivate var scripted: [Call: [StoreFailure]] = [:]
        /// Calls that are carried out, and whose answer is lost.
        fileprivate var unanswered: [Call: [StoreFailure]] = [:]
        fileprivate var writeFailure: StoreFailure?
        fileprivate var counts: [Call: Int] = [:]
        fileprivate var nextConsumer = 0
        fileprivate var consumers: [Int: AsyncStream<ConnectionChange>.Continuation] = [:]

        func announce(_ id: ConnectionID, version: Int? = nil) {
            for consumer in consumers.values { consumer.yield(ConnectionChange(id: id, version: version)) }
        }
    }

    private let state = Locked(State())

    public init() {}

    // MARK: Scripting

    /// The next `times` calls of this kind throw, and nothing is changed.
    public func failNext(
        _ call: Call, times: Int = 1, with failure: StoreFailure = StoreFailure(.notWritable, "The disk is full.")
    ) {
        state.withLock { $0.scripted[call, default: []] += Array(repeating: failure, count: times) }
    }

    /// The next `times` calls of this kind do what they should, and throw: the answer was lost on its way.
    public func loseAnswer(
        of call: Call, times: Int = 1, with failure: StoreFailure = StoreFailure(.other, "The connection is gone.")
    ) {
        state.withLock { $0.unanswered[call, default: []] += Array(repeating: failure, count: times) }
    }

    /// Every call that writes throws, until it is called with nil.
    public func failWrites(with failure: StoreFailure?) {
        state.withLock { $0.writeFailure = failure }
    }

    /// How often a call was made, the failed ones too.
    public func count(of call: Call) -> Int {
        state.withLock { $0.counts[call] ?? 0 }
    }

    /// One call: counted, failed when that was asked for, atomic.
    func perform<T: Sendable>(_ call: Call, _ body: (inout State) -> T) throws(StoreFailure) -> T {
        let result: Result<T, StoreFailure> = state.withLock { state in
            state.counts[call, default: 0] += 1
            if let failure = state.scripted[call]?.first {
                state.scripted[call]?.removeFirst()
                return .failure(failure)
            }
            if call.isWrite, let failure = state.writeFailure { return .failure(failure) }
            let answer = body(&state)
            if let failure = state.unanswered[call]?.first {
                state.unanswered[call]?.removeFirst()
                return .failure(failure)
            }
            return .success(answer)
        }
        return try result.get()
    }

    public func changes() -> AsyncStream<ConnectionChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionChange.self, bufferingPolicy: .bufferingNewest(1000))
        let number = state.withLock { state in
            state.nextConsumer += 1
            state.consumers[state.nextConsumer] = continuation
            return state.nextConsumer
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.consumers.removeValue(forKey: number) }
        }
        return stream
    }
}
