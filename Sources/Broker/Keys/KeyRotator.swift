import Logging
import Metrics
import Sealing

/// Changes the keys while everything goes on (security case S8): a new data key seals from the moment it is stored, a
/// worker seals again what lies under the old ones, and they go when nothing needs them. A stop at any moment leaves
/// every box readable, and the next process goes on.
public actor KeyRotator {
    private let store: any KeyRingStore
    private let spool: (any CredentialSpool)?
    private let live: LiveKeyRing
    private let sealing: GrantSealing
    private let masterKeys: MasterKeys?
    private let unwritten: Unwritten
    private let audit: any AuditSink
    private let clock: any BrokerClock
    private let logger: Logger
    private let reached: CrashPoint.Observer

    private var rotation: KeyRotation
    private var found = 0
    /// The names of the master keys, once they were asked for: a source may be far away.
    private var masterKeyNames: (wrapping: String, configured: String)?
    private var isChanging = false
    private var wake: AsyncStream<Void>.Continuation?
    private var pausing: Task<Void, any Error>?
    private let gauge = Gauge(label: "credence_keys_rows_resealed")

    /// How often it is looked whether a retired key is needed again, and the pause between: five minutes, longer than
    /// anything that was read before is held. Counted in pauses, so that a process that stood still waits all the same.
    static let ticks = 10
    static let tick: Duration = .seconds(30)
    static let retryPause: Duration = .seconds(1)
    private var ticks = KeyRotator.ticks

    init(
        store: any KeyRingStore, spool: (any CredentialSpool)?, live: LiveKeyRing, masterKeys: MasterKeys?,
        unwritten: Unwritten, audit: any AuditSink, clock: any BrokerClock, logger: Logger,
        reached: @escaping CrashPoint.Observer
    ) {
        self.store = store
        self.spool = spool
        self.live = live
        self.sealing = GrantSealing(keyRing: live)
        self.masterKeys = masterKeys
        self.unwritten = unwritten
        self.audit = audit
        self.clock = clock
        self.logger = logger
        self.reached = reached
        rotation = KeyRotation(hasRetired: live.current.terms.count > 1)
    }

    // MARK: What is

    public var progress: KeyProgress {
        let state: KeyProgress.State =
            switch rotation.step {
            case .reseal, .count: .resealing
            case .wait, .remove: .waiting
            case .blocked: .blocked
            case .rest: live.current.terms.count > 1 ? .waiting : .idle
            }
        return KeyProgress(
            state: state, activeTerm: live.current.activeTerm, resealed: rotation.done, found: found)
    }

    public func status() async throws(BrokerError) -> KeyStatus {
        let stored = try await storedRing()
        let counts: [SealedPlace: [UInt32: Int]]
        do { counts = try await store.sealedCounts() } catch { throw .storeUnavailable(error) }
        let terms = Set(stored.dataKeys.map(\.term)).union(counts.values.flatMap(\.keys))
        let keys = terms.sorted().map { term in
            KeyStatus.DataKey(
                term: term, state: stored.dataKeys.first { $0.term == term }?.state,
                boxes: counts.compactMapValues { $0[term] })
        }
        let names = try await masterKeyNames(stored)
        return KeyStatus(
            keys: keys, masterKey: names?.wrapping, isRewrapDue: names.map { $0.wrapping != $0.configured } ?? false,
            unwritten: unwritten.count, progress: progress)
    }

    private func masterKeyNames(_ stored: StoredKeyRing) async throws(BrokerError) -> (
        wrapping: String, configured: String
    )? {
        if masterKeyNames == nil, let masterKeys {
            do throws(SealingError) {
                let wrapping = try await masterKeys.wrapping(keyCheck: stored.checkValue)
                let configured = masterKeys.previous == nil ? wrapping : try await masterKeys.current.masterKey()
                masterKeyNames = (wrapping.id, configured.id)
            } catch {
                throw .masterKey(error)
            }
        }
        return masterKeyNames
    }

    // MARK: The data key

    /// Makes a new data key the active one and begins to seal everything again. While another rotation is under way and
    /// has boxes left to seal, nothing is added, and it goes on.
    public func rotate(by caller: Caller) async throws(BrokerError) -> KeyProgress {
        try await exclusively { () async throws(BrokerError) in
            if rotation.isUnderWay, try await isNeeded() { return }
            let stored = try await storedRing()
            let masterKey = try await wrapping(stored)
            // What another try wrote and did not live to use is used now.
            var ring = try open(stored, masterKey)
            let new: WrappedDataKey
            do throws(SealingError) { (ring, new) = try ring.addingTerm(masterKey: masterKey) } catch {
                throw .masterKey(error)
            }
            try record(.keysRotate, subject: String(new.term), by: caller.id.string)
            do {
                guard try await store.addDataKey(new, retiring: new.term - 1) else {
                    throw BrokerError.conflict("The data keys are being changed by somebody else; try again.")
                }
            } catch let error as BrokerError { throw error } catch let failure as StoreFailure {
                throw .storeUnavailable(failure)
            } catch { throw .internalError() }
            reached(.keyAdded)
            // Nothing is sealed under it before it was read back.
            let written = try open(try await storedRing(), masterKey)
            // The worker may have removed what nothing needed.
            let gone = ring.terms.filter { !written.terms.contains($0) }
            guard written.holdsTheSame(as: gone.reduce(ring) { $0.removing($1) }) else {
                throw .internalError("The new data key was not stored as it was made: the one before stays in use.")
            }
            live.replace(with: written)
            begin()
        }
        return progress
    }

    private func isNeeded() async throws(BrokerError) -> Bool {
        do { return try await left() > 0 } catch { throw .storeUnavailable(error) }
    }

    private func begin() {
        rotation = KeyRotation(hasRetired: live.current.terms.count > 1)
        found = 0
        wake?.yield()
        pausing?.cancel()
    }

    // MARK: The master key

    /// Wraps the data keys by the configured master key in place of the one before, in one transaction.
    /// - Returns: the names of both.
    public func rewrap(by caller: Caller) async throws(BrokerError) -> (old: String, new: String) {
        var names: (old: String, new: String)?
        try await exclusively { () async throws(BrokerError) in
            let stored = try await storedRing()
            let old = try await wrapping(stored)
            guard let masterKeys else { throw Self.noSource }
            let new: MasterKey
            do throws(SealingError) { new = try await masterKeys.current.masterKey() } catch {
                throw .masterKey(error)
            }
            guard new.id != old.id else {
                throw .conflict(
                    "The data keys are wrapped by the configured master key already. Configure the new one as the master key, this one as the previous one, restart, and try again."
                )
            }
            let ring = try open(stored, old)
            let wrapped: StoredKeyRing
            do throws(SealingError) {
                wrapped = StoredKeyRing(checkValue: try new.checkValue(), dataKeys: try ring.wrapped(by: new))
            } catch { throw .masterKey(error) }
            // Before anything is written: the source gives the same key twice, and what it wraps opens.
            let again: MasterKey
            do throws(SealingError) { again = try await masterKeys.current.masterKey() } catch {
                throw .masterKey(error)
            }
            guard try open(wrapped, again).holdsTheSame(as: ring) else { throw Self.notReadBack }
            try record(.keysRewrap, subject: new.id, by: caller.id.string)
            let written: StoredKeyRing?
            do throws(StoreFailure) {
                written = try await store.rewrap(wrapped, replacing: stored.checkValue)
            } catch {
                throw .storeUnavailable(error)
            }
            reached(.rewrapped)
            guard let written else {
                throw .conflict("The key ring is being changed by somebody else; try again.")
            }
            guard try open(written, again).holdsTheSame(as: ring) else { throw Self.notReadBack }
            names = (old.id, new.id)
            masterKeyNames = (new.id, new.id)
        }
        guard let names else { throw .internalError() }
        return names
    }

    // MARK: The worker

    /// Seals again what lies under an old key, until cancelled; sleeps while there is none.
    /// - Parameter isForOneVerb: nothing else works on the store, so nothing is waited for.
    public func run(isForOneVerb: Bool = false) async {
        if isForOneVerb { waitForNothing() }
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
        wake.yield()
        for await _ in wakes {
            while !Task.isCancelled, !isAtRest {
                do {
                    try await advance()
                } catch {
                    if Task.isCancelled { return }
                    logger.error("Sealing again has to wait", metadata: ["why": "\(error)"])
                    do { try await clock.sleep(for: Self.retryPause) } catch { return }
                }
            }
        }
    }

    var isAtRest: Bool { rotation.step == .rest || rotation.step == .blocked }

    /// Nothing else works on the store.
    func waitForNothing() { ticks = 0 }

    /// One step.
    func advance() async throws {
        switch rotation.step {
        case .reseal(let place, let name):
            if found == 0 { found = try await left() }
            try await reseal(place, after: name)
        case .count:
            let left = try await left()
            rotation.counted(left: left, waiting: ticks)
            guard !rotation.isUnderWay else { return }
            if rotation.step == .blocked {
                logger.error(
                    "Sealed boxes do not open, so the data key that they name stays",
                    metadata: ["boxes": "\(left)"])
            } else {
                try audit.record(
                    AuditEvent(
                        at: clock.now, action: .keysReseal, caller: "credence",
                        subject: String(live.current.activeTerm)))
            }
        case .wait:
            // A new rotation waits for no tick of the last one.
            do { try await pause(for: Self.tick) } catch { return try Task.checkCancellation() }
            rotation.waited()
        case .remove: try await remove()
        case .blocked, .rest: break
        }
    }

    private func pause(for duration: Duration) async throws {
        let pausing = Task { [clock] in try await clock.sleep(for: duration) }
        self.pausing = pausing
        defer { self.pausing = nil }
        try await withTaskCancellationHandler {
            try await pausing.value
        } onCancel: {
            pausing.cancel()
        }
    }

    private func reseal(_ place: SealedPlace, after name: SealedRow.Name?) async throws {
        let rows = try await store.sealedRows(in: place, after: name, limit: KeyRotation.batch)
        var changes: [SealedChange] = []
        var unopened = 0
        for row in rows {
            do {
                if let change = try sealing.resealed(row) { changes.append(change) }
            } catch {
                unopened += row.boxes.values.count { $0.term != live.current.activeTerm }
                logger.error(
                    "A sealed box does not open and stays as it is",
                    metadata: ["place": "\(place.rawValue)", "record": "\(row.record)", "why": "\(error)"])
            }
        }
        let written = changes.isEmpty ? 0 : try await store.replaceBoxes(changes)
        if written > 0 { reached(.resealed) }
        rotation.resealed(
            written, upTo: rows.last?.name, wasLast: rows.count < KeyRotation.batch, unopened: unopened)
        gauge.record(rotation.done)
    }

    private func left() async throws(StoreFailure) -> Int {
        let ring = live.current
        // A term that is not in the ring has no key that could go.
        let old = ring.terms.filter { $0 != ring.activeTerm }
        let counts = try await store.sealedCounts()
        return counts.values.reduce(0) { sum, terms in old.reduce(sum) { $0 + (terms[$1] ?? 0) } }
    }

    private func remove() async throws {
        guard unwritten.count == 0, try spool?.waiting().isEmpty ?? true else {
            return rotation.tried(.unwritten, waiting: ticks)
        }
        let active = live.current.activeTerm
        for term in live.current.terms where term != active {
            try audit.record(
                AuditEvent(at: clock.now, action: .keysRemove, caller: "credence", subject: String(term)))
            guard try await store.removeDataKey(term) else { return rotation.tried(.needed, waiting: ticks) }
            reached(.keyRemoved)
            live.replace(with: live.current.removing(term))
            logger.notice("A data key that nothing needs any more is removed", metadata: ["term": "\(term)"])
        }
        rotation.tried(.removed, waiting: ticks)
    }

    // MARK: Parts

    /// One change of the ring at a time: an actor takes another call while one waits.
    private func exclusively(_ body: () async throws(BrokerError) -> Void) async throws(BrokerError) {
        guard !isChanging else { throw .conflict("The keys are being changed; try again.") }
        isChanging = true
        defer { isChanging = false }
        try await body()
    }

    private func storedRing() async throws(BrokerError) -> StoredKeyRing {
        let stored: StoredKeyRing?
        do { stored = try await store.keyRing() } catch { throw .storeUnavailable(error) }
        guard let stored else { throw .internalError("The store has no key ring.") }
        return stored
    }

    private func wrapping(_ stored: StoredKeyRing) async throws(BrokerError) -> MasterKey {
        guard let masterKeys else { throw Self.noSource }
        do { return try await masterKeys.wrapping(keyCheck: stored.checkValue) } catch { throw .masterKey(error) }
    }

    private func open(_ stored: StoredKeyRing, _ masterKey: MasterKey) throws(BrokerError) -> KeyRing {
        do {
            return try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
        } catch {
            throw .masterKey(error)
        }
    }

    private func record(_ action: AuditEvent.Action, subject: String, by caller: String) throws(BrokerError) {
        do {
            try audit.record(AuditEvent(at: clock.now, action: action, caller: caller, subject: subject))
        } catch {
            throw .auditUnavailable
        }
    }

    private static let noSource = BrokerError.internalError("This process was given no master key source.")
    private static let notReadBack = BrokerError.internalError(
        "The data keys could not be read back under the new master key: keep both configured, and try again.")
}
