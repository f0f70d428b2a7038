import AuditLog
import Broker
import BrokerHTTP
import Glibc
import HTTPTransport
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ProviderProfiles
import SQLiteStore
import Sealing
import ServiceLifecycle
import UnixSignals

/// The composition: one data folder, opened by one process, with everything that works on it.
struct Service: Sendable {
    let options: ServiceOptions
    let core: BrokerCore
    let store: SQLiteStore
    let fatal: FatalFailure
    let logger: Logger
    /// Who the admin socket's caller is: a person with a shell on this machine.
    static let local = Caller(
        id: CallerID("local")!, role: .admin, createdAt: Timestamp(milliseconds: 0))

    // MARK: Opening

    /// Opens what `init` made. Refuses, with one line that says what to do, whatever is not in order; nothing that is
    /// stored is changed by refusing.
    static func open(_ options: ServiceOptions, logger: Logger) async throws -> Service {
        try DataFolder.check(options.folder)
        let fatal = FatalFailure()
        let store = try SQLiteStore(folder: options.folder, onFatal: { fatal.happened($0) })
        guard let stored = try await store.keyRing() else {
            throw CommandFailure(
                .failed,
                "The data folder \(options.folder) has no key ring. Run: credence init --data \(options.folder)")
        }
        let masterKeys = try await options.masterKeys()
        let masterKey = try await masterKeys.wrapping(keyCheck: stored.checkValue)
        let keyRing = try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
        return try await compose(
            options, store: store, keyRing: keyRing, masterKeys: masterKeys, fatal: fatal, logger: logger)
    }

