import BrokerTesting
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

/// Connections that need nobody: their grant is asked for at creation, and again when it runs out.
@Suite("Connections without a person")
struct PersonlessTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    private func create(
        _ grant: GrantType = .clientCredentials, _ change: (inout ConnectionRequest) -> Void = { _ in }
    ) async throws -> (connection: StoredConnection, consent: Consent.Link?) {
        if try await broker.store.client(TestBroker.client) == nil { try await broker.addClient() }
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "acme"
        request.grantType = grant
        change(&request)
        return try await broker.core.connections.create(request, by: broker.admin)
    }

    @Test("RFC 6749 §4.4: client credentials are active at creation, and nobody is sent a link")
    func clientCredentials() async throws {
        broker.exchange.expect(.token())
        let (connection, consent) = try await create { $0.scopes = ["jobs"] }
        #expect(connection.status(at: broker.clock.now) == .active)
        #expect(consent == nil)
        let form = try #require(broker.tokenRequests().first)
        #expect(form["grant_type"] == "client_credentials")
        #expect(form["scope"] == "jobs")
        #expect(form["redirect_uri"] == nil)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test("An expired credential is asked for anew, without a refresh token")
    func reissued() async throws {
        broker.exchange.expect(.token())
        _ = try await create()
        broker.clock.advance(by: .seconds(7200))
        broker.exchange.expect(.json(#"{"access_token":"access-3","token_type":"Bearer","expires_in":3600}"#))
        #expect(try await broker.read().text("access_token") == "access-3")
        #expect(broker.tokenRequests().map { $0["grant_type"] } == ["client_credentials", "client_credentials"])
    }

    @Test("RFC 6749 §4.4.3: a refresh token that comes along is not kept")
    func noRefreshToken() async throws {
        broker.exchange.expect(.token())
        _ = try await create()
        #expect(try await broker.refreshToken() == nil)
    }

    @Test("It is renewed in the background before it runs out")
    func due() async throws {
        broker.exchange.expect(.token())
        _ = try await create()
        broker.clock.advance(by: .seconds(3500))
        broker.exchange.expect(.json(#"{"access_token":"access-3","token_type":"Bearer","expires_in":3600}"#))
        for flight in try await broker.core.schedule.round() { _ = await flight.value }
        #expect(try await broker.accessToken() == "access-3")
    }

    @Test("A provider that gives nothing at creation leaves the connection there, and the status says why")
    func refusedAtCreation() async throws {
        broker.exchange.expect(.json(#"{"error":"unauthorized_client"}"#, status: 400))
        let (connection, _) = try await create()
        #expect(connection.status(at: broker.clock.now) == .unavailable)
        #expect(connection.grant.failure?.reason == "unauthorized_client")
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .providerUnavailable)
        #expect(error.actor == .administrator)
    }

    @Test("invalid_grant is nobody's consent: an administrator must act, and it is tried again")
    func invalidGrant() async throws {
        broker.exchange.expect(.json(#"{"error":"invalid_grant"}"#, status: 400))
        let (connection, _) = try await create()
        #expect(connection.grant.reauthorization == nil)
        #expect(connection.grant.failure?.reason == "invalid_grant")
    }

    @Test("The client's first grant type is the connection's when it does not say; others are refused")
    func registeredGrants() async throws {
        try await broker.addClient { $0.grantTypes = [.clientCredentials] }
        broker.exchange.expect(.token())
        let (connection, _) = try await create(.clientCredentials) { $0.grantType = nil }
        #expect(connection.connection.grantType == .clientCredentials)
        let error = try await failure { () throws(BrokerError) in
            var request = ConnectionRequest()
            request.provider = "acme"
            request.grantType = .deviceCode
            return try await broker.core.connections.create(request, by: broker.admin).connection
        }
        #expect(error.field == "grant")
    }

    @Test("Nobody can be asked to consent to it")
    func noConsent() async throws {
        broker.exchange.expect(.token())
        _ = try await create()
        let error = try await failure { () throws(BrokerError) in
            try await broker.core.connections.requestConsent(
                TestBroker.connection, returnTo: nil, wishes: ConsentWishes(), by: broker.admin)
        }
        #expect(error.code == .invalidRequest)
    }

    // MARK: Assertions

    @Test("RFC 7523 §2.1: a JWT bearer grant is an assertion of the client's key, never the same twice (F26)")
    func jwtBearer() async throws {
        try await broker.addClient(secret: nil) { $0.secret = .key(TestKeys.p256) }
        broker.exchange.expect(.token())
        _ = try await create(.jwtBearer)
        broker.clock.advance(by: .seconds(7200))
        broker.exchange.expect(.token())
        _ = try await broker.read()
        let forms = broker.tokenRequests()
        #expect(forms.map { $0["grant_type"] } == Array(repeating: GrantType.jwtBearer.rawValue, count: 2))
        let claims = try forms.map { try #require(IDToken.unverifiedClaims(Secret($0["assertion"] ?? ""))) }
        #expect(claims.allSatisfy { $0["iss"] == .string("our-id") && $0["aud"] == .string("https://as.example") })
        #expect(claims[0]["jti"] != claims[1]["jti"])
    }

    @Test("Without a key the JWT bearer grant is an administrator's to mend")
    func noKey() async throws {
        let (connection, _) = try await create(.jwtBearer)
        #expect(connection.grant.failure?.reason == "no_client_key")
        #expect(broker.exchange.requests.isEmpty)
    }

    // MARK: Token exchange

    @Test("RFC 8693 §2.1: the subject token is exchanged at creation, and once more when the credential runs out")
    func tokenExchange() async throws {
        let subject = SubjectToken(token: Secret("theirs"), type: SubjectToken.accessTokenType)
        broker.exchange.expect(.json(#"{"access_token":"ours","token_type":"Bearer","expires_in":60}"#))
        _ = try await create(.tokenExchange) { $0.secret = .subjectToken(subject) }
        #expect(try await broker.read().text("access_token") == "ours")
        broker.clock.advance(by: .seconds(61))
        broker.exchange.expect(.json(#"{"access_token":"ours-2","token_type":"Bearer","expires_in":60}"#))
        #expect(try await broker.read().text("access_token") == "ours-2")
        #expect(broker.tokenRequests().map { $0["subject_token"] } == ["theirs", "theirs"])
    }

    @Test("A subject token that is refused must be given anew: PUT secret exchanges it at once")
    func refusedSubject() async throws {
        let subject = SubjectToken(token: Secret("theirs"), type: SubjectToken.accessTokenType)
        broker.exchange.expect(.json(#"{"error":"invalid_grant"}"#, status: 400))
        let (connection, _) = try await create(.tokenExchange) { $0.secret = .subjectToken(subject) }
        #expect(connection.status(at: broker.clock.now) == .reauthorizationRequired)
        broker.exchange.expect(.token())
        let mended = try await broker.core.connections.setSecret(
            SecretChange(.subjectToken(SubjectToken(token: Secret("newer"), type: SubjectToken.accessTokenType))),
            of: TestBroker.connection, by: broker.admin)
        #expect(mended.status(at: broker.clock.now) == .active)
        #expect(broker.tokenRequests().last?["subject_token"] == "newer")
    }
}

/// Keys for tests alone.
enum TestKeys {
    static let p256 = ClientSecretValue.KeyFile(
        pem: Secret(
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQR/5PX8rTzU7OWMV
            Rtmt8wlZXXK6ehG+A+OZPcK/T1ehRANCAASe2ANWj/5HHdPDAcUsHDCEDIW3SvOn
            qLN/mIykfBhZsZoKbYxVkkIeWsb093YHyQqWcWf3PnYPuUoc03yeeDtu
            -----END PRIVATE KEY-----
            """), pkcs12: nil, certificates: nil, passphrase: nil, keyID: "test")

    /// The same key with a certificate of its own, until the year 2126.
    static let certified = ClientSecretValue.KeyFile(
        pem: p256.pem, pkcs12: nil,
        certificates: """
            -----BEGIN CERTIFICATE-----
            MIIBejCCAR+gAwIBAgIUOUym750yxB+GkthLZsbrcyXzdG0wCgYIKoZIzj0EAwIw
            ETEPMA0GA1UEAwwGb3VyLWlkMCAXDTI2MTEyMzExMTQ1OFoYDzIxMjYxMDMwMTEx
            NDU4WjARMQ8wDQYDVQQDDAZvdXItaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AASe2ANWj/5HHdPDAcUsHDCEDIW3SvOnqLN/mIykfBhZsZoKbYxVkkIeWsb093YH
            yQqWcWf3PnYPuUoc03yeeDtuo1MwUTAdBgNVHQ4EFgQUmHTjF1Zl+sbRAGuYEccF
            ydZhU3wwHwYDVR0jBBgwFoAUmHTjF1Zl+sbRAGuYEccFydZhU3wwDwYDVR0TAQH/
            BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAmcj1PrwMaXWeeBkV7Z9SoAhz/vTX
            tyfMqkHssh2n+cgCIQC5gQsIsP1jCeX9Nlv7HAwggPhBbXKcuD4gbzEmJ7e7qg==
            -----END CERTIFICATE-----
            """, passphrase: nil, keyID: nil)
}
