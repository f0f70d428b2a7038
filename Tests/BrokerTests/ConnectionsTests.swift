import BrokerTesting
import OAuth
import Testing

@testable import Broker

struct ConnectionsTests {
    private let broker: TestBroker
    private var connections: Connections { broker.core.connections }

    init() throws {
        broker = try TestBroker()
    }

    private func create(
        by caller: Caller? = nil, _ change: (inout ConnectionRequest) -> Void = { _ in }
    ) async throws(BrokerError) -> StoredConnection {
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "api-key"
        change(&request)
        return try await connections.create(request, by: caller ?? broker.admin).connection
    }

    private func refused(_ change: (inout ConnectionRequest) -> Void) async throws -> BrokerError {
        let error = try await failure { () throws(BrokerError) in try await create(change) }
        #expect(try await broker.store.connection(TestBroker.connection) == nil)
        return error
    }

    private func app(connections: Set<ConnectionID> = [], labels: [String: String] = [:]) -> Caller {
        Caller(id: .init("portal")!, role: .app, connections: connections, labels: labels, createdAt: broker.clock.now)
    }

    @Test("Without an ID a connection gets one nobody can guess")
    func randomID() async throws {
        let made = try await create { $0.id = nil }
        #expect(made.id.string.utf8.count == 32)
    }

    @Test("With a secret a connection is active at once, without one it waits")
    func active() async throws {
        #expect(try await create { $0.id = .init("waits") }.status(at: broker.clock.now) == .pending)
        #expect(try await create { $0.secret = .apiKey(Secret("k")) }.status(at: broker.clock.now) == .active)
    }

    @Test("An ID is taken once, and the first stays as it was")
    func conflict() async throws {
        let first = try await create { $0.secret = .apiKey(Secret("k-1")) }
        let error = try await failure { () throws(BrokerError) in
            try await create { $0.secret = .apiKey(Secret("k-2")) }
        }
        #expect(error.code == .conflict)
        #expect(try await broker.stored() == first)
    }

    @Test("A provider is named, known, and fits the client")
    func provider() async throws {
        try await broker.addClient()
        #expect(try await refused { $0.provider = nil }.field == "provider")
        #expect(try await refused { $0.provider = "none" }.field == "provider")
        #expect(try await refused { $0.client = .init("none") }.field == "client")
        #expect(try await refused { $0.client = TestBroker.client }.field == "client")
    }

