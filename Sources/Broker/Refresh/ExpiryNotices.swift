import Logging

/// Writes into the audit log which grants end within two weeks unless their owner consents again: once for each end.
actor ExpiryNotices {
    let store: any ConnectionStore
    let audit: any AuditSink
    let clock: any BrokerClock
    let logger: Logger

    /// What was told since the start; a restart tells it once more.
    private var told: [ConnectionID: Timestamp] = [:]

    static let tick: Duration = .seconds(6 * 3600)

    init(store: any ConnectionStore, audit: any AuditSink, clock: any BrokerClock, logger: Logger) {
        self.store = store
        self.audit = audit
        self.clock = clock
        self.logger = logger
    }

    /// Looks four times a day, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await round()
            } catch {
                logger.warning("Grants that end soon could not be looked for", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: Self.tick) } catch { return }
        }
    }

    func round() async throws {
        var ending: [ConnectionID: Timestamp] = [:]
        var after: ConnectionID?
        while !Task.isCancelled {
            let page = try await store.connections(
                matching: ConnectionFilter(now: clock.now), after: after, limit: 200)
            for stored in page {
                guard let end = stored.endsSoon(at: clock.now) else { continue }
                ending[stored.id] = end
                if told[stored.id] != end {
                    try audit.record(
                        AuditEvent(
                            at: clock.now, action: .connectionExpiring, caller: "credence",
                            connection: stored.id.string, version: stored.grant.version,
                            reason: "refresh_token_expiring"))
                }
            }
            guard page.count == 200 else { break }
            after = page.last?.id
        }
        told = ending
    }
}
