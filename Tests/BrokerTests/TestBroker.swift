import BrokerTesting
import Logging
import OAuth
import ProviderProfiles
import Sealing
import Testing

@testable import Broker

/// The broker over the doubles: nothing here sleeps, dials or reads a clock of its own.
struct TestBroker {
    static let connection = Identifier<Connection>("crm")!
    static let client = Identifier<RegisteredClient>("app")!

    let store = MemoryStore()
    let exchange = ScriptedExchange()
    let clock = ManualClock()
    let audit = RecordingAudit()
    let log = CapturedLog()
    let spool = MemorySpool()
    let sealing: GrantSealing
    let core: BrokerCore
    /// The same parts as another process would open them after the end of this one.
    let restart: @Sendable () -> BrokerCore
    private let make: @Sendable (KeyRing, MasterKeys) -> BrokerCore
    let masterKey: FixedMasterKey
    /// As the composition would have stored it; most tests need none in the store.
    let storedRing: StoredKeyRing
    let admin = Caller(id: .init("root")!, role: .admin, createdAt: Timestamp(seconds: 0))
    let runtime = Caller(id: .init("bot")!, role: .runtime, createdAt: Timestamp(seconds: 0))

    /// - Parameter profile: more members of the provider `acme`, as JSON.
    /// - Parameter server: more members of its `authorization_server`.
    init(
        profile: String = "", server: String = "", policy: (inout RefreshPolicy) -> Void = { _ in },
        returns: Set<String> = [], random: any RandomSource = SeededRandom()
    ) throws {
        let masterKey = FixedMasterKey(key: try MasterKey(.random(32)))
        let (keyRing, wrapped) = try KeyRing.create(masterKey: masterKey.key)
        self.masterKey = masterKey
        storedRing = StoredKeyRing(checkValue: try masterKey.key.checkValue(), dataKeys: wrapped)
        sealing = GrantSealing(keyRing: keyRing)
        var configuration = BrokerCore.Configuration(publicURL: "https://broker.example")
        configuration.allowedReturns = returns
        // The clock stands still: who waits for his turn would wait for ever.
        configuration.policy.ratePerHost = 0
        policy(&configuration.policy)
        let catalog = ProviderCatalog(try ProviderCatalog.load().all + [Self.acme(profile, server), Self.gated()])
        let make = { @Sendable [store, exchange, audit, clock, log, spool, configuration] (keyRing, masterKeys) in
            BrokerCore(
                configuration: configuration, store: store, keyRing: keyRing, catalog: catalog, exchange: exchange,
                audit: audit, clock: clock, random: random, logger: log.logger, spool: spool,
                masterKeys: masterKeys)
        }
        self.make = make
        let restart = { @Sendable in make(keyRing, MasterKeys(current: masterKey)) }
        core = restart()
        self.restart = restart
    }

    /// What another process makes of what is stored: it opens the key ring anew.
    func reopened(with masterKeys: MasterKeys? = nil) async throws -> (core: BrokerCore, sealing: GrantSealing) {
        let masterKeys = masterKeys ?? MasterKeys(current: masterKey)
        let stored = try #require(try await store.keyRing())
        let masterKey = try await masterKeys.wrapping(keyCheck: stored.checkValue)
        let ring = try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
        return (make(ring, masterKeys), GrantSealing(keyRing: ring))
    }

    /// An API behind a gateway that wants a key of its own beside the access token.
    private static func gated() throws -> ProviderProfile {
        let text = """
            {"provider": "gated", "title": "Gated", "kind": "oauth2",
             "fields": [{"name": "gateway_key", "title": "Gateway key", "of": "connection", "secret": true, "required": true},
                        {"name": "region", "title": "Region", "of": "client", "required": true}],
             "authorization_server": {"issuer": "https://as.example",
               "authorization_endpoint": "https://as.example/authorize", "token_endpoint": "https://as.example/token"},
             "apply": {"headers": {"Authorization": "Bearer {access_token}", "X-Gateway-Key": "{gateway_key}"}},
             "hosts": ["{region}.api.example"]}
            """
        return try ProviderProfile.decode(Array(text.utf8), file: "gated.json", allowHTTP: false).get()
    }

    private static func acme(_ more: String, _ server: String) throws -> ProviderProfile {
        let text = """
            {"provider": "acme", "title": "Acme", "kind": "oauth2",
             "fields": [{"name": "region", "title": "Region", "default": "eu", "pattern": "[a-z]{2}", "of": "connection"}],
             "authorization_server": {\(server)
               "issuer": "https://as.example", "authorization_endpoint": "https://as.example/authorize",
               "token_endpoint": "https://as.example/token", "revocation_endpoint": "https://as.example/revoke"
               \(more.contains("#iss") ? #","authorization_response_iss_parameter_supported": true"# : "")},
             "scopes": {"default": ["basic"], "separator": " "},
             \(more.split(separator: "#").first.map { $0.isEmpty || $0 == "iss" ? "" : "\($0)," } ?? "")
             "apply": {"headers": {"Authorization": "Bearer {access_token}"}}, "hosts": ["{region}.api.example"]}
            """
        return try ProviderProfile.decode(Array(text.utf8), file: "acme.json", allowHTTP: false).get()
    }

    // MARK: Records

    @discardableResult
    func addClient(
        _ id: ClientID = client, provider: String = "acme", method: String? = nil, fields: [String: String] = [:],
        scopes: [String] = [], secret: Secret? = Secret("client-secret"),
        _ change: (inout ClientRequest) -> Void = { _ in }
    ) async throws -> RegisteredClient {
        var request = ClientRequest(provider: provider, clientID: "our-id")
        request.id = id
        request.authenticationMethod = method
        request.fields = fields
        request.scopes = scopes
        request.secret = secret.map { .secret($0) }
        change(&request)
        return try await core.clients.add(request, by: admin)
    }

