import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

struct CurrentCredentialTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    // MARK: The document

    @Test("The document is contract.md's: RFC 6749 §5.1's members, headers ready to use, hosts, version")
    func document() async throws {
        try await broker.addConnected { $0.grant.attributes = ["tenant": "t-1"] }
        let document = try await broker.read()
        #expect(
            document.names == [
                "connection", "provider", "kind", "access_token", "token_type", "expires_at", "scope", "headers",
                "query",
                "hosts", "attributes", "version", "expires_in",
            ])
        #expect(document.text("connection") == "crm")
        #expect(document.text("kind") == "oauth2")
        #expect(document.text("scope") == "read")
        #expect(document.int("expires_in") == 3000)
        #expect(document.text("expires_at") == (broker.clock.now + .seconds(3000)).iso8601)
        #expect(document.object("headers")?.text("Authorization") == "Bearer access-1")
        #expect(document["hosts"] == .array([.string("eu.api.example")]))
        #expect(document.object("attributes")?.text("tenant") == "t-1")
        #expect(document.int("version") == 1)
    }

    @Test("expires_in is counted at each read, and the refresh token is in none of them")
    func expiresIn() async throws {
        try await broker.addConnected()
        _ = try await broker.read()
        broker.clock.advance(by: .milliseconds(1500))
        let document = try await broker.read()
        #expect(document.int("expires_in") == 2998)
        #expect(!JSONValue.object(document).serialized().contains("refresh-1"))
    }

    @Test("An unknown lifetime has no expiry in the document, and is good for any min_ttl")
    func unknownLifetime() async throws {
        try await broker.addConnected(lifetime: nil)
        let document = try await broker.read(minTTL: .seconds(86_400))
        #expect(document["expires_in"] == nil)
        #expect(document["expires_at"] == nil)
    }

    private func setByHand(_ provider: String, _ fields: [String: String], _ secret: SecretValue) async throws
        -> JSONObject
    {
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = provider
        request.fields = fields
        request.secret = secret
        let made = try await broker.core.connections.create(request, by: broker.admin)
        #expect(made.consent == nil)
        return try await broker.read()
    }

    @Test("An API key goes into the default header")
    func apiKey() async throws {
        let document = try await setByHand("api-key", [:], .apiKey(Secret("k-1")))
        #expect(document.text("api_key") == "k-1")
        #expect(document.object("headers") == JSONObject([("X-API-Key", .string("k-1"))]))
        #expect(document.object("query") == JSONObject([]))
        #expect(document["expires_in"] == nil)
    }

    @Test("An API key goes into the header, behind the prefix, for the hosts that the connection names")
    func apiKeyPrefix() async throws {
        let document = try await setByHand(
            "api-key", ["header": "Authorization", "prefix": "Token ", "hosts": "a.example, b.example"],
            .apiKey(Secret("k-1")))
        #expect(document.object("headers") == JSONObject([("Authorization", .string("Token k-1"))]))
        #expect(document["hosts"] == .array([.string("a.example"), .string("b.example")]))
    }

    @Test("An API key goes into the query, and then into no header")
    func apiKeyQuery() async throws {
        let document = try await setByHand("api-key", ["query": "key"], .apiKey(Secret("k-1")))
        #expect(document.object("headers") == JSONObject([]))
        #expect(document.object("query") == JSONObject([("key", .string("k-1"))]))
    }

    @Test("Basic comes with user name, password and the header of RFC 7617")
    func basic() async throws {
        let document = try await setByHand("basic", [:], .basic(username: "Aladdin", password: Secret("open sesame")))
        #expect(document.text("username") == "Aladdin")
        #expect(document.text("password") == "open sesame")
        #expect(document.object("headers")?.text("Authorization") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    }

    // MARK: Warm and cold

    @Test("After one cold read, a thousand warm ones ask no store")
    func warm() async throws {
        try await broker.addConnected()
        _ = try await broker.read()
        let before = MemoryStore.Call.allCases.map { broker.store.count(of: $0) }
        for _ in 0..<1000 { _ = try await broker.read() }
        #expect(MemoryStore.Call.allCases.map { broker.store.count(of: $0) } == before)
        #expect(broker.audit.events.filter { $0.action == .credentialRead }.count == 1001)
    }

    @Test("min_ttl more than what is left refreshes")
    func minTTL() async throws {
        try await broker.addConnected(left: .seconds(600))
        #expect(try await broker.read(minTTL: .seconds(599)).int("version") == 1)
        broker.exchange.expect(.token())
        #expect(try await broker.read(minTTL: .seconds(600)).int("version") == 2)
    }

    @Test("Without min_ttl, the last 30 seconds refresh")
    func defaultMinTTL() async throws {
        try await broker.addConnected(left: .seconds(31))
        #expect(try await broker.read().int("version") == 1)
        broker.clock.advance(by: .seconds(1))
        broker.exchange.expect(.token())
        #expect(try await broker.read().int("version") == 2)
    }

    @Test("A credential without refresh token is served to its end, however long was asked for, and not beyond")
    func withoutRefreshToken() async throws {
        try await broker.addConnected(left: .seconds(10), refreshToken: nil)
        #expect(try await broker.read(minTTL: .seconds(300)).text("access_token") == "access-1")
        broker.clock.advance(by: .seconds(10))
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .reauthorizationRequired)
        #expect(error.reason == "expired")
        #expect(error.actor == .owner)
    }

    // MARK: Refusals

    @Test("A connection nobody has consented to says so")
    func pending() async throws {
        try await broker.addConnected { $0.grant = Grant() }
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .reauthorizationRequired)
        #expect(error.reason == "pending")
    }

    @Test("A disabled connection hands out nothing, at once, and is back when it is enabled")
    func disabled() async throws {
        try await broker.addConnected()
        _ = try await broker.read()
        _ = try await broker.core.connections.setDisabled(true, TestBroker.connection, by: broker.admin)
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .connectionDisabled)
        _ = try await broker.core.connections.setDisabled(false, TestBroker.connection, by: broker.admin)
        #expect(try await broker.read().int("version") == 1)
    }

    private let stranger = Caller(
        id: .init("stranger")!, role: .runtime, labels: ["team": "blue"], createdAt: Timestamp(seconds: 0))

    @Test("I1: somebody else's connection answers as one that does not exist, warm and cold", arguments: [false, true])
    func othersConnection(warm: Bool) async throws {
        try await broker.addConnected()
        if warm { _ = try await broker.read() }
        let theirs = try await failure { () throws(BrokerError) in try await broker.read(by: stranger) }
        let absent = try await failure { () throws(BrokerError) in try await broker.read(.init("none")!, by: stranger) }
        #expect(theirs.code == .notFound)
        #expect(String(reflecting: theirs) == String(reflecting: absent))
        let forced = try await failure { () throws(BrokerError) in
            try await broker.core.credentials.refresh(TestBroker.connection, for: stranger, rejected: nil)
        }
        #expect(String(reflecting: forced) == String(reflecting: absent))
    }

    @Test("A label taken away takes the credential away, also from memory")
    func labelTakenAway() async throws {
        try await broker.addConnected(labels: ["team": "blue"])
        #expect(try await broker.read(by: stranger).int("version") == 1)
        var edit = ConnectionEdit()
        edit.labels = ["team": "red"]
        _ = try await broker.core.connections.edit(TestBroker.connection, edit, by: broker.admin)
        #expect(try await failure { () throws(BrokerError) in try await broker.read(by: stranger) }.code == .notFound)
    }

    @Test("I28: no audit line, no secret, warm or cold")
    func auditUnavailable() async throws {
        try await broker.addConnected()
        broker.audit.fail(with: AuditFailure("The disk is full."))
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .auditUnavailable)
        #expect(broker.core.credentials.warm(TestBroker.connection, for: broker.runtime, minTTL: nil) != nil)
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .auditUnavailable)
    }

    @Test("I28: the line names caller, connection and version, and comes before the bytes")
    func auditLine() async throws {
        try await broker.addConnected()
        let entry = try await broker.core.credentials.current(TestBroker.connection, for: broker.runtime, minTTL: nil)
        #expect(broker.audit.events.allSatisfy { $0.action != .credentialRead })
        try broker.core.credentials.handOut(entry, to: broker.runtime) { [broker] _, _ throws(SealingError) in
            #expect(broker.audit.events.last?.action == .credentialRead)
        }
        let event = try #require(broker.audit.events.last)
        #expect(event.caller == "bot")
        #expect(event.connection == "crm")
        #expect(event.version == 1)
        #expect(event.result == "ok")
    }

    @Test("S1: a damaged box fails its own connection and no other")
    func damagedBox() async throws {
        try await broker.addConnected { stored in
            guard var bytes = stored.grant.credential?.bytes else { return }
            bytes[bytes.count - 1] ^= 1
            stored.grant.credential = try? SealedBox(bytes)
        }
        try await broker.addConnected(.init("sound")!)
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .internalError)
        #expect(try await broker.read(.init("sound")!).int("version") == 1)
    }

    @Test("S2: a box of another connection does not open here")
    func swappedBox() async throws {
        let other = try await broker.addConnected(.init("other")!)
        try await broker.addConnected { $0.grant.credential = other.grant.credential }
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .internalError)
    }

    @Test("A store that cannot be read fails what is cold and not what is warm")
    func storeDown() async throws {
        try await broker.addConnected()
        try await broker.addConnected(.init("cold")!)
        _ = try await broker.read()
        broker.store.failNext(.connection, with: StoreFailure(.unreachable, "gone"))
        #expect(try await broker.read().int("version") == 1)
        #expect(
            try await failure { () throws(BrokerError) in try await broker.read(.init("cold")!) }.code
                == .storeUnavailable)
    }

    // MARK: What is in memory

    @Test("A new secret is handed out at once")
    func setSecret() async throws {
        _ = try await setByHand("api-key", [:], .apiKey(Secret("k-1")))
        _ = try await broker.core.connections.setSecret(
            SecretChange(.apiKey(Secret("k-2"))), of: TestBroker.connection, by: broker.admin)
        let document = try await broker.read()
        #expect(document.text("api_key") == "k-2")
        #expect(document.int("version") == 2)
    }

    @Test("A deleted connection is gone from memory as well")
    func deleted() async throws {
        try await broker.addConnected()
        _ = try await broker.read()
        broker.exchange.expect(.json(""))
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .notFound)
    }
}
