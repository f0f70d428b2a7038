import Testing

@testable import OAuth

@Suite("RFC 7519, RFC 7521, RFC 7523: JSON Web Tokens and Assertions")
struct RFC7519Tests {
    private func judge(_ claims: String) -> IDTokenVerdict {
        var expected = IDToken.Expectation(issuers: [issuer], clientID: "client", keys: Keys.set, now: now)
        expected.algorithms = [.es256]
        expected.leeway = 0
        return IDToken.judge(Secret(signed(claims)), expecting: expected)
    }

    private func isValid(_ verdict: IDTokenVerdict) -> Bool { if case .valid = verdict { true } else { false } }

    /// Sound claims, with one of them as it is given.
    private func claims(aud: String = #""client""#, exp: String = "1800000300", more: String = "") -> String {
        #"{"iss":"\#(issuer)","sub":"s","aud":\#(aud),"iat":1800000000,"exp":\#(exp)\#(more)}"#
    }

    // MARK: RFC 7519

    @Test("RFC 7519 §2: a NumericDate may have a fraction")
    func fraction() { #expect(isValid(judge(claims(exp: "1800000300.5")))) }

    @Test("RFC 7519 §4: claims with a name twice are refused")
    func claimTwice() {
        #expect(isValid(judge(claims(more: #","a":1"#))))
        #expect(!isValid(judge(claims(more: #","sub":"s""#))))
    }

    @Test("RFC 7519 §4: claims that are not understood are ignored")
    func unknownClaims() { #expect(isValid(judge(claims(more: #","foo":{"bar":[]}"#)))) }

    @Test(
        "RFC 7519 §4.1.3: a token is for one of its audience alone", arguments: [#""other""#, #"["other"]"#, "[]", "7"])
    func audience(aud: String) {
        #expect(isValid(judge(claims())) && isValid(judge(claims(aud: #"["client"]"#))))
        #expect(!isValid(judge(claims(aud: aud))))
    }

    @Test("RFC 7519 §4.1.3: the audience is compared to the letter")
    func audienceCase() { #expect(!isValid(judge(claims(aud: #""Client""#)))) }

    @Test("RFC 7519 §4.1.4: on and after its exp a token is not accepted")
    func expiry() {
        #expect(isValid(judge(claims(exp: "1800000001"))))
        #expect(!isValid(judge(claims(exp: "1800000000"))) && !isValid(judge(claims(exp: "1799999999"))))
    }

    @Test("RFC 7519 §4.1.4: exp is a number", arguments: [#""1800000300""#, "true", "[1800000300]"])
    func expiryNumber(exp: String) { #expect(!isValid(judge(claims(exp: exp)))) }

    @Test("RFC 7519 §4.1.5: before its nbf a token is not accepted")
    func notBefore() {
        #expect(isValid(judge(claims(more: #","nbf":1800000000"#))))
        #expect(!isValid(judge(claims(more: #","nbf":1800000001"#))))
    }

    @Test("RFC 7519 §7.2: the claims are a JSON object", arguments: ["[]", "null", #""text""#, ""])
    func claimsObject(text: String) { #expect(!isValid(judge(text))) }

    // MARK: RFC 7521

    private func assertion(
        _ authentication: ClientAuthentication? = nil, dialect: Dialect = Dialect(), jti: String = "j-1"
    ) throws -> (form: Parameters, parts: Parts) {
        let method = try authentication ?? .privateKeyJWT(AssertionSigner(Keys.p256))
        let request = TokenRequest.make(
            Parameters([("grant_type", "client_credentials")]), at: try url(),
            client: Client(id: "client", authentication: method, issuer: issuer), dialect: dialect, purpose: .grant,
            freshness: Freshness(now: now, jti: jti))
        let form = try form(request)
        return (form, try #require(form["client_assertion"].flatMap(Parts.init)))
    }

    @Test("RFC 7521 §4.2: client_assertion_type is a URI, and client_assertion one assertion")
    func assertionParameters() throws {
        let form = try assertion().form
        #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        #expect(form.values(of: "client_assertion").count == 1)
    }

    @Test("RFC 7521 §4.2: a client_id beside the assertion is the assertion's subject")
    func sameClient() throws {
        var dialect = Dialect()
        dialect.sendsClientIDWithAssertion = true
        let (form, parts) = try assertion(dialect: dialect)
        #expect(form["client_id"] == "client" && parts.claims.text("sub") == "client")
    }

    @Test("RFC 7521 §4.2: no other authentication goes along with an assertion")
    func assertionAlone() throws {
        let form = try assertion().form
        #expect(form["client_secret"] == nil && form["client_id"] == nil)
    }

    // MARK: RFC 7523

    @Test("RFC 7523 §2.1: the grant is a grant_type and one assertion")
    func grant() {
        let grant = JWTBearerGrant.parameters(assertion: Secret("a.b.c"), scope: ["x"], separator: " ")
        #expect(grant["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        #expect(grant.values(of: "assertion") == ["a.b.c"] && grant["scope"] == "x")
    }

    @Test("RFC 7523 §3: iss and sub of a client's assertion are its client_id")
    func issuerAndSubject() throws {
        let claims = try assertion().parts.claims
        #expect(claims.text("iss") == "client" && claims.text("sub") == "client")
    }

    @Test("RFC 7523 §3: aud names the authorization server")
    func audienceOfAssertion() throws { #expect(try assertion().parts.claims.text("aud") == issuer) }

    @Test("RFC 7523 §3: exp is there, and in the future, but not far")
    func expiryOfAssertion() throws {
        let end = try #require(try assertion().parts.claims.int("exp"))
        #expect((1...300).contains(end - now))
    }

    @Test("RFC 7523 §3: jti is another in each assertion")
    func identifier() throws {
        #expect(try assertion(jti: "a").parts.claims.text("jti") == "a")
        #expect(try assertion(jti: "b").parts.claims.text("jti") == "b")
    }

    @Test("RFC 7523 §3: an assertion is signed by the client's key, or has a code of its secret")
    func signedAssertion() throws {
        let byKey = try #require(try assertion().form["client_assertion"])
        #expect(try JWS(byKey).verify(with: Keys.set, allowed: [.es256]) == .valid)
        let secret = Secret("0123456789abcdef0123456789abcdef")
        let bySecret = try #require(try assertion(.clientSecretJWT(secret)).form["client_assertion"])
        #expect(try JWS(bySecret).verify(with: JSONWebKeySet(), secret: secret, allowed: [.hs256]) == .valid)
        #expect(try JWS(bySecret).verify(with: JSONWebKeySet(), secret: Secret("x"), allowed: [.hs256]) != .valid)
    }
}
