import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 9700, RFC 9728, RFC 9068: best practice, protected resources, tokens that are not ours to read")
struct RFC9700Tests {
    // MARK: RFC 9700

    @Test("RFC 9700 §2.1.1: each authorization request has a challenge of its own, by S256")
    func challenges() {
        let first = PKCE.challenge(for: PKCE.verifier(Array(repeating: 1, count: 32)))
        let second = PKCE.challenge(for: PKCE.verifier(Array(repeating: 2, count: 32)))
        #expect(first != second)
        #expect(authorizationRequest().parameters(dialect: Dialect())["code_challenge_method"] == "S256")
    }

    @Test("RFC 9700 §2.1.2: no token is asked for at the authorization endpoint, and none is taken from it")
    func noImplicit() throws {
        #expect(authorizationRequest().parameters(dialect: Dialect())["response_type"] == "code")
        #expect(try judgeReturn("access_token=t&token_type=Bearer&state=st").isInvalid)
    }

    @Test("RFC 9700 §2.4: there is no grant by the owner's password")
    func noPassword() { #expect(GrantType(rawValue: "password") == nil && !GrantType.allCases.isEmpty) }

    @Test("RFC 9700 §2.5: a client can authenticate by a key that never leaves")
    func asymmetric() throws {
        let method = ClientAuthentication.privateKeyJWT(try AssertionSigner(Keys.p256))
        let form = try form(try tokenRequest(by: Client(id: "client", authentication: method)))
        #expect(method.secret == nil && form["client_secret"] == nil && form["client_assertion"] != nil)
    }

    @Test("RFC 9700 §2.6: an endpoint on the Internet is not spoken to over http, not even in development")
    func endToEndTLS() throws {
        for text in ["http://as.example/token", "http://93.184.216.34/token"] {
            #expect(try !EndpointURL(text).isSafe(allowHTTP: true))
        }
    }

    @Test("RFC 9700 §4.4.2: an answer of another server than was asked is refused")
    func mixUp() throws { #expect(try judgeReturn("code=c&iss=https%3A%2F%2Fother.example").isInvalid) }

    // MARK: RFC 9068

    @Test("RFC 9068 §6: a client does not look into an access token: a JWT is as opaque as any other")
    func opaque() {
        // It is expired, for somebody else, and not signed by anybody: none of which is ours to judge.
        let jwt = signed(header: #"{"alg":"none","typ":"at+jwt"}"#, #"{"aud":"other","exp":1}"#) { _ in [] }
        let granted = judgeToken(#"{"access_token":"\#(jwt)","token_type":"Bearer"}"#).granted
        #expect(granted?.accessToken == Secret(jwt) && granted?.expiresIn == nil && granted?.scope == nil)
    }

    @Test(
        "RFC 9068 §2.1: an access token is no ID token, though its signature is right", arguments: ["at+jwt", "AT+JWT"])
    func otherKind(type: String) {
        var expected = IDToken.Expectation(issuers: [issuer], clientID: "client", keys: Keys.set, now: now)
        expected.algorithms = [.es256]
        let claims = #"{"iss":"\#(issuer)","sub":"s","aud":"client","iat":1800000000,"exp":1800000300}"#
        let token = signed(header: #"{"alg":"ES256","typ":"\#(type)"}"#, claims)
        #expect(IDToken.judge(Secret(token), expecting: expected) == .invalid(reason: "it is another token"))
        guard case .valid = IDToken.judge(Secret(signed(claims)), expecting: expected) else {
            Issue.record("the claims are not sound by themselves")
            return
        }
    }

    // MARK: RFC 9728

    private func resource(_ text: String = "https://rs.example/a") throws -> EndpointURL { try EndpointURL(text) }

    private func addresses(_ text: String, challenge: String? = nil) throws -> [String] {
        try ProtectedResource.metadataRequests(
            of: try resource(text),
            challenge: challenge.flatMap { ProtectedResource.challenge(in: challenged(401, $0)) },
            allowHTTP: false
        ).map(\.url.string)
    }

    private func judge(_ body: String, status: Int = 200) throws -> ProtectedResource.Verdict {
        ProtectedResource.judge(answer(status, body), resource: try resource(), allowHTTP: false)
    }

    @Test("RFC 9728 §2: a resource is https")
    func https() throws {
        #expect(throws: EndpointURL.Invalid.self) { try addresses("http://rs.example/a") }
    }

    @Test("RFC 9728 §2: an authorization server that is no issuer is not gone to")
    func issuers() throws {
        let list = #"["http://as.example","https://as.example?x","https://as.example#x","https://as.example"]"#
        let verdict = try judge(#"{"resource":"https://rs.example/a","authorization_servers":\#(list)}"#)
        guard case .found(let found) = verdict else { throw Unexpected(verdict) }
        #expect(found.authorizationServers == ["https://as.example"])
    }

    @Test("RFC 9728 §3.1: the well-known part goes between host and path")
    func wellKnown() throws {
        #expect(try addresses("https://rs.example/a")[0] == "https://rs.example/.well-known/oauth-protected-resource/a")
        #expect(try addresses("https://rs.example/") == ["https://rs.example/.well-known/oauth-protected-resource"])
    }

    @Test("RFC 9728 §3.2: only 200 with a JSON object is a document", arguments: [204, 302, 404])
    func status(code: Int) throws {
        #expect(try judge(#"{"resource":"https://rs.example/a"}"#, status: code) == .absent)
    }

    @Test(
        "RFC 9728 §3.3: metadata of another resource must not be used",
        arguments: ["https://other.example/a", "https://rs.example/b", "https://rs.example/A", "https://rs.example/a/"])
    func otherResource(name: String) throws { #expect(try judge(#"{"resource":"\#(name)"}"#) == .mismatch) }

    @Test("RFC 9728 §5.1: the metadata that the challenge names is the one that is asked for, and no other")
    func challenge() throws {
        let challenge = #"Bearer resource_metadata="https://rs.example/m""#
        #expect(try addresses("https://rs.example/a", challenge: challenge) == ["https://rs.example/m"])
    }

    @Test("RFC 9728 §7.7: who answers for a resource sends us to no other origin")
    func otherOrigin() {
        #expect(throws: EndpointURL.Invalid.self) {
            try addresses("https://rs.example/a", challenge: #"Bearer resource_metadata="https://in.example/m""#)
        }
    }
}
