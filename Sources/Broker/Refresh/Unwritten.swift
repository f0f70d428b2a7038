import Logging
import Metrics
import Sealing
import Synchronization

/// Grants that came and could not be written (security case R8): kept here and in the spool, handed out meanwhile, and
/// written as soon as the store takes them.
actor Unwritten {
    private let store: any ConnectionStore
    private let spool: (any CredentialSpool)?
    private let keyRing: LiveKeyRing
    private let revoker: Revoker
    private let clock: any BrokerClock
    private let random: any RandomSource
    private let logger: Logger
    private let onChange: @Sendable (StoredConnection) -> Void
    private let reached: CrashPoint.Observer

    private struct Waiting {
        let unwritten: UnwrittenGrant
        let stored: StoredConnection
        let place: Int?
    }

    private var waiting: [ConnectionID: Waiting] = [:]
    private let gauge = Gauge(label: "credence_unwritten_credentials")
    private let number = Locked(0)

    static let tick: Duration = .seconds(1)

    init(
        store: any ConnectionStore, spool: (any CredentialSpool)?, keyRing: LiveKeyRing, revoker: Revoker,
        clock: any BrokerClock, random: any RandomSource, logger: Logger,
        reached: @escaping CrashPoint.Observer = { _ in },
        onChange: @escaping @Sendable (StoredConnection) -> Void
    ) {
        self.store = store
        self.spool = spool
        self.keyRing = keyRing
        self.revoker = revoker
        self.clock = clock
        self.random = random
        self.logger = logger
        self.onChange = onChange
        self.reached = reached
    }

    /// How many wait.
    nonisolated var count: Int { number.withLock { $0 } }

    /// What stands in place of the store's: the same connection, as people have it now, and a newer credential.
    func newer(than stored: StoredConnection) -> StoredConnection? {
        guard let found = waiting[stored.id]?.stored, found.key == stored.key,
            found.grant.version > stored.grant.version
        else { return nil }
        return StoredConnection(connection: stored.connection, grant: found.grant)
    }

    func credential(of id: ConnectionID) -> StoredConnection? { waiting[id]?.stored }

    private func recordCount() {
        gauge.record(waiting.count)
        number.withLock { [count = waiting.count] in $0 = count }
    }

    // MARK: Keeping

    /// Puts it into the spool; nil when that cannot be written either.
    nonisolated func spooled(_ unwritten: UnwrittenGrant) -> Int? {
        guard let spool else { return nil }
        do {
            return try spool.keep(try unwritten.sealed(by: keyRing.current, id: random.bytes(16)))
        } catch {
            logger.critical(
                "A refreshed credential is in memory alone: neither the store nor the spool can be written",
                metadata: ["connection": "\(unwritten.key.id)", "why": "\(error)"])
            return nil
        }
    }

    nonisolated func free(_ place: Int?) {
        if let place { spool?.free(place) }
    }

    /// From now on it is handed out, and written when the store takes it.
    func hold(_ unwritten: UnwrittenGrant, over claimed: StoredConnection, place: Int?) -> StoredConnection {
        if let earlier = waiting[claimed.id], earlier.stored.key == claimed.key {
            // A consent is the owner's last word: a refresh that was under way beside it does not take its place.
            if earlier.unwritten.isConsent, !unwritten.isConsent {
                free(place)
                return earlier.stored
            }
            if earlier.place != place { free(earlier.place) }
        }
        var stored = claimed
        stored.grant = unwritten.grant
        waiting[stored.id] = Waiting(unwritten: unwritten, stored: stored, place: place)
        recordCount()
        onChange(stored)
        return stored
    }

    // MARK: Consents

    /// What becomes of a grant that somebody consented to.
    enum Kept: Sendable {
        case decided(CommitResult)
        /// The store takes nothing now: the grant is in the spool and handed out, and is written later.
        case waits(StoredConnection)
    }

    /// Writes a grant that somebody consented to: six times within eight seconds, in the spool from the first failure on.
    /// Throws where neither takes it: then the consent has to be given again, and whoever gives it is told.
    nonisolated func insist(
        on grant: Grant, over stored: StoredConnection
    ) async throws(StoreFailure) -> Kept {
        let made = UnwrittenGrant(key: stored.key, replaced: stored.grant.version, grant: grant, isConsent: true)
        var place: Int?
        do {
            let result = try await clock.insisting(onFailure: { if place == nil { place = spooled(made) } }) {
                () async throws(StoreFailure) in
                try await store.commit(made.key, replacing: made.replaced, with: grant, at: clock.now)
            }
            free(place)
            return .decided(result)
        } catch {
            guard place != nil else { throw error }
            logger.critical(
                "A grant could not be written; it waits in the spool",
                metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            return .waits(await hold(made, over: stored, place: place))
        }
    }

    // MARK: Writing

    /// What an earlier process left in the spool. Before the first request: a refresh token that was spent must not be sent,
    /// so a store that cannot be read now ends the start.
    func replay() async throws(StoreFailure) {
        for (place, record) in try spool?.waiting() ?? [] {
            guard let unwritten = UnwrittenGrant(record: record, openedBy: keyRing.current) else {
                // A crash tore it: whether the provider answered nobody knows, and the intent in the store says so.
                logger.error("A record of the spool does not open; it is left out")
                spool?.free(place)
                continue
            }
            guard let current = try await store.connection(unwritten.key.id), current.key == unwritten.key else {
                spool?.free(place)
                continue
            }
            reached(.replaying)
            _ = hold(unwritten, over: current, place: place)
            await write(unwritten.key.id)
        }
    }

    /// Tries again until everything is written or the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            for id in waiting.keys { await write(id) }
            do { try await clock.sleep(for: Self.tick) } catch { return }
        }
    }

    private func write(_ id: ConnectionID) async {
        guard let held = waiting[id] else { return }
        do {
            let result = try await store.commit(
                held.unwritten.key, replacing: held.unwritten.replaced, with: held.unwritten.grant, at: clock.now)
            reached(.replayed)
            waiting[id] = nil
            recordCount()
            free(held.place)
            switch result {
            case .committed(let stored):
                logger.notice("A credential that waited is written", metadata: ["connection": "\(id)"])
                onChange(stored)
            // Somebody consented meanwhile, or it was written before the crash: the newer one stands.
            case .superseded(let current):
                if held.unwritten.isConsent, current.grant.credential != held.unwritten.grant.credential {
                    logger.error(
                        "A consent that waited to be written was overtaken; its owner should consent again",
                        metadata: ["connection": "\(id)"])
                }
                onChange(current)
            case .gone: await revoker.owe(held.stored)
            }
        } catch {
            logger.error(
                "A credential waits to be written", metadata: ["connection": "\(id)", "why": "\(error)"])
        }
    }
}