    @Test("A provider that needs a client takes its only one, and asks which when there are none or several")
    func onlyClient() async throws {
        #expect(try await refused { $0.provider = "acme" }.field == "client")
        try await broker.addClient()
        #expect(
            try await create { ($0.id, $0.provider) = (.init("first"), "acme") }.connection.client == TestBroker.client)
        try await broker.addClient(.init("second")!)
        #expect(try await refused { $0.provider = "acme" }.field == "client")
        #expect(try await create { ($0.provider, $0.client) = (nil, .init("second")) }.connection.provider == "acme")
    }

    @Test(
        "A field that is unknown, malformed or the client's own is refused",
        arguments: [
            ["colour": "red"], ["header": "X Y"], ["header": "X\r\nY"], ["query": "a=b"],
        ])
    func fields(fields: [String: String]) async throws {
        let error = try await refused { $0.fields = fields }
        #expect(error.field == "fields")
        #expect(error.detail.contains(fields.keys.first ?? "-"))
    }

    @Test(
        "A secret has the provider's shape",
        arguments: [
            ("api-key", SecretValue.basic(username: "u", password: Secret("p"))), ("basic", .apiKey(Secret("k"))),
            ("acme", .apiKey(Secret("k"))),
        ])
    func secretShape(provider: String, secret: SecretValue) async throws {
        try await broker.addClient()
        #expect(try await refused { ($0.provider, $0.secret) = (provider, secret) }.field == "secret")
    }

    @Test(
        "A secret is bounded and holds no control characters",
        arguments: [
            (SecretValue.apiKey(Secret("")), "secret.api_key"), (.apiKey(Secret("a\r\nb")), "secret.api_key"),
            (.apiKey(Secret(String(repeating: "x", count: 65_537))), "secret.api_key"),
        ])
    func apiKeyBounds(secret: SecretValue, field: String) async throws {
        #expect(try await refused { $0.secret = secret }.field == field)
    }

    @Test(
        "A user name has no colon (RFC 7617 §2), a password is not empty",
        arguments: [
            (SecretValue.basic(username: "a:b", password: Secret("p")), "secret.username"),
            (.basic(username: "a", password: Secret("")), "secret.password"),
            (.basic(username: "a\u{0}", password: Secret("p")), "secret.username"),
        ])
    func basicBounds(secret: SecretValue, field: String) async throws {
        #expect(try await refused { ($0.provider, $0.secret) = ("basic", secret) }.field == field)
    }

    @Test("Owner, labels and scopes are bounded")
    func bounds() async throws {
        for owner in ["", "a\nb", String(repeating: "x", count: 257)] {
            #expect(try await refused { $0.owner = owner }.field == "owner")
        }
        for labels in [
            ["": "x"], ["a:b": "x"], ["a=b": "x"], ["a": "x\u{1B}"], ["a": String(repeating: "x", count: 257)],
        ] {
            #expect(try await refused { $0.labels = labels }.field == "labels")
        }
        let many = Dictionary(uniqueKeysWithValues: (0...64).map { ("k\($0)", "v") })
        #expect(try await refused { $0.labels = many }.field == "labels")
        for scopes in [["a b"], [""], ["\""], Array(repeating: "s", count: 201)] {
            #expect(try await refused { $0.scopes = scopes }.field == "scopes")
        }
    }

    @Test("A link that cannot be made leaves no connection behind")
    func allOrNothing() async throws {
        try await broker.addClient()
        #expect(
            try await refused { ($0.provider, $0.returnTo) = ("acme", "https://evil.example") }.field == "return_to")
        broker.store.failNext(.insertTicket)
        #expect(try await refused { $0.provider = "acme" }.code == .storeUnavailable)
    }

    @Test("A caller makes only what its own rules let it see")
    func ownRules() async throws {
        let caller = app(labels: ["team": "blue"])
        await #expect(throws: BrokerError(.forbidden, "", actor: .caller)) { try await create(by: caller) }
        #expect(try await create(by: caller) { $0.labels = ["team": "blue"] }.id == TestBroker.connection)
    }

    @Test("Nothing is made without an audit line")
    func auditFails() async throws {
        broker.audit.fail(with: AuditFailure("The disk is full."))
        #expect(try await refused { $0.secret = .apiKey(Secret("k")) }.code == .auditUnavailable)
    }

    @Test("A list comes in pages, by ID, of what the caller may see")
    func pages() async throws {
        for number in 10..<35 {
            _ = try await create {
                $0.id = .init("c\(number)")
                $0.labels = ["team": number % 2 == 0 ? "blue" : "red"]
            }
        }
        let caller = app(labels: ["team": "blue"])
        var seen: [String] = []
        var cursor: ConnectionID?
        var rounds = 0
        repeat {
            let answer = try await connections.list(
                ConnectionFilter(now: broker.clock.now), after: cursor, limit: 4, for: caller)
            #expect(answer.page.count <= 4)
            seen += answer.page.map(\.id.string)
            cursor = answer.next
            rounds += 1
        } while cursor != nil && rounds < 20
        #expect(seen == stride(from: 10, to: 35, by: 2).map { "c\($0)" })
    }

    @Test("A list filters by status, label and provider")
    func filters() async throws {
        _ = try await create { ($0.labels, $0.secret) = (["team": "blue"], .apiKey(Secret("k"))) }
        _ = try await create { $0.id = .init("waits") }
        func ids(_ filter: ConnectionFilter) async throws -> [String] {
            try await connections.list(filter, after: nil, limit: 10, for: broker.admin).page.map(\.id.string)
        }
        let now = broker.clock.now
        #expect(try await ids(ConnectionFilter(now: now, status: .active)) == ["crm"])
        #expect(try await ids(ConnectionFilter(now: now, status: .pending)) == ["waits"])
        #expect(try await ids(ConnectionFilter(now: now, labels: ["team": "blue"])) == ["crm"])
        #expect(try await ids(ConnectionFilter(now: now, provider: "basic")).isEmpty)
    }

    @Test("I1: every act on somebody else's connection is answered as on one that does not exist")
    func others() async throws {
        _ = try await create { $0.secret = .apiKey(Secret("k")) }
        let stranger = app(connections: [.init("other")!])
        let id = TestBroker.connection
        let errors = [
            try await failure { () throws(BrokerError) in try await connections.connection(id, for: stranger) },
            try await failure { () throws(BrokerError) in try await connections.edit(id, ConnectionEdit(), by: stranger)
            },
            try await failure { () throws(BrokerError) in try await connections.setDisabled(true, id, by: stranger) },
            try await failure { () throws(BrokerError) in
                try await connections.setSecret(SecretChange(.apiKey(Secret("x"))), of: id, by: stranger)
            },
            try await failure { () throws(BrokerError) in
                try await connections.requestConsent(id, returnTo: nil, wishes: ConsentWishes(), by: stranger)
            },
            try await failure { () throws(BrokerError) in try await connections.delete(id, by: stranger) },
        ]
        #expect(errors.allSatisfy { String(reflecting: $0) == String(reflecting: BrokerError.noSuchConnection) })
        #expect(try await broker.stored().connection.revision == 1)
    }

    // MARK: Changing

    @Test("An edit changes what it names and nothing else")
    func edit() async throws {
        _ = try await create { ($0.owner, $0.labels) = ("anna", ["a": "1"]) }
        var edit = ConnectionEdit()
        edit.owner = .some(nil)
        edit.scopes = ["read"]
        let edited = try await connections.edit(TestBroker.connection, edit, by: broker.admin)
        #expect(edited.connection.owner == nil)
        #expect(edited.connection.scopes == ["read"])
        #expect(edited.connection.labels == ["a": "1"])
        #expect(edited.connection.revision == 2)
    }

    @Test("An edit may not take the connection out of the editor's own sight")
    func editOutOfSight() async throws {
        _ = try await create { $0.labels = ["team": "blue"] }
        var edit = ConnectionEdit()
        edit.labels = [:]
        let error = try await failure { () throws(BrokerError) in
            try await connections.edit(TestBroker.connection, edit, by: app(labels: ["team": "blue"]))
        }
        #expect(error.code == .forbidden)
        #expect(try await broker.stored().connection.labels == ["team": "blue"])
    }

    @Test("A secret is set by hand only where it is not consented to")
    func setSecret() async throws {
        try await broker.addConnected()
        let error = try await failure { () throws(BrokerError) in
            try await connections.setSecret(
                SecretChange(.apiKey(Secret("k"))), of: TestBroker.connection, by: broker.admin)
        }
        #expect(error.field == "secret")
        #expect(try await broker.accessToken() == "access-1")
    }

    @Test("I17: a key that no request could carry is refused, and the one that works stays")
    func keyThatFitsNoHeader() async throws {
        #expect(try await refused { $0.secret = .apiKey(Secret("é漢")) }.field == "secret")
        _ = try await create { $0.secret = .apiKey(Secret("works")) }
        let error = try await failure { () throws(BrokerError) in
            try await connections.setSecret(
                SecretChange(.apiKey(Secret("pässword"))), of: TestBroker.connection, by: broker.admin)
        }
        #expect(error.field == "secret" && error.detail.contains("ASCII") && !error.detail.contains("pässword"))
        #expect(try await broker.read().text("api_key") == "works")
    }

    @Test("Nobody consents to what is set by hand")
    func consentToKey() async throws {
        _ = try await create()
        let error = try await failure { () throws(BrokerError) in
            try await connections.requestConsent(
                TestBroker.connection, returnTo: nil, wishes: ConsentWishes(), by: broker.admin)
        }
        #expect(error.code == .invalidRequest)
    }

    // MARK: Ending

    @Test("Deletion revokes the refresh token at the provider (RFC 7009)")
    func revokes() async throws {
        try await broker.addConnected()
        broker.exchange.expect(.json(""))
        try await connections.delete(TestBroker.connection, by: broker.admin)
        let request = try #require(broker.exchange.requests.first)
        let form = try Parameters(formURLEncoded: request.body)
        #expect(request.url.path == "/revoke")
        #expect(form["token"] == "refresh-1")
        #expect(form["token_type_hint"] == "refresh_token")
    }

    @Test("Without a refresh token the access token is revoked")
    func revokesAccessToken() async throws {
        try await broker.addConnected(refreshToken: nil)
        broker.exchange.expect(.json(""))
        try await connections.delete(TestBroker.connection, by: broker.admin)
        let form = try Parameters(formURLEncoded: try #require(broker.exchange.requests.first).body)
        #expect(form["token"] == "access-1")
        #expect(form["token_type_hint"] == "access_token")
    }

    @Test("F24: a deletion stands although the revocation fails")
    func revocationFails() async throws {
        try await broker.addConnected()
        broker.exchange.expect(.timeout)
        try await connections.delete(TestBroker.connection, by: broker.admin)
        #expect(try await broker.store.connection(TestBroker.connection) == nil)
        #expect(broker.log.lines.contains { $0.contains("could not be revoked") })
    }
}

