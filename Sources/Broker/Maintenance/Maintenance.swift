import Sealing

/// Backup, and whether everything is in order.
public struct Maintenance: Sendable {
    let store: any BrokerStore
    let files: (any StoreMaintenance)?
    let sealing: GrantSealing
    let installation: InstallationKey
    let audit: any AuditSink
    let unwritten: Unwritten
    let clock: any BrokerClock

    // MARK: Verification

    /// What was looked at, and what is wrong.
    public struct Report: Sendable {
        public var boxes = 0
        public var connections = 0
        public var audit = AuditVerification()
        /// Where, and what; a hundred at most.
        public var problems: [String] = []

        mutating func complain(_ problem: String) {
            if problems.count < 100 { problems.append(problem) }
        }
    }

    /// Opens every box, checks the database and the audit log, and compares each connection's version with what was handed
    /// out (security cases S1, S3, S16, I29).
    public func verify() async throws(BrokerError) -> Report {
        var report = Report()
        do throws(StoreFailure) {
            for damage in try await files?.damage() ?? [] { report.complain("database: \(damage)") }
            let counts = try await store.sealedCounts()
            for place in SealedPlace.allCases {
                let opened = try await openAll(in: place, &report)
                let stored = counts[place]?.values.reduce(0, +) ?? 0
                // What is too short for a box is none, and is not read as one.
                if stored > opened {
                    report.complain("\(place.rawValue): \(stored - opened) values are no sealed boxes")
                }
            }
        } catch {
            throw .storeUnavailable(error)
        }
        let (found, versions) = try await read()
        report.audit = found
        for problem in found.problems { report.complain("audit log: \(problem)") }
        try await compare(versions, &report)
        return report
    }

    private func openAll(in place: SealedPlace, _ report: inout Report) async throws(StoreFailure) -> Int {
        var count = 0
        var after: SealedRow.Name?
        while true {
            let page = try await store.sealedRows(in: place, after: after, limit: 200)
            for row in page {
                count += row.boxes.count
                for problem in sealing.problems(in: row) {
                    report.complain("\(place.rawValue): \(row.record), \(problem)")
                }
            }
            guard page.count == 200, let last = page.last?.name else { break }
            after = last
        }
        report.boxes += count
        return count
    }

    private func read() async throws(BrokerError) -> (AuditVerification, [String: Int]) {
        let audit = audit
        let result = await Task.detached { () -> Result<(AuditVerification, [String: Int]), AuditFailure> in
            do throws(AuditFailure) { return .success((try audit.verify(), try audit.versionsHandedOut())) } catch {
                return .failure(error)
            }
        }.value
        do { return try result.get() } catch {
            throw BrokerError(.auditUnavailable, error.description, actor: .administrator)
        }
    }

    /// A row that is older than what was handed out of it was put back by somebody.
    private func compare(_ versions: [String: Int], _ report: inout Report) async throws(BrokerError) {
        var after: ConnectionID?
        while true {
            let page: [StoredConnection]
            do {
                page = try await store.connections(
                    matching: ConnectionFilter(now: clock.now), after: after, limit: 200)
            } catch {
                throw .storeUnavailable(error)
            }
            for stored in page {
                report.connections += 1
                guard let seen = versions[stored.id.string], seen > stored.grant.version,
                    await unwritten.credential(of: stored.id) == nil
                else { continue }
                report.complain(
                    "connections: \(stored.id) has version \(stored.grant.version), and version \(seen) was handed out: the row was put back"
                )
            }
            guard page.count == 200 else { return }
            after = page.last?.id
        }
    }

    // MARK: Backup

    /// Writes a backup into a new file: the database, consistent, with a signed manifest in it. Holds no master key.
    public func backup(to path: String, credence version: String, by caller: Caller) async throws(BrokerError) {
        guard let files else { throw .invalid("This store is backed up by its own means.") }
        guard unwritten.count == 0 else {
            throw BrokerError(
                .storeUnavailable, "Credentials wait to be written, and a backup would lack them; try again.",
                actor: .nobody, reason: "unwritten", retryAfter: 5)
        }
        let key = try await installation.derived(for: .backup)
        do {
            try audit.record(AuditEvent(at: clock.now, action: .storeBackup, caller: caller.id.string))
            let head = audit.head()
            let manifest = BackupManifest(
                createdAt: clock.now.iso8601, credence: version, auditSequence: head.sequence, auditMAC: head.mac)
            try await files.copy(to: path)
            try await files.sign(copy: path, manifest) { InstallationKey.authenticate($0, key) }
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch is AuditFailure {
            throw .auditUnavailable
        } catch {
            throw .internalError()
        }
    }
}
