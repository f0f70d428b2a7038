import HTTPTypes
import Logging
import Metrics
import OAuth
import Sealing

/// Sends what waits in the outbox, until the receiver has taken it.
///
/// At least once: a crash between an answer and its note sends the event again, with the same ID. Not in order: an event
/// that is tried again may come after a later one, so each says the status at its own moment.
struct WebhookSender: Sendable {
    let store: any WebhookStore
    let exchange: any HTTPExchange
    let sealing: GrantSealing
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let logger: Logger

    static let tick: Duration = .seconds(1)
    static let deadline: Duration = .seconds(15)
    /// After this long an event that nobody took is dropped: three days.
    static let patience: Duration = .seconds(3 * 86_400)
    /// How many may wait for one webhook.
    static let backlog = 100_000

    private let places = Places(16)
    private let receivers = Receivers()
    private let outcomes = Outcomes()

    /// How the receivers do, as far as this process knows.
    private actor Receivers {
        private var underWay: [WebhookID: Int] = [:]
        private var failing: Set<WebhookID> = []

        /// Four at once; to one that failed at the last try, a single one.
        func free(for id: WebhookID) -> Int { (failing.contains(id) ? 1 : 4) - (underWay[id] ?? 0) }

        func began(_ id: WebhookID) { underWay[id, default: 0] += 1 }

        func ended(_ id: WebhookID, isWell: Bool) {
            underWay[id, default: 1] -= 1
            if isWell { failing.remove(id) } else { failing.insert(id) }
        }
    }

    private struct Outcomes: Sendable {
        let delivered = Counter(label: "credence_webhook_deliveries_total", dimensions: [("result", "delivered")])
        let failed = Counter(label: "credence_webhook_deliveries_total", dimensions: [("result", "failed")])
        let dropped = Counter(label: "credence_webhook_deliveries_total", dimensions: [("result", "dropped")])
    }

