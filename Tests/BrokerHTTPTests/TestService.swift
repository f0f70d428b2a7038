import Broker
import BrokerHTTP
import BrokerTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import OAuth
import ProviderProfiles
import Sealing
import Testing

/// The API in this process, over the doubles: memory store, scripted exchange, manual clock.
struct TestService {
    let core: BrokerCore
    let store: MemoryStore
    let exchange: ScriptedExchange
    let audit: RecordingAudit
    let clock: ManualClock
    /// A key of each role, without rules.
    let keys: [Caller.Role: String]
    let client: any TestClientProtocol

    static let publicURL = "https://credence.test"
    static let returnTo = "https://app.test/done?tab=1"
    static let operatorCaller = Caller(id: CallerID("test")!, role: .admin, createdAt: Timestamp(seconds: 0))

    /// Runs the service for the length of the body.
    static func run(
        publicURL: String = publicURL, _ body: @escaping @Sendable (TestService) async throws -> Void
    ) async throws {
        let store = MemoryStore()
        let exchange = ScriptedExchange()
        let audit = RecordingAudit()
        let clock = ManualClock()
        let masterKey = try MasterKey(SecretBytes.random(32))
        var configuration = BrokerCore.Configuration(publicURL: publicURL)
        configuration.allowedReturns = [returnTo]
        let core = BrokerCore(
            configuration: configuration, store: store, keyRing: try KeyRing.create(masterKey: masterKey).0,
            catalog: try ProviderCatalog.load(), exchange: exchange, audit: audit, clock: clock, random: SeededRandom(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var keys: [Caller.Role: String] = [:]
        for role in Caller.Role.allCases {
            keys[role] = try await core.callers.add(
                CallerID(role.rawValue), role: role, connections: [], labels: [:], by: operatorCaller
            ).key
        }
        let responder = try BrokerResponder(
            core: core, authentication: .keys(core.callers), site: Site(publicURL: publicURL),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let application = Application(responder: responder)
        try await application.test(.router) { [keys] client in
            try await body(
                TestService(
                    core: core, store: store, exchange: exchange, audit: audit, clock: clock, keys: keys, client: client
                ))
        }
    }

    private init(
        core: BrokerCore, store: MemoryStore, exchange: ScriptedExchange, audit: RecordingAudit, clock: ManualClock,
        keys: [Caller.Role: String], client: any TestClientProtocol
    ) {
        self.core = core
        self.store = store
        self.exchange = exchange
        self.audit = audit
        self.clock = clock
        self.keys = keys
        self.client = client
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let text: String

        var json: JSONValue? { try? JSONReader.read(Array(text.utf8)) }

        subscript(name: String) -> String? {
            guard case .object(let members)? = json, case .string(let text)? = members[name] else { return nil }
            return text
        }
    }

    func call(
        _ method: HTTPRequest.Method, _ path: String, as role: Caller.Role? = nil, key: String? = nil,
        headers: HTTPFields = [:], body: String? = nil
    ) async throws -> Answer {
        var headers = headers
        if let key = key ?? role.flatMap({ keys[$0] }) { headers[.authorization] = "Bearer \(key)" }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        return Answer(
            status: response.status.code, headers: response.headers, text: String(buffer: response.body))
    }

    /// An OAuth client and a pending connection; returns the path of its consent link.
    func addConsentConnection(_ id: String = "c1", owner: String? = nil) async throws -> String {
        let added = try await call(
            .post, "/v1/clients", as: .admin,
            body:
                #"{"id":"app-\#(id)","provider":"oauth2","client_id":"abc","secret":"s3cret","fields":{"authorization_endpoint":"https://as.test/authorize","token_endpoint":"https://as.test/token"}}"#
        )
        #expect(added.status == 201, "\(added.text)")
        let owner = owner.map { #","owner":"\#($0)""# } ?? ""
        let made = try await call(
            .post, "/v1/connections", as: .app,
            body: #"{"id":"\#(id)","client":"app-\#(id)","scopes":["read"]\#(owner)}"#)
        #expect(made.status == 201, "\(made.text)")
        guard case .string(let url)? = made.json?[path: "consent.url"] else { return "" }
        return String(url.dropFirst(Self.publicURL.count))
    }
}
