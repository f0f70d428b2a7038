import Crypto
import HTTPTypes
import Testing

@testable import OAuth

@Suite("Client assertions and the methods that use them")
struct JOSEAssertionTests {
    static let freshness = Freshness(now: 1_800_000_000, jti: "j-1")

    private func request(
        _ authentication: ClientAuthentication, issuer: String? = "https://as.example", dialect: Dialect = Dialect(),
        at address: String = "https://as.example/token", freshness: Freshness = freshness
    ) throws -> EndpointRequest {
        TokenRequest.make(
            Parameters([("grant_type", "client_credentials")]), at: try EndpointURL(address),
            client: Client(id: "client", authentication: authentication, issuer: issuer), dialect: dialect,
            purpose: .grant, freshness: freshness)
    }

    private func assertion(_ request: EndpointRequest) throws -> ReadToken {
        let compact = try #require(try Parameters(bodyOf: request)["client_assertion"])
        return try #require(ReadToken(compact))
    }

    @Test("RFC 7523 §2.2, §3: a key signs who the client is, for whom, and for how long")
    func privateKey() throws {
        for key in TestKeys.all {
            for algorithm in key.algorithms {
                let sent = try request(.privateKeyJWT(try AssertionSigner(key, algorithm: algorithm)))
                let form = try Parameters(bodyOf: sent)
                #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                #expect(form["client_id"] == nil && form["client_secret"] == nil)
                #expect(sent.headerFields[.authorization] == nil && sent.clientKey == nil)
                let compact = try #require(form["client_assertion"])
                #expect(
                    try JWS(compact).verify(with: JSONWebKeySet(of: key), allowed: [algorithm]) == .valid)
                let read = try #require(ReadToken(compact))
                #expect(read.header.names == ["alg", "typ", "kid"])
                #expect(read.header["alg"] == .string(algorithm.rawValue) && read.header["typ"] == .string("JWT"))
                #expect(read.header["kid"] == key.keyID.map { .string($0) })
                #expect(read.claims["iss"] == .string("client") && read.claims["sub"] == .string("client"))
                #expect(read.claims["aud"] == .string("https://as.example"))
                #expect(read.claims["jti"] == .string("j-1"))
                #expect(read.claims["nbf"] == nil)
            }
        }
    }

    @Test("F26: an assertion lives two minutes, and begins a little before now")
    func lifetime() throws {
        let read = try assertion(try request(.privateKeyJWT(AssertionSigner(usual: TestKeys.p256))))
        let issued = try #require(read.claims["iat"]?.int)
        let end = try #require(read.claims["exp"]?.int)
        #expect((1...60).contains(Self.freshness.now - issued))
        #expect((60...120).contains(end - Self.freshness.now))
        #expect(end - issued <= 300)
    }

    @Test("F26: the next request has another jti and another signature")
    func fresh() throws {
        let key = ClientAuthentication.privateKeyJWT(AssertionSigner(usual: TestKeys.p256))
        let first = try assertion(try request(key))
        let second = try assertion(try request(key, freshness: Freshness(now: 1_800_000_005, jti: "j-2")))
        #expect(first.claims["jti"] == .string("j-1") && second.claims["jti"] == .string("j-2"))
        #expect(second.claims["iat"]?.int == first.claims["iat"]?.int.map { $0 + 5 })
    }

    @Test("OpenID Connect Core 1.0 §9: a secret signs with HS256 and stays here")
    func clientSecret() throws {
        let secret = Secret("client_secret-client_secret-32byte")
        let sent = try request(.clientSecretJWT(secret))
        let compact = try #require(try Parameters(bodyOf: sent)["client_assertion"])
        #expect(try JWS(compact).verify(with: JSONWebKeySet(), secret: secret, allowed: [.hs256]) == .valid)
        let read = try assertion(sent)
        #expect(read.header.names == ["alg", "typ"])
        #expect(read.claims["iss"] == .string("client") && read.claims["sub"] == .string("client"))
        #expect(!String(decoding: sent.body, as: UTF8.self).contains(secret.reveal()))
    }

    @Test("The audience is the issuer, or what the dialect says")
    func audience() throws {
        let key = ClientAuthentication.privateKeyJWT(AssertionSigner(usual: TestKeys.p256))
        func audience(_ wanted: AssertionAudience, issuer: String?) throws -> String? {
            var dialect = Dialect()
            dialect.assertionAudience = wanted
            return try assertion(try request(key, issuer: issuer, dialect: dialect)).claims["aud"]?.text
        }
        #expect(try audience(.issuer, issuer: "https://as.example") == "https://as.example")
        #expect(try audience(.issuer, issuer: nil) == "https://as.example/token")
        #expect(try audience(.tokenEndpoint, issuer: "https://as.example") == "https://as.example/token")
        #expect(try audience(.fixed("urn:x"), issuer: "https://as.example") == "urn:x")
    }

    @Test("Revocation names the same audience as the token endpoint does")
    func otherEndpoints() throws {
        var client = Client(
            id: "client", authentication: .privateKeyJWT(AssertionSigner(usual: TestKeys.p256)),
            tokenEndpoint: try EndpointURL("https://as.example/token?tenant=1"))
        func audience() throws -> JSONValue? {
            try assertion(
                Revocation.request(
                    token: Secret("t"), hint: "access_token", at: try EndpointURL("https://as.example/revoke"),
                    client: client, dialect: Dialect(), freshness: Self.freshness)
            ).claims["aud"]
        }
        #expect(try audience() == .string("https://as.example/token?tenant=1"))
        client.issuer = "https://as.example"
        #expect(try audience() == .string("https://as.example"))
    }

    @Test("RFC 7521 §4.2: client_id goes along only where the dialect says so")
    func clientID() throws {
        var dialect = Dialect()
        dialect.sendsClientIDWithAssertion = true
        for authentication in [
            ClientAuthentication.clientSecretJWT(Secret("s")),
            .privateKeyJWT(AssertionSigner(usual: TestKeys.p256)),
        ] {
            #expect(try Parameters(bodyOf: try request(authentication))["client_id"] == nil)
            #expect(try Parameters(bodyOf: try request(authentication, dialect: dialect))["client_id"] == "client")
        }
    }

    @Test("RFC 7515 §4.1.6 to §4.1.8: the certificate is named as the dialect says")
    func certificates() throws {
        guard case .rsa(let modulus, _) = TestKeys.rsa.publicKey.material else { return }
        let own = [0x30, 0x82] + modulus + [9]
        let key = try SigningKey(
            ClientKey(privateKey: TestKeys.rsa.serialized, certificates: [own, [0xFB, 0xFF]], keyID: nil))
        func header(_ wanted: Set<CertificateHeader>) throws -> JSONObject {
            var dialect = Dialect()
            dialect.assertionCertificateHeaders = wanted
            let signer = try AssertionSigner(key, algorithm: .ps256)
            return try assertion(try request(.privateKeyJWT(signer), dialect: dialect)).header
        }
        #expect(try header([]).names == ["alg", "typ"])
        let all = try header(Set(CertificateHeader.allCases))
        #expect(all["x5t"] == .string(base64URL(Array(Insecure.SHA1.hash(data: own)))))
        #expect(all["x5t#S256"] == .string(base64URL(Array(SHA256.hash(data: own)))))
        #expect(all["x5c"] == .array([.string(base64(own)), .string("+/8=")]))
        #expect(try header([.sha256Thumbprint]).names == ["alg", "typ", "x5t#S256"])
        // A key without a certificate has none to name.
        let bare = ClientAssertion.make(
            JSONObject(), signer: AssertionSigner(usual: TestKeys.rsa), certificateHeaders: [.sha1Thumbprint],
            freshness: Self.freshness)
        #expect(ReadToken(bare.reveal())?.header["x5t"] == nil)
    }

    @Test("RFC 7523 §2.1: a grant's assertion holds what the caller says, and no more than it needs")
    func grant() throws {
        let claims = JSONObject([
            ("iss", .string("aaa@xxx.com")), ("aud", .string("https://as.example/token")), ("scope", .string("a b")),
        ])
        let compact = ClientAssertion.make(
            claims, signer: AssertionSigner(usual: TestKeys.rsa), lifetime: 180, freshness: Self.freshness)
        let read = try #require(ReadToken(compact.reveal()))
        #expect(read.header["alg"] == .string("RS256") && read.header["kid"] == .string("rs1"))
        #expect(read.claims.names == ["iss", "aud", "scope", "jti", "iat", "exp"])
        #expect(read.claims["sub"] == nil && read.claims["scope"] == .string("a b"))
        #expect(read.claims["exp"] == .number(JSONNumber(Self.freshness.now + 180)))
        var fixed = claims
        fixed["exp"] = .number(JSONNumber(7))
        fixed["jti"] = .string("own")
        let own = ReadToken(
            ClientAssertion.make(fixed, signer: AssertionSigner(usual: TestKeys.rsa), freshness: Self.freshness)
                .reveal())
        #expect(own?.claims["exp"] == .number(JSONNumber(7)) && own?.claims["jti"] == .string("own"))
    }

    // MARK: The other methods

    @Test("RFC 8705 §2: the handshake authenticates; the body says who")
    func mutualTLS() throws {
        let key = ClientKey(privateKey: TestKeys.p256.serialized, certificates: [[0x30]])
        for authentication in [ClientAuthentication.tlsClientAuth(key), .selfSignedTLSClientAuth(key)] {
            let sent = try request(authentication)
            #expect(sent.clientKey == key)
            let form = try Parameters(bodyOf: sent)
            #expect(form == Parameters([("grant_type", "client_credentials"), ("client_id", "client")]))
            #expect(sent.headerFields[.authorization] == nil)
        }
        for authentication in [ClientAuthentication.none, .clientSecretPost(Secret("s"))] {
            #expect(try request(authentication).clientKey == nil)
        }
    }

    @Test("A client_id that stands in the form already is not sent twice")
    func onceOnly() throws {
        let key = ClientKey(privateKey: [])
        for authentication in [
            ClientAuthentication.none, .clientSecretPost(Secret("s")), .tlsClientAuth(key),
        ] {
            let sent = TokenRequest.form(
                Parameters([("client_id", "client")]), at: try EndpointURL("https://as.example/par"),
                client: Client(id: "client", authentication: authentication), dialect: Dialect(),
                freshness: Self.freshness)
            #expect(try Parameters(bodyOf: sent).duplicatedNames.isEmpty)
        }
    }

    @Test("Each method has its registered name, and says which text must not be seen")
    func names() {
        let key = ClientKey(privateKey: [1])
        let secret = Secret("s")
        let methods: [(ClientAuthentication, String, Secret?)] = [
            (.none, "none", nil), (.clientSecretBasic(secret), "client_secret_basic", secret),
            (.clientSecretPost(secret), "client_secret_post", secret),
            (.clientSecretJWT(secret), "client_secret_jwt", secret),
            (.privateKeyJWT(AssertionSigner(usual: TestKeys.rsa)), "private_key_jwt", nil),
            (.tlsClientAuth(key), "tls_client_auth", nil),
            (.selfSignedTLSClientAuth(key), "self_signed_tls_client_auth", nil),
        ]
        for (authentication, name, secret) in methods {
            #expect(authentication.method == name)
            #expect(authentication.secret == secret)
        }
        #expect(Set(methods.map(\.0)).count == methods.count)
    }
}