@Suite("A connection's fields")
struct ConnectionFieldsTests {
    @Test("a connection cannot set its client's fields, such as where the client's secret is sent")
    func clientFieldsStayTheClients() async throws {
        let broker = try TestBroker()
        let endpoints = [
            "authorization_endpoint": "https://as.example/authorize", "token_endpoint": "https://as.example/token",
        ]
        try await broker.addClient(provider: "oauth2", fields: endpoints)
        var request = ConnectionRequest()
        request.client = TestBroker.client
        request.fields = ["token_endpoint": "https://evil.example/token"]
        let refused = try await failure { () async throws(BrokerError) in
            try await broker.core.connections.create(request, by: broker.admin)
        }
        #expect(refused.code == .invalidRequest)
        #expect(refused.detail.contains("token_endpoint"))
    }

    @Test(
        "R19: a refresh token that ends within two weeks is told of, as long as the grant can still be renewed",
        arguments: [(15, false), (13, true), (0, true)])
    func endsSoon(days: Int, isTold: Bool) async throws {
        let broker = try TestBroker()
        let now = broker.clock.now
        let stored = try await broker.addConnected { $0.grant.refreshTokenExpiresAt = now + .seconds(days * 86_400) }
        #expect((stored.endsSoon(at: now) != nil) == isTold)
        var ended = stored
        ended.grant.reauthorization = .revoked
        #expect(ended.endsSoon(at: now) == nil, "there is more to say of it by then")
        var bare = stored
        bare.grant.refresh = nil
        #expect(bare.endsSoon(at: now) == nil)
    }
}
