public import Logging
public import ProviderProfiles
public import Sealing

/// The broker put together: use cases over the ports that the composition gives.
///
/// A `struct`'s worth of parts; `BrokerCore` because no type shares its module's name.
public struct BrokerCore: Sendable {
    public let credentials: CurrentCredential
    public let connections: Connections
    public let consent: Consent
    public let devices: Devices
    public let lifetimes: Lifetimes
    public let proofs: Proofs
    public let clients: Clients
    public let clientSecretTrials: ClientSecretTrials
    public let callers: Callers
    public let webhooks: Webhooks
    public let keys: KeyRotator
    public let maintenance: Maintenance
    public let hold: RefreshHold
    public let catalog: ProviderCatalog
    public let audit: any AuditSink
    public let clock: any BrokerClock
    let store: any BrokerStore
    let refresher: Refresher
    let schedule: RefreshSchedule
    let notices: ExpiryNotices
    let sender: WebhookSender
    let revoker: Revoker
    let cache: CredentialCache

    public struct Configuration: Sendable {
        /// Where browsers and providers reach the service: scheme, host and port, without a trailing slash.
        public var publicURL: String
        public var allowedReturns: Set<String> = []
        /// Development alone: http endpoints.
        public var allowHTTP = false
        public var policy = RefreshPolicy()

        public init(publicURL: String) {
            self.publicURL = publicURL
        }
    }

    public init(
        configuration: Configuration, store: any BrokerStore, keyRing: KeyRing, catalog: ProviderCatalog,
        exchange: any HTTPExchange, audit: any AuditSink, clock: any BrokerClock, random: any RandomSource,
        logger: Logger, spool: (any CredentialSpool)? = nil, masterKeys: MasterKeys? = nil,
        files: (any StoreMaintenance)? = nil,
        reached: @escaping CrashPoint.Observer = { _ in }
    ) {
        let live = LiveKeyRing(keyRing)
        let sealing = GrantSealing(keyRing: live)
        let cache = CredentialCache()
        let hold = RefreshHold()
        let installation = InstallationKey(store: store, sealing: sealing, random: random)
        // What a change touched is read again at the next call; one rule for refreshes, edits, consents and deletions.
        let onChange: @Sendable (StoredConnection) -> Void = { cache.remove($0.id) }
        let policy = configuration.policy
        let metadata = PublishedMetadata(exchange: exchange, clock: clock, allowHTTP: configuration.allowHTTP)
        let registrations = Registrations(
            catalog: catalog, clients: store, sealing: sealing, metadata: metadata,
            allowHTTP: configuration.allowHTTP, publicURL: configuration.publicURL, logger: logger)
        let nonces = ProofNonces()
        let calls = ProviderCalls(
            exchange: exchange, registrations: registrations, nonces: nonces, clock: clock, random: random)
        let accounts = Accounts(
            metadata: metadata, exchange: exchange, clock: clock, random: random, nonces: nonces, logger: logger)
        let lifetimes = Lifetimes(
            store: store, registrations: registrations, calls: calls, sealing: sealing, clock: clock, random: random,
            logger: logger, onChange: onChange)
        let revoker = Revoker(
            store: store, registrations: registrations, calls: calls, sealing: sealing, clock: clock, random: random,
            policy: policy, logger: logger, hold: hold)
        let unwritten = Unwritten(
            store: store, spool: spool, keyRing: live, revoker: revoker, clock: clock, random: random, logger: logger,
            reached: reached, onChange: onChange)
        keys = KeyRotator(
            store: store, spool: spool, live: live, masterKeys: masterKeys, unwritten: unwritten, audit: audit,
            clock: clock, logger: logger, reached: reached)
        let refresher = Refresher(
            store: store, registrations: registrations, sealing: sealing, calls: calls, lifetimes: lifetimes,
            clock: clock, random: random, audit: audit, revoker: revoker, policy: policy, logger: logger,
            unwritten: unwritten, hold: hold, reached: reached, onChange: onChange)
        let devices = Devices(
            connections: store, store: store, registrations: registrations, calls: calls, accounts: accounts,
            lifetimes: lifetimes, revoker: revoker, unwritten: unwritten, sealing: sealing, audit: audit, clock: clock,
            random: random, policy: policy, allowHTTP: configuration.allowHTTP, logger: logger, onChange: onChange)
        let consent = Consent(
            connections: store, consents: store, registrations: registrations, sealing: sealing, calls: calls,
            accounts: accounts, lifetimes: lifetimes, devices: devices, audit: audit, clock: clock, random: random,
            publicURL: configuration.publicURL, allowedReturns: configuration.allowedReturns,
            callDeadline: policy.callDeadline, logger: logger, revoker: revoker, unwritten: unwritten,
            onChange: onChange)
        self.store = store
        self.cache = cache
        self.catalog = catalog
        self.audit = audit
        self.clock = clock
        self.refresher = refresher
        self.consent = consent
        self.credentials = CurrentCredential(
            cache: cache, renderer: CredentialRenderer(sealing: sealing, sealer: EphemeralSealer()), store: store,
            registrations: registrations, refresher: refresher, audit: audit, clock: clock, policy: policy,
            logger: logger)
        self.proofs = Proofs(
            credentials: credentials, store: store, registrations: registrations, sealing: sealing, audit: audit,
            clock: clock, random: random)
        self.devices = devices
        self.lifetimes = lifetimes
        self.revoker = revoker
        self.clients = Clients(
            store: store, catalog: catalog, sealing: sealing, audit: audit, clock: clock, random: random,
            allowHTTP: configuration.allowHTTP,
            onMended: {
                await registrations.forgetWhichWasTaken(of: $0)
                await refresher.endBackOff(of: $0)
            })
        self.clientSecretTrials = ClientSecretTrials(
            clients: clients, store: store, registrations: registrations, calls: calls, refresher: refresher,
            audit: audit, clock: clock, deadline: policy.callDeadline)
        self.connections = Connections(
            store: store, installation: installation, exchange: exchange, allowHTTP: configuration.allowHTTP,
            clients: store, catalog: catalog, registrations: registrations, consent: consent, revoker: revoker,
            resources: ResourceDiscovery(
                exchange: exchange, metadata: metadata, clients: clients, registrations: registrations, random: random,
                allowHTTP: configuration.allowHTTP, logger: logger),
            refresher: refresher, sealing: sealing, audit: audit, clock: clock, random: random, logger: logger,
            onChange: onChange, onDelete: { cache.remove($0) })
        self.notices = ExpiryNotices(store: store, audit: audit, clock: clock, logger: logger)
        self.sender = WebhookSender(
            store: store, exchange: exchange, sealing: sealing, audit: audit, clock: clock, random: random,
            logger: logger)
        self.webhooks = Webhooks(
            store: store, sealing: sealing, sender: sender, audit: audit, clock: clock, random: random,
            allowHTTP: configuration.allowHTTP)
        self.callers = Callers(store: store, audit: audit, clock: clock, random: random)
        self.schedule = RefreshSchedule(
            store: store, refresher: refresher, clock: clock, policy: policy, logger: logger, hold: hold)
        self.hold = hold
        self.maintenance = Maintenance(
            store: store, files: files, sealing: sealing, installation: installation, audit: audit,
            unwritten: unwritten, clock: clock)
    }

