import BrokerTesting
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

/// From a resource's URL to a registration (RFC 9728, RFC 8414, RFC 7591).
@Suite("Connections from a resource's URL")
struct ResourceTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    private func create(by caller: Caller? = nil) async throws(BrokerError) -> StoredConnection {
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.resources = ["https://notes.example/mcp"]
        return try await broker.core.connections.create(request, by: caller ?? broker.admin).connection
    }

    private func expectResource(
        challenge: String =
            #"Bearer resource_metadata="https://notes.example/.well-known/oauth-protected-resource/mcp", scope="notes""#,
        resource: String = "https://notes.example/mcp"
    ) {
        var fields = HTTPFields()
        fields[.wwwAuthenticate] = challenge
        broker.exchange.expect(.answer(EndpointResponse(status: 401, headerFields: fields))) { $0.url.path == "/mcp" }
        broker.exchange.expect(
            .json(#"{"resource":"\#(resource)","authorization_servers":["https://login.example"]}"#), times: nil
        ) { $0.url.path.hasPrefix("/.well-known/oauth-protected-resource") }
    }

    private func expectServer(registration: Bool = true) {
        let more = registration ? #","registration_endpoint":"https://login.example/register""# : ""
        broker.exchange.expect(
            .json(
                #"{"issuer":"https://login.example","authorization_endpoint":"https://login.example/a","token_endpoint":"https://login.example/t","token_endpoint_auth_methods_supported":["none"]\#(more)}"#
            ), times: nil
        ) { $0.url.path == "/.well-known/oauth-authorization-server" }
    }

    @Test("RFC 9728 §5: challenge, metadata, authorization server, registration: the connection stands")
    func wholeWay() async throws {
        expectResource()
        expectServer()
        broker.exchange.expect(.json(#"{"client_id":"dyn-1"}"#, status: 201)) { $0.url.path == "/register" }
        let stored = try await create()
        let client = try #require(try await broker.store.clients().first)
        #expect(client.clientID == "dyn-1")
        #expect(client.fields["issuer"] == "https://login.example")
        #expect(stored.connection.client == client.id)
        #expect(stored.connection.resources == ["https://notes.example/mcp"])
        #expect(stored.connection.scopes == ["notes"])
    }

    @Test("A client that is registered at that issuer is taken, and none is made")
    func known() async throws {
        try await broker.addClient(provider: "oauth2", fields: ["issuer": "https://login.example"])
        expectResource()
        let stored = try await create(by: Caller(id: .init("shop")!, role: .app, createdAt: broker.clock.now))
        #expect(stored.connection.client == TestBroker.client)
    }

    @Test("Only an administrator's resource registers a client by itself")
    func appMayNot() async throws {
        expectResource()
        let error = try await failure { () throws(BrokerError) in
            try await create(by: Caller(id: .init("shop")!, role: .app, createdAt: broker.clock.now))
        }
        #expect(error.field == "resource")
        #expect(try await broker.store.clients().isEmpty)
    }

    @Test("RFC 9728 §3.3: metadata of another resource is not used")
    func mismatch() async throws {
        expectResource(resource: "https://other.example/mcp")
        let error = try await failure { () throws(BrokerError) in try await create() }
        #expect(error.detail.contains("another resource"))
    }

    @Test("N1: a challenge that points to another origin is not followed")
    func elsewhere() async throws {
        var fields = HTTPFields()
        fields[.wwwAuthenticate] = #"Bearer resource_metadata="https://evil.example/x""#
        broker.exchange.expect(.answer(EndpointResponse(status: 401, headerFields: fields)))
        let error = try await failure { () throws(BrokerError) in try await create() }
        #expect(error.field == "resource")
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("A server that registers nobody is told with what to do")
    func noRegistration() async throws {
        expectResource()
        expectServer(registration: false)
        let error = try await failure { () throws(BrokerError) in try await create() }
        #expect(error.detail.contains("credence clients add"))
    }
}