    /// A connection that was consented to ten minutes ago, with `access-1` and `refresh-1`.
    @discardableResult
    func addConnected(
        _ id: ConnectionID = connection, labels: [String: String] = [:], lifetime: Duration? = .seconds(3600),
        left: Duration = .seconds(3000), refreshToken: String? = "refresh-1",
        _ change: (inout StoredConnection) -> Void = { _ in }
    ) async throws -> StoredConnection {
        if try await store.client(Self.client) == nil { try await addClient() }
        let expiresAt = lifetime == nil ? nil : clock.now + left
        var stored = StoredConnection(
            connection: Connection(
                id: id, provider: "acme", client: Self.client, kind: .oauth2, labels: labels, createdAt: clock.now,
                updatedAt: clock.now),
            grant: Grant(
                version: 1,
                credential: try sealing.seal(
                    .oauth2(accessToken: Secret("access-1"), tokenType: "Bearer"), for: id, version: 1),
                refresh: try refreshToken.map { try sealing.seal(refreshToken: Secret($0), for: id, version: 1) },
                scopes: ["read"], issuedAt: expiresAt.flatMap { at in lifetime.map { at - $0 } } ?? clock.now,
                expiresAt: expiresAt))
        change(&stored)
        #expect(try await store.insert(stored))
        return stored
    }

    /// One whose credential has run out, so that the next read must refresh.
    @discardableResult
    func addExpired(_ change: (inout StoredConnection) -> Void = { _ in }) async throws -> StoredConnection {
        try await addConnected(left: .seconds(-1), change)
    }

    func stored(_ id: ConnectionID = connection) async throws -> StoredConnection {
        try #require(try await store.connection(id))
    }

    func refreshToken(_ id: ConnectionID = connection) async throws -> String? {
        try sealing.refreshToken(of: try await stored(id))?.reveal()
    }

    func accessToken(_ id: ConnectionID = connection) async throws -> String? {
        try sealing.material(of: try await stored(id))?.principalSecret.reveal()
    }

    // MARK: Calls

    /// What a runtime gets: the document that is handed out.
    func read(
        _ id: ConnectionID = connection, by caller: Caller? = nil, minTTL: Duration? = nil
    ) async throws(BrokerError) -> JSONObject {
        let caller = caller ?? runtime
        if let entry = core.credentials.warm(id, for: caller, minTTL: minTTL) { return try handOut(entry, to: caller) }
        return try handOut(try await core.credentials.current(id, for: caller, minTTL: minTTL), to: caller)
    }

    func handOut(_ entry: CachedCredential, to caller: Caller? = nil) throws(BrokerError) -> JSONObject {
        var bytes: [UInt8] = []
        try core.credentials.handOut(entry, to: caller ?? runtime) { count, fill throws(SealingError) in
            bytes = Array(repeating: 0, count: count)
            var failure: SealingError?
            let filled = bytes.withUnsafeMutableBytes { buffer -> Int in
                do throws(SealingError) { return try fill(buffer) } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            #expect(filled == count)
        }
        guard case .object(let object)? = try? JSONReader.read(bytes) else {
            throw .internalError("not a document: \(String(decoding: bytes, as: UTF8.self))")
        }
        return object
    }

    /// Waits for the refresh under way, or begins one.
    @discardableResult
    func fly(_ occasion: RefreshOccasion = .replacing(version: 1), _ id: ConnectionID = connection) async throws
        -> RefreshOutcome
    {
        try await #require(await core.refresher.flight(for: id, occasion)).value
    }

    func tokenRequests() -> [Parameters] {
        exchange.requests.filter { $0.url.path == "/token" }.compactMap { try? Parameters(formURLEncoded: $0.body) }
    }
}

/// A master key that is at hand.
struct FixedMasterKey: MasterKeySource {
    let key: MasterKey

    func masterKey() async throws(SealingError) -> MasterKey { key }
}

extension ScriptedExchange.Outcome {
    /// A token response; members that are nil are left out.
    static func token(
        _ access: String = "access-2", refresh: String? = "refresh-2", expiresIn: Int? = 3600, scope: String? = nil
    ) -> Self {
        var members: [(String, JSONValue)] = [("access_token", .string(access)), ("token_type", .string("Bearer"))]
        if let refresh { members.append(("refresh_token", .string(refresh))) }
        if let expiresIn { members.append(("expires_in", .number(JSONNumber(expiresIn)))) }
        if let scope { members.append(("scope", .string(scope))) }
        return .json(JSONValue.object(JSONObject(members)).serialized())
    }

    static func error(_ code: String, status: Int = 400) -> Self { .json(#"{"error":"\#(code)"}"#, status: status) }

    static let timeout = Self.failure(ExchangeFailure(.timedOut, detail: "no answer", mayHaveArrived: true))
}

extension JSONObject {
    func text(_ name: String) -> String? {
        guard case .string(let text)? = self[name] else { return nil }
        return text
    }

    func int(_ name: String) -> Int? {
        guard case .number(let number)? = self[name] else { return nil }
        return number.int
    }

    func object(_ name: String) -> JSONObject? {
        guard case .object(let object)? = self[name] else { return nil }
        return object
    }
}

/// The error of a call that must fail.
func failure<Value>(
    of call: () async throws(BrokerError) -> Value, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> BrokerError {
    let error: BrokerError?
    do {
        _ = try await call()
        error = nil
    } catch let thrown {
        error = thrown
    }
    return try #require(error, "the call did not fail", sourceLocation: sourceLocation)
}
