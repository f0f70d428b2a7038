import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

struct ClientsTests {
    private let broker: TestBroker
    private var clients: Clients { broker.core.clients }

    init() throws {
        broker = try TestBroker()
    }

    private func refused(
        provider: String = "acme", clientID: String = "our-id", method: String? = nil, fields: [String: String] = [:],
        scopes: [String] = [], secret: Secret? = nil
    ) async throws -> BrokerError {
        var request = ClientRequest(provider: provider, clientID: clientID)
        request.id = TestBroker.client
        request.authenticationMethod = method
        request.fields = fields
        request.scopes = scopes
        request.secret = secret.map { .secret($0) }
        let error = try await failure { [request] () throws(BrokerError) in
            try await clients.add(request, by: broker.admin)
        }
        #expect(try await clients.all().isEmpty)
        return error
    }

    @Test("A client is stored with its secret sealed")
    func added() async throws {
        let client = try await broker.addClient()
        #expect(try await clients.client(TestBroker.client) == client)
        #expect(try broker.sealing.clientSecret(client.secrets[0], of: client.id) == Secret("client-secret"))
        #expect(broker.audit.events.last?.action == .clientCreate)
        #expect(broker.audit.events.last?.subject == "app")
    }

    @Test(
        "A provider that does not exist, or that takes no client, is the wrong provider",
        arguments: ["none", "api-key", "basic"])
    func wrongProvider(name: String) async throws {
        #expect(try await refused(provider: name).field == "provider")
    }

    @Test(
        "client_id is visible text of 1 to 1024 characters",
        arguments: ["", "a\nb", "é", "a\u{7F}", String(repeating: "x", count: 1025)])
    func wrongClientID(id: String) async throws {
        #expect(try await refused(clientID: id).field == "client_id")
    }

    @Test("An authentication method that is not spoken is refused", arguments: ["client_secret_foo", "basic", ""])
    func wrongMethod(method: String) async throws {
        #expect(try await refused(method: method).field == "auth")
    }

    @Test(
        "A field that the provider does not know, or that a connection fills in, is refused",
        arguments: ["colour", "region"])
    func wrongField(name: String) async throws {
        let error = try await refused(fields: [name: "eu"])
        #expect(error.field == "fields")
        #expect(error.detail.contains(name))
    }

    @Test(
        "Endpoints are https, and enough of them",
        arguments: [
            [:], ["authorization_endpoint": "https://as.example/a"], ["issuer": "http://as.example"],
            ["issuer": "as.example"],
        ])
    func wrongEndpoints(fields: [String: String]) async throws {
        #expect(try await refused(provider: "oauth2", fields: fields).field == "fields")
    }

    @Test("Scopes are scope-tokens (RFC 6749 §3.3)", arguments: ["a b", "", "a\"", "a\\", "é", "a\n"])
    func wrongScope(scope: String) async throws {
        #expect(try await refused(scopes: [scope]).field == "scopes")
    }

    @Test(
        "A secret is text of 1 to 4096 bytes without control characters",
        arguments: ["", "a\nb", String(repeating: "x", count: 4097)])
    func wrongSecret(secret: String) async throws {
        #expect(try await refused(secret: Secret(secret)).field == "secret")
    }

    @Test("An ID is taken once")
    func conflict() async throws {
        try await broker.addClient()
        await #expect(throws: BrokerError.conflict("")) { try await broker.addClient() }
    }

    @Test("A client that connections use is not removed; afterwards it is, once")
    func removal() async throws {
        try await broker.addConnected()
        let error = try await failure { () throws(BrokerError) in
            try await clients.remove(TestBroker.client, by: broker.admin)
        }
        #expect(error.code == .conflict)
        #expect(error.detail == "A connection still uses this client: remove it first.")
        _ = try await broker.store.delete(TestBroker.connection, owing: { _ in nil })
        try await clients.remove(TestBroker.client, by: broker.admin)
        await #expect(throws: BrokerError.notFound("client")) {
            try await clients.remove(TestBroker.client, by: broker.admin)
        }
    }

    // MARK: Secrets

    @Test("A new secret goes first and is the one that is sent; the old stays until it is removed")
    func rotation() async throws {
        try await broker.addClient(method: "client_secret_post")
        try await broker.addExpired()
        let added = try await clients.addSecret(.secret(Secret("second")), to: TestBroker.client, by: broker.admin)
        #expect(try await clients.client(TestBroker.client).secrets.map(\.number) == [added.number, 1])
        broker.exchange.expect(.token())
        _ = try await broker.read()
        #expect(broker.tokenRequests().last?["client_secret"] == "second")
        try await clients.removeSecret(1, from: TestBroker.client, by: broker.admin)
        #expect(try await clients.client(TestBroker.client).secrets.map(\.number) == [added.number])
        await #expect(throws: BrokerError.notFound("client secret")) {
            try await clients.removeSecret(1, from: TestBroker.client, by: broker.admin)
        }
    }

    @Test("A number never comes twice, so that a removed secret's box opens nowhere")
    func numbers() async throws {
        try await broker.addClient()
        let removed = try await clients.addSecret(.secret(Secret("second")), to: TestBroker.client, by: broker.admin)
        try await clients.removeSecret(removed.number, from: TestBroker.client, by: broker.admin)
        let added = try await clients.addSecret(.secret(Secret("third")), to: TestBroker.client, by: broker.admin)
        #expect(added.number != removed.number)
        let swapped = ClientSecret(number: added.number, box: removed.box, createdAt: added.createdAt)
        #expect(throws: SealingError.self) { try broker.sealing.clientSecret(swapped, of: TestBroker.client) }
    }

    @Test("Ten secrets are enough")
    func tenSecrets() async throws {
        try await broker.addClient()
        for _ in 2...10 {
            _ = try await clients.addSecret(.secret(Secret("s")), to: TestBroker.client, by: broker.admin)
        }
        await #expect(throws: BrokerError.conflict("")) {
            try await clients.addSecret(.secret(Secret("s")), to: TestBroker.client, by: broker.admin)
        }
    }

    // MARK: How it authenticates

    @Test(
        "A client without a method of its own takes the first that is spoken; one without a secret is public",
        arguments: [
            (Secret?.some(Secret("s")), nil, "basic"), (nil, nil, "none"), (Secret("s"), "client_secret_post", "post"),
            (Secret("s"), "none", "none"),
        ] as [(Secret?, String?, String)])
    func authentication(secret: Secret?, method: String?, expected: String) async throws {
        try await broker.addClient(method: method, secret: secret)
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let form = try #require(broker.tokenRequests().first)
        #expect((form["client_secret"] != nil) == (expected == "post"))
        #expect((form["client_id"] != nil) == (expected != "basic"))
    }

    @Test("No client is touched without an audit line")
    func auditFails() async throws {
        broker.audit.fail(with: AuditFailure("The disk is full."))
        await #expect(throws: BrokerError.auditUnavailable) { try await broker.addClient() }
        #expect(try await clients.all().isEmpty)
    }
}
