import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 8693, RFC 8707: Token Exchange and Resource Indicators")
struct RFC8693Tests {
    static let jwt = "urn:ietf:params:oauth:token-type:jwt"

    private func exchange(
        actor: Secret? = nil, actorType: String? = nil, resource: [String] = [], audience: [String] = []
    ) -> Parameters {
        TokenExchangeGrant.parameters(
            subjectToken: Secret("s"), subjectTokenType: Self.jwt, actorToken: actor, actorTokenType: actorType,
            resource: resource, audience: audience, scope: [], separator: " ")
    }

    // MARK: RFC 8693

    @Test("RFC 8693 §2.1: grant_type, subject_token and subject_token_type are there")
    func required() {
        let grant = exchange()
        #expect(grant["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
        #expect(grant["subject_token"] == "s" && grant["subject_token_type"] == Self.jwt)
    }

    @Test("RFC 8693 §2.1: actor_token_type stands beside an actor_token")
    func actorType() {
        #expect(exchange(actor: Secret("a"), actorType: Self.jwt)["actor_token_type"] == Self.jwt)
        #expect(exchange(actor: Secret("a"))["actor_token_type"] == TokenExchangeGrant.accessTokenType)
    }

    @Test("RFC 8693 §2.1: without an actor_token there is no actor_token_type")
    func noActor() {
        let grant = exchange(actorType: Self.jwt)
        #expect(grant["actor_token"] == nil && grant["actor_token_type"] == nil)
    }

    @Test("RFC 8693 §2.1: several audiences are several parameters")
    func audiences() { #expect(exchange(audience: ["a", "b"]).values(of: "audience") == ["a", "b"]) }

    @Test("RFC 8693 §2.2.1: token_type must be there to be understood; N_A is no Bearer")
    func notApplicable() {
        let body = #"{"access_token":"t","issued_token_type":"\#(Self.jwt)","token_type":"N_A"}"#
        #expect(judgeToken(body, accepting: [.bearer, .notApplicable]).granted?.tokenType == "N_A")
        #expect(judgeToken(body).isMalformed)
    }

    @Test("RFC 8693 §2.2.1: what was issued is told apart from what was asked for")
    func issuedType() {
        let body = #"{"access_token":"t","issued_token_type":"\#(Self.jwt)","token_type":"Bearer"}"#
        #expect(judgeToken(body).granted?.issuedTokenType == Self.jwt)
    }

    @Test("RFC 8693 §2.2.2: invalid_target is read as it is")
    func invalidTarget() {
        let verdict = TokenResponse.judge(answer(400, #"{"error":"invalid_target"}"#), dialect: Dialect())
        #expect(verdict == .refused(OAuthError(code: "invalid_target")))
    }

    // MARK: RFC 8707

    static let resources = ["https://api.example/a", "https://api.example/b"]

    @Test("RFC 8707 §2: several resources are several parameters, in each request that takes them")
    func resources() {
        var request = authorizationRequest()
        request.resource = Self.resources
        #expect(request.parameters(dialect: Dialect()).values(of: "resource") == Self.resources)
        let credentials = ClientCredentialsGrant.parameters(scope: [], separator: " ", resource: Self.resources)
        #expect(credentials.values(of: "resource") == Self.resources)
        #expect(exchange(resource: Self.resources).values(of: "resource") == Self.resources)
        let assertion = JWTBearerGrant.parameters(
            assertion: Secret("a"), scope: [], separator: " ", resource: Self.resources)
        #expect(assertion.values(of: "resource") == Self.resources)
    }

    @Test("RFC 8707 §2.2: the resource goes along with the token request as it went with the authorization request")
    func tokenRequestResource() throws {
        let grant = ClientCredentialsGrant.parameters(scope: [], separator: " ", resource: Self.resources)
        #expect(try form(try tokenRequest(grant)).values(of: "resource") == Self.resources)
    }
}