    /// Reads who may call. Before the first request.
    public func prepare() async throws(StoreFailure) {
        try await refresher.unwritten.replay()
        try await store.endLeases(at: clock.now)
        try await callers.reload()
    }

    /// The profiles that clients or connections need and the catalogue lacks: none of theirs can be refreshed.
    public func missingProfiles() async throws(StoreFailure) -> [String] {
        try await store.providersInUse().filter { catalog[$0] == nil }
    }

    /// Refreshes in the background, follows the store's changes, removes consents that ran out; until cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await schedule.run() }
            group.addTask { await devices.run() }
            group.addTask { await revoker.run() }
            group.addTask { await notices.run() }
            group.addTask { await sender.run() }
            group.addTask { await keys.run() }
            group.addTask { await refresher.unwritten.run() }
            group.addTask {
                for await change in store.changes() { cache.apply(change) }
            }
            group.addTask {
                while !Task.isCancelled {
                    do { try await clock.sleep(for: .seconds(60)) } catch { return }
                    do { try audit.publishHead(at: clock.now) } catch {
                        schedule.logger.error("The audit log's head could not be signed", metadata: ["why": "\(error)"])
                    }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    // A day past their end they are of no use even to somebody who asks why.
                    do {
                        _ = try await store.purgeConsents(before: clock.now - .seconds(86_400))
                        try await sender.trim()
                        _ = try await store.forgetSecrets(keptUntil: clock.now)
                    } catch {
                        schedule.logger.warning("What is old could not be removed", metadata: ["why": "\(error)"])
                    }
                    do { try await clock.sleep(for: .seconds(600)) } catch { return }
                }
            }
        }
    }

    /// Asks for the device authorizations that are under way, until cancelled; `run()` does it too.
    public func pollDevices() async {
        await devices.run()
    }

    /// How many credentials came and could not be written yet; more than none is not healthy.
    public var unwrittenCredentials: Int { refresher.unwritten.count }

    /// Begins no new refresh and waits for those under way: their tokens are spent, so their answers must be stored.
    public func drain() async {
        await refresher.drain()
    }
}
