import Logging

/// Tells, once for each end, which grants end within two weeks unless their owner consents again, and which secrets and
/// certificates end within 30, 14 and 3 days unless an administrator rotates them (audit log, webhooks), and which grants
/// have ended with nothing to renew them (webhooks): no write of anybody's marks that moment.
actor ExpiryNotices {
    let store: any ConnectionStore & WebhookStore & SecretStore & ClientStore
    let audit: any AuditSink
    let clock: any BrokerClock
    let logger: Logger

    private var lookedForEnding: Timestamp?
    private var lookedForEnded: Timestamp?
    private var told: Set<String> = []

    static let tick: Duration = .seconds(60)
    static let betweenWarnings: Duration = .seconds(6 * 3600)
    /// How far back a service that was down looks.
    static let memory: Duration = .seconds(7 * 86_400)

    init(
        store: any ConnectionStore & WebhookStore & SecretStore & ClientStore, audit: any AuditSink,
        clock: any BrokerClock, logger: Logger
    ) {
        self.store = store
        self.audit = audit
        self.clock = clock
        self.logger = logger
    }

    /// Looks four times a day for what ends soon and each minute for what has ended, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await round()
            } catch {
                logger.warning("Grants that end could not be looked for", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: Self.tick) } catch { return }
        }
    }

    func round() async throws {
        let now = clock.now
        if let last = lookedForEnding, now >= last, now.since(last) < Self.betweenWarnings {
        } else {
            try await tellEnding()
            try await tellEndingSecrets(at: now)
            try await tellEndingClientSecrets(at: now)
            lookedForEnding = now
        }
        try await tellEnded(until: now)
    }

    private func tellEnding() async throws {
        var after: ConnectionID?
        while !Task.isCancelled {
            let page = try await store.connections(
                matching: ConnectionFilter(now: clock.now), after: after, limit: 200)
            for stored in page {
                guard let end = stored.endsSoon(at: clock.now) else { continue }
                guard try await store.tell(.expiring(stored, end: end, at: clock.now)) else { continue }
                try audit.record(
                    AuditEvent(
                        at: clock.now, action: .connectionExpiring, caller: "credence",
                        connection: stored.id.string, version: stored.grant.version,
                        reason: "refresh_token_expiring"))
            }
            guard page.count == 200 else { break }
            after = page.last?.id
        }
    }

    /// Secrets that were set by hand, from an index.
    private func tellEndingSecrets(at now: Timestamp) async throws {
        var start: (Timestamp, ConnectionID?) = (now, nil)
        while !Task.isCancelled {
            let page = try await store.ending(after: start, until: now + SecretExpiry.longestNotice, limit: 200)
            for stored in page {
                guard let end = stored.grant.expiresAt, let days = SecretExpiry.notice(of: end, at: now) else {
                    continue
                }
                guard try await store.tell(.secretExpiring(stored, end: end, days: days, at: now)) else { continue }
                try audit.record(
                    AuditEvent(
                        at: now, action: .secretExpiring, caller: "credence", connection: stored.id.string,
                        version: stored.grant.version, reason: "\(days)_days"))
            }
            guard page.count == 200, let last = page.last, let end = last.grant.expiresAt else { return }
            start = (end, last.id)
        }
    }

    /// A client is no connection, so what was told of it is remembered by this process alone; the event's ID is the same
    /// the next time.
    private func tellEndingClientSecrets(at now: Timestamp) async throws {
        for client in try await store.clients() {
            for secret in client.secrets {
                guard let end = secret.expiresAt, let days = SecretExpiry.notice(of: end, at: now) else { continue }
                let event = ConnectionEvent.secretExpiring(secret, of: client, end: end, days: days, at: now)
                guard !told.contains(event.id), try await store.tell(event) else { continue }
                if told.count >= 10_000 { told.removeAll() }
                told.insert(event.id)
                try audit.record(
                    AuditEvent(
                        at: now, action: .clientSecretExpiring, caller: "credence", subject: client.id.string,
                        version: secret.number, reason: "\(days)_days"))
            }
        }
    }

    private func tellEnded(until now: Timestamp) async throws(StoreFailure) {
        // A clock that was set back begins anew; what was told is not told twice.
        var start: (Timestamp, ConnectionID?) = (
            lookedForEnded.flatMap { $0 <= now ? $0 : nil } ?? now - Self.memory, nil
        )
        while !Task.isCancelled {
            let page = try await store.ended(after: start, until: now, limit: 200)
            for stored in page {
                if let event = ConnectionEvent.lapsed(stored, at: now) { _ = try await store.tell(event) }
            }
            guard page.count == 200, let last = page.last, let end = last.grant.expiresAt else { break }
            start = (end, last.id)
        }
        lookedForEnded = now
    }
}
