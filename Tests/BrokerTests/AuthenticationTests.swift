import BrokerTesting
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

/// How the client authenticates: one method a request, and its next secret only where the provider has said that it did
/// not take the last.
@Suite("Client authentication")
struct AuthenticationTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    private func secrets(of requests: [EndpointRequest]) throws -> [String?] {
        try requests.map { try Parameters(formURLEncoded: $0.body)["client_secret"] }
    }

    private static let refusal = ScriptedExchange.Outcome.json(#"{"error":"invalid_client"}"#, status: 401)

    @Test("R14: the next secret is tried after invalid_client, and goes first from then on")
    func nextSecret() async throws {
        try await broker.addClient(method: "client_secret_post", secret: Secret("old"))
        _ = try await broker.core.clients.addSecret(
            .secret(Secret("new")), to: TestBroker.client, by: broker.admin)
        try await broker.addExpired()
        broker.exchange.expect(Self.refusal)
        broker.exchange.expect(.token())
        _ = try await broker.read()
        #expect(try secrets(of: broker.exchange.requests) == ["new", "old"])
        broker.clock.advance(by: .seconds(7200))
        broker.exchange.expect(.token())
        _ = try await broker.read()
        #expect(try secrets(of: broker.exchange.requests).last == "old")
    }

    @Test("R14: no other refusal makes a second try", arguments: ["invalid_grant", "invalid_request", "server_error"])
    func noOtherError(code: String) async throws {
        try await broker.addClient(method: "client_secret_post", secret: Secret("old"))
        _ = try await broker.core.clients.addSecret(.secret(Secret("new")), to: TestBroker.client, by: broker.admin)
        try await broker.addExpired()
        broker.exchange.expect(.json(#"{"error":"\#(code)"}"#, status: 400))
        _ = try? await broker.read()
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("R13: when every secret is refused the grant is kept and an administrator must act")
    func allRefused() async throws {
        try await broker.addClient(secret: Secret("old"))
        try await broker.addExpired()
        broker.exchange.expect(Self.refusal)
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.actor == .administrator)
        #expect(try await broker.refreshToken() == "refresh-1")
    }

    @Test("A method that needs a secret, and none there, sends the client_id alone")
    func noSecret() async throws {
        try await broker.addClient(method: "client_secret_basic", secret: nil)
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let request = try #require(broker.exchange.requests.first)
        #expect(request.headerFields[.authorization] == nil)
        #expect(try Parameters(formURLEncoded: request.body)["client_id"] == "our-id")
    }

    @Test("RFC 7523 §2.2: a key makes private_key_jwt the method, and signs for the issuer")
    func privateKey() async throws {
        try await broker.addClient(secret: nil) { $0.secret = .key(TestKeys.p256) }
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let form = try #require(broker.tokenRequests().first)
        #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        #expect(form["client_secret"] == nil)
        let claims = try #require(IDToken.unverifiedClaims(Secret(form["client_assertion"] ?? "")))
        #expect(claims["iss"] == .string("our-id"))
        #expect(claims["aud"] == .string("https://as.example"))
    }

    @Test("RFC 8705 §2: tls_client_auth presents the key and says the client_id, nothing else")
    func mutualTLS() async throws {
        try await broker.addClient(method: "tls_client_auth", secret: nil) { $0.secret = .key(TestKeys.certified) }
        try await broker.addExpired()
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let request = try #require(broker.exchange.requests.first)
        #expect(request.clientKey != nil)
        #expect(try Parameters(formURLEncoded: request.body)["client_id"] == "our-id")
        #expect(request.headerFields[.authorization] == nil)
    }

    @Test(
        "RFC 8705 §2: a key without a certificate is refused when it is given",
        arguments: ["tls_client_auth", "self_signed_tls_client_auth"])
    func noCertificate(method: String) async throws {
        let error = try await failure { () throws(BrokerError) in
            var request = ClientRequest(provider: "acme", clientID: "our-id")
            request.authenticationMethod = method
            request.secret = .key(TestKeys.p256)
            return try await broker.core.clients.add(request, by: broker.admin)
        }
        #expect(error.field == "key")
        #expect(error.detail.contains("certificate"))
        #expect(try await broker.core.clients.all().isEmpty)
    }

    @Test("A key that is none is refused when it is given, in words that hold nothing of it")
    func badKey() async throws {
        let file = ClientSecretValue.KeyFile(
            pem: Secret("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----"), pkcs12: nil,
            certificates: nil, passphrase: nil, keyID: nil)
        let error = try await failure { () throws(BrokerError) in
            var request = ClientRequest(provider: "acme", clientID: "our-id")
            request.secret = .key(file)
            return try await broker.core.clients.add(request, by: broker.admin)
        }
        #expect(error.field == "key")
        #expect(!error.detail.contains("Y2FuYXJ5"))
    }

    // MARK: DPoP

    @Test("F25: a nonce is answered once, with another proof; the key stays the connection's")
    func nonce() async throws {
        try await broker.addClient { $0.isDPoPBound = true }
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "acme"
        request.grantType = .clientCredentials
        var fields = HTTPFields()
        fields[DPoPProof.nonceField] = "n-1"
        broker.exchange.expect(.json(#"{"error":"use_dpop_nonce"}"#, status: 400, headerFields: fields))
        broker.exchange.expect(.json(#"{"access_token":"bound","token_type":"DPoP","expires_in":60}"#))
        _ = try await broker.core.connections.create(request, by: broker.admin)
        let proofs = broker.exchange.requests.map { $0.headerFields[DPoPProof.field] ?? "" }
        let claims = try proofs.map { try #require(IDToken.unverifiedClaims(Secret($0))) }
        #expect(claims.map { $0["nonce"] } == [nil, .string("n-1")])
        #expect(claims[0]["jti"] != claims[1]["jti"])

        let document = try await broker.read()
        #expect(document.text("token_type") == "DPoP")
        guard case .object(let headers)? = document["headers"] else { throw BrokerError.internalError("no headers") }
        #expect(headers.text("Authorization") == "DPoP bound")

        let proof = try await broker.core.proofs.proof(
            TestBroker.connection, method: "GET", url: "https://eu.api.example/me?x=1", nonce: "r-1",
            for: broker.runtime)
        let said = try #require(IDToken.unverifiedClaims(proof.proof))
        #expect(said["htu"] == .string("https://eu.api.example/me"))
        #expect(said["nonce"] == .string("r-1"))
        #expect(said["ath"] != nil)
        let elsewhere = try await failure { () throws(BrokerError) in
            try await broker.core.proofs.proof(
                TestBroker.connection, method: "GET", url: "https://evil.example/", nonce: nil, for: broker.runtime)
        }
        #expect(elsewhere.field == "url")
    }

    @Test("F25: a server that asks for a nonce again and again is asked twice, no more")
    func nonceLoop() async throws {
        try await broker.addClient { $0.isDPoPBound = true }
        var request = ConnectionRequest()
        request.provider = "acme"
        request.grantType = .clientCredentials
        var fields = HTTPFields()
        fields[DPoPProof.nonceField] = "n-1"
        broker.exchange.expect(.json(#"{"error":"use_dpop_nonce"}"#, status: 400, headerFields: fields), times: 2)
        let (connection, _) = try await broker.core.connections.create(request, by: broker.admin)
        #expect(connection.status(at: broker.clock.now) == .unavailable)
        #expect(broker.exchange.requests.count == 2)
    }
}