    static func compose(
        _ options: ServiceOptions, store: SQLiteStore, keyRing: KeyRing, masterKeys: MasterKeys,
        fatal: FatalFailure = FatalFailure(), logger: Logger, isRestoring: Bool = false
    ) async throws -> Service {
        var configuration = BrokerCore.Configuration(publicURL: options.publicURL ?? ServiceOptions.unknownPublicURL)
        configuration.allowedReturns = Set(options.allowedReturns)
        configuration.allowHTTP = options.isDevelopment
        configuration.policy.setCallDeadline(.seconds(options.providerTimeout))
        configuration.policy.ratePerHost = options.refreshRate
        let policy = try options.egress()
        let exchange: VettedExchange
        do {
            exchange = try VettedExchange(policy: policy, additionalTrustRoots: options.trustedCertificates)
        } catch {
            throw CommandFailure(
                .failed,
                "The certificates in \(options.trustedCertificates ?? "the system's store") cannot be read as PEM.")
        }
        let installation = InstallationKey(
            store: store, sealing: GrantSealing(keyRing: keyRing), random: SystemRandom())
        let keys = AuditKeys(
            chain: try await installation.derived(for: .auditChain),
            head: try await installation.derived(for: .auditHead))
        let core = BrokerCore(
            configuration: configuration, store: store, keyRing: keyRing,
            catalog: try Profiles.catalog(folders: options.providerFolders, allowHTTP: options.isDevelopment),
            exchange: exchange, audit: try FileAuditSink(path: options.auditPath, keys: keys, settings: options.audit),
            clock: SystemClock(),
            random: SystemRandom(), logger: logger, spool: try FileSpool(path: options.folder + "/spool"),
            masterKeys: masterKeys, files: store, reached: CrashTrial.observer)
        if !isRestoring,
            let doubt = try await InstanceMark(folder: options.folder).doubt(of: store, random: SystemRandom())
        {
            core.hold.begin()
            var logger = logger
            if options.isTrial { logger.logLevel = .critical }
            logger.log(
                level: options.isTrial ? .debug : .critical,
                "Refreshes are held, because this store may be in use elsewhere too. If it is the only one: credence restore claim",
                metadata: ["why": "\(doubt)"])
        }
        try await core.prepare()
        return Service(options: options, core: core, store: store, fatal: fatal, logger: logger)
    }

    // MARK: Reaching a service

    /// What a verb may wait for.
    enum Work: Sendable {
        case none, devices, keys
    }

    /// The service that runs on this folder, over its admin socket; where none runs, one for the length of the verb.
    /// - Parameter work: what the verb waits for, and does itself where no service does it.
    static func reach<Value: Sendable>(
        _ options: ServiceOptions, meanwhile work: Work, _ body: @escaping @Sendable (API) async throws -> Value
    ) async throws -> Value {
        try await explained {
            try DataFolder.check(options.folder)
            var options = options
            options.publicURL = options.publicURL ?? options.rememberedPublicURL
            var logger = Logger(label: "credence", factory: { StreamLogHandler.standardError(label: $0) })
            logger.logLevel = .error
            // Another verb may hold the folder for a moment; a service holds it for good, and answers.
            for attempt in 0..<50 {
                do {
                    return try await open(options, logger: logger).forOneVerb(meanwhile: work, body)
                } catch let failure as StoreFailure where failure.code == .busy {
                    guard PrivateFile.exists(options.socketPath) else {
                        try await Task.sleep(for: .milliseconds(100))
                        continue
                    }
                    do {
                        return try await API.over(socket: options.socketPath, body)
                    } catch let failure as CommandFailure
                        where failure.exit == .tryLater && failure.isUnreachable && attempt < 49
                    {
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }
            }
            throw CommandFailure(.tryLater, "Another process holds \(options.folder) and does not answer; try again.")
        }
    }

    /// Listens on the admin socket alone, so that a verb goes the same way with and without a running service.
    private func forOneVerb<Value: Sendable>(
        meanwhile work: Work, _ body: @escaping @Sendable (API) async throws -> Value
    ) async throws -> Value {
        let (running, ready) = AsyncStream<Void>.makeStream()
        let socket = try adminApplication { ready.finish() }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: socket)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        let server = Task {
            defer { ready.finish() }
            try await group.run()
        }
        for await _ in running {}
        let working = Task {
            switch work {
            case .none: break
            case .devices: await core.pollDevices()
            case .keys: await core.keys.run(isForOneVerb: true)
            }
        }
        let result: Result<Value, any Error>
        do { result = .success(try await API.over(socket: options.socketPath, body)) } catch {
            result = .failure(error)
        }
        working.cancel()
        await working.value
        await group.triggerGracefulShutdown()
        let ended = await server.result
        // A refresh that has begun is stored, also when the verb was interrupted: its token is spent.
        await core.drain()
        store.close()
        if case .failure(let failure as CommandFailure) = result, failure.isUnreachable { try ended.get() }
        return try result.get()
    }

    // MARK: Running

    /// Serves until SIGTERM or SIGINT; then no new request is taken, and refreshes under way are finished and stored.
    func run(
        server: HTTPServerBuilder, listen: ListenAddress, scheme: String, metrics: MetricsRegistry,
        certificate: ServedCertificate? = nil
    ) async throws {
        let management = try ListenAddress(options.managementListen, option: "--management-listen")
        let listening = Listening(count: 3)
        let site = Site(publicURL: options.publicURL ?? ServiceOptions.unknownPublicURL)
        let api = Application(
            responder: try BrokerResponder(
                core: core, authentication: .keys(core.callers), site: site, work: maintenanceWork, logger: logger),
            server: server, configuration: .init(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: { _ in await listening.one() }, logger: quiet)
        let socket = try adminApplication { await listening.one() }
        let health = Application(
            responder: ManagementResponder(
                metrics: metrics,
                isHealthy: { [store, core] in await store.isWritable() && core.unwrittenCredentials == 0 }),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(address: .hostname(management.host, port: management.port)),
            onServerRunning: { _ in await listening.one() }, logger: quiet)

        try core.audit.record(AuditEvent(at: core.clock.now, action: .serviceStart, caller: "credence"))
        options.rememberPublicURL()
        for name in try await core.missingProfiles() {
            logger.error(
                "Clients or connections need a profile that is not here, and fail. Give its folder with --providers",
                metadata: ["provider": "\(name)"])
        }
        // A store in doubt stays as it is, so that the next start doubts it as well.
        if !core.hold.isHeld { try await InstanceMark(folder: options.folder).started(store) }
        let announce = Announcement(listening: listening, line: "listening on \(scheme)://\(listen.text)")
        var configuration = ServiceGroupConfiguration(
            services: [
                // They end in the opposite order: no new refresh, no new request, then the refreshes under way.
                .init(service: Draining(core: core)), .init(service: health), .init(service: socket),
                .init(service: api), .init(service: announce), .init(service: BackgroundWork(core: core)),
                .init(service: fatal, failureTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        if let certificate {
            configuration.services.append(
                .init(service: CertificateReloading(certificate: certificate, logger: logger)))
        }
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw CommandFailure(
                .failed,
                "An address cannot be listened on: \(error.description). Is another service running there? See --listen and --management-listen."
            )
        }
        try? core.audit.record(AuditEvent(at: core.clock.now, action: .serviceStop, caller: "credence"))
        try? core.audit.publishHead(at: core.clock.now)
        store.close()
    }

    private func adminApplication(_ onRunning: @escaping @Sendable () async -> Void) throws -> some ServiceLifecycle
        .Service
    {
        // sun_path of unix(7) holds 108 bytes with its end.
        guard options.socketPath.utf8.count < 108 else {
            throw CommandFailure(
                .failed,
                "The path of the admin socket, \(options.socketPath), is longer than a socket's may be: choose a shorter data folder."
            )
        }
        return Application(
            responder: try BrokerResponder(
                core: core,
                authentication: .peer(core.callers, allowedUsers: [0, getuid()], local: Self.local),
                site: Site(publicURL: options.publicURL ?? ServiceOptions.unknownPublicURL), work: maintenanceWork,
                logger: logger),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(address: .unixDomainSocket(path: options.socketPath)),
            onServerRunning: { _ in await onRunning() }, logger: quiet)
    }

    /// The HTTP server's own log says little that an operator needs.
    private var quiet: Logger {
        var logger = Logger(label: "credence.http", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .critical
        return logger
    }

    /// One line that says what to do, in place of a dump of the error.
    static func explained<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as CommandFailure {
            throw failure
        } catch let failure as StoreFailure {
            throw CommandFailure(failure.code == .busy ? .tryLater : .failed, failure.detail)
        } catch let failure as SealingError {
            throw CommandFailure(.failed, "\(failure)")
        } catch let failure as AuditFailure {
            throw CommandFailure(.failed, failure.description)
        } catch let failure as BrokerError {
            throw CommandFailure(.failed, failure.detail)
        }
    }
}