    init(
        store: any WebhookStore, exchange: any HTTPExchange, sealing: GrantSealing, audit: any AuditSink,
        clock: any BrokerClock, random: any RandomSource, logger: Logger
    ) {
        self.store = store
        self.exchange = exchange
        self.sealing = sealing
        self.audit = audit
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Sends what is due, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                _ = try await round()
            } catch {
                logger.error("The store cannot be read for webhooks", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: Self.tick) } catch { break }
        }
        await places.drain()
    }

    /// Begins what is due, as far as there are free places, and waits for none of it: a receiver that hangs keeps its own
    /// places and holds up nobody else's.
    func round() async throws(StoreFailure) -> [Task<Void, Never>] {
        var begun: [Task<Void, Never>] = []
        for webhook in try await store.webhooks() where webhook.disabledReason == nil {
            let free = min(await places.free, await receivers.free(for: webhook.id))
            guard free > 0 else { continue }
            for delivery in try await store.deliveriesDue(to: webhook.id, at: clock.now, limit: free) {
                let name = "\(webhook.id) \(delivery.event)"
                let sending = await places.begin(name) {
                    await receivers.began(webhook.id)
                    await receivers.ended(webhook.id, isWell: await deliver(delivery, to: webhook))
                }
                if let sending { begun.append(sending) }
            }
        }
        return begun
    }

    /// Bounds what waits for a receiver that takes nothing.
    func trim() async throws(StoreFailure) {
        for webhook in try await store.webhooks() {
            let count = try await store.trimDeliveries(to: webhook.id, keeping: Self.backlog)
            guard count > 0 else { continue }
            outcomes.dropped.increment(by: count)
            logger.error(
                "Too many events wait for a webhook; the oldest were dropped",
                metadata: ["webhook": "\(webhook.id)", "count": "\(count)"])
        }
    }

    // MARK: One delivery

    /// - Returns: whether the receiver does well, as far as this try shows.
    private func deliver(_ delivery: WebhookDelivery, to webhook: Webhook) async -> Bool {
        do {
            // The next try stands before this one is made: whoever crashes meanwhile tries again, but not in a loop.
            var tried = delivery
            tried.attempts += 1
            tried.retryAt = clock.now + Self.pause(attempts: tried.attempts, fraction: random.fraction())
            guard try await store.update(tried, from: delivery.attempts) else { return true }
            let outcome = await send(id: delivery.event, body: delivery.body, to: webhook)
            switch outcome {
            case .delivered:
                outcomes.delivered.increment()
                try await store.deleteDelivery(of: delivery.event, to: webhook.id)
                return true
            case .gone:
                outcomes.failed.increment()
                try await takeOutOfUse(webhook)
            case .failed(let why, let retryAfter):
                outcomes.failed.increment()
                try await putOff(tried, of: webhook, why, retryAfter)
            }
        } catch {
            logger.error(
                "The store cannot be written for a webhook",
                metadata: ["webhook": "\(webhook.id)", "event": "\(delivery.event)", "why": "\(error)"])
        }
        return false
    }

    private func putOff(
        _ tried: WebhookDelivery, of webhook: Webhook, _ why: String, _ retryAfter: Duration?
    ) async throws(StoreFailure) {
        let now = clock.now
        let isOver = now.since(tried.createdAt) >= Self.patience
        logger.notice(
            isOver ? "A webhook's event was dropped: nobody took it for three days" : "A webhook's event was not taken",
            metadata: ["webhook": "\(webhook.id)", "event": "\(tried.event)", "why": "\(why)"])
        if isOver {
            outcomes.dropped.increment()
            try await store.deleteDelivery(of: tried.event, to: webhook.id)
        } else if let retryAfter, now + retryAfter > tried.retryAt {
            var later = tried
            later.retryAt = now + retryAfter
            _ = try await store.update(later, from: tried.attempts)
        }
    }

    /// The receiver says that it is gone for good (410).
    private func takeOutOfUse(_ webhook: Webhook) async throws(StoreFailure) {
        logger.error(
            "A webhook's receiver says that it is gone; nothing more is sent to it",
            metadata: ["webhook": "\(webhook.id)"])
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .webhookDisable, caller: "credence", subject: webhook.id.string,
                    reason: "gone"))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
        }
        var disabled = webhook
        disabled.disabledReason = "gone"
        disabled.updatedAt = clock.now
        _ = try await store.update(disabled)
    }

    /// Five seconds, five minutes, half an hour, two hours, then eight, as the Standard Webhooks specification advises;
    /// less up to half of that by chance.
    static func pause(attempts: Int, fraction: Double) -> Duration {
        let steps: [Int64] = [5, 300, 1800, 7200, 28_800]
        let whole = steps[min(max(attempts - 1, 0), steps.count - 1)] * 1000
        return .milliseconds(whole - Int64(Double(whole) * 0.5 * fraction))
    }

    // MARK: One request

    /// The pure half: what is sent.
    static func request(id: String, body: String, to url: EndpointURL, keys: [[UInt8]], at now: Timestamp)
        -> EndpointRequest
    {
        var fields: HTTPFields = [
            .contentType: "application/json", .accept: "*/*", .acceptEncoding: "identity",
            .userAgent: "Credence",
        ]
        fields[.webhookID] = id
        fields[.webhookTimestamp] = "\(now.seconds)"
        fields[.webhookSignature] = WebhookSignature.header(id: id, seconds: now.seconds, body: body, keys: keys)
        return EndpointRequest(method: .post, url: url, headerFields: fields, body: Array(body.utf8))
    }

    /// The pure half: what the answer means.
    static func judge(_ answer: EndpointResponse, at now: Timestamp) -> WebhookOutcome {
        switch answer.status {
        case 200..<300: .delivered(status: answer.status)
        case 410: .gone
        default:
            .failed(
                "status_\(answer.status)",
                retryAfter: answer.headerFields[.retryAfter].flatMap { RetryAfter(header: $0) }?.duration(from: now))
        }
    }

    /// The sending half.
    func send(id: String, body: String, to webhook: Webhook) async -> WebhookOutcome {
        let now = clock.now
        do {
            let keys = try webhook.secrets.filter { ($0.expiresAt ?? now + .seconds(1)) > now }.map {
                try sealing.webhookKey($0, of: webhook.id)
            }
            let request = Self.request(id: id, body: body, to: try EndpointURL(webhook.url), keys: keys, at: now)
            return Self.judge(try await exchange.send(request, within: Self.deadline), at: now)
        } catch let failure as ExchangeFailure {
            return .failed(failure.code.rawValue)
        } catch {
            logger.error(
                "A webhook's secret does not open", metadata: ["webhook": "\(webhook.id)", "why": "\(error)"])
            return .failed("internal_error")
        }
    }
}

/// What became of one try.
public enum WebhookOutcome: Sendable, Hashable {
    case delivered(status: Int)
    /// The receiver wants no more (410).
    case gone
    /// - Parameter why: `status_` and the status, or why no answer came.
    case failed(_ why: String, retryAfter: Duration? = nil)
}

extension HTTPField.Name {
    static let webhookID = Self("webhook-id")!
    static let webhookTimestamp = Self("webhook-timestamp")!
    static let webhookSignature = Self("webhook-signature")!
    fileprivate static let retryAfter = Self("retry-after")!
}
