import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 6749: The OAuth 2.0 Authorization Framework")
struct RFC6749Tests {
    // MARK: §2 Client registration, §3 Endpoints

    static let secrets: [ClientAuthentication] = [
        .clientSecretBasic(Secret("s3cret")), .clientSecretPost(Secret("s3cret")),
        .clientSecretJWT(Secret("0123456789abcdef0123456789abcdef")),
    ]

    @Test("RFC 6749 §2.3.1: credentials never stand in the request URI", arguments: secrets)
    func credentialsNotInURI(authentication: ClientAuthentication) throws {
        let request = try tokenRequest(by: Client(id: "client", authentication: authentication))
        #expect(request.url.string == "https://as.example/token")
    }

    @Test("RFC 6749 §2.3.1: the secret stands in the body where the client may not use Basic")
    func secretInBody() throws {
        let request = try tokenRequest(by: Client(id: "client", authentication: .clientSecretPost(Secret("s3cret"))))
        let form = try form(request)
        #expect(form["client_id"] == "client" && form["client_secret"] == "s3cret")
        #expect(request.headerFields[.authorization] == nil)
    }

    @Test(
        "RFC 6749 §3.1, §3.2: an endpoint has no fragment",
        arguments: ["https://as.example/authorize#x", "https://as.example/token#"])
    func fragment(text: String) {
        #expect(throws: EndpointURL.Invalid.self) { try EndpointURL(text) }
    }

    @Test("RFC 6749 §3.1: no parameter of the request stands there twice")
    func parametersOnce() {
        var request = authorizationRequest()
        request.additional = Parameters([("state", "other"), ("prompt", "consent"), ("prompt", "login")])
        #expect(request.parameters(dialect: Dialect()).duplicatedNames.isEmpty)
    }

    @Test(
        "RFC 6749 §3.1: an answer with a parameter twice is refused",
        arguments: ["code=a&code=b", "code=a&state=s&state=s", "error=a&error=b", "code=a&iss=x&iss=x"])
    func answerOnce(query: String) throws { #expect(try judgeReturn(query).isInvalid) }

    @Test("RFC 6749 §3.1.1: response_type is code")
    func responseType() { #expect(authorizationRequest().parameters(dialect: Dialect())["response_type"] == "code") }

    @Test("RFC 6749 §3.2: the client uses POST")
    func post() throws { #expect(try tokenRequest().method == .post) }

    @Test("RFC 6749 §3.2: no parameter of the token request stands there twice")
    func tokenParametersOnce() throws {
        let grant = Parameters([("grant_type", "client_credentials"), ("client_id", "client")])
        #expect(try form(try tokenRequest(grant, by: publicClient)).duplicatedNames.isEmpty)
    }

    @Test("RFC 6749 §3.2.1: a client that does not authenticate sends its client_id")
    func publicClientID() throws { #expect(try form(try tokenRequest(by: publicClient))["client_id"] == "client") }

    @Test("RFC 6749 §3.3: scopes are case-sensitive and stand in a list with spaces between")
    func scopeList() {
        #expect(authorizationRequest().parameters(dialect: Dialect())["scope"] == "a B")
        #expect(judgeToken(#"{"access_token":"t","token_type":"Bearer","scope":"a B"}"#).granted?.scope == ["a", "B"])
    }

    // MARK: §4.1 Authorization code

    @Test("RFC 6749 §4.1.1: client_id, redirect_uri and state go along")
    func authorizationParameters() {
        let parameters = authorizationRequest().parameters(dialect: Dialect())
        #expect(parameters["client_id"] == "client" && parameters["state"] == "st")
        #expect(parameters["redirect_uri"] == "https://credence.example/callback/c")
    }

    @Test("RFC 6749 §4.1.2: unrecognized response parameters are ignored")
    func unrecognizedParameters() throws {
        #expect(try judgeReturn("code=c&session_state=x&foo=bar&state=st") == .code(Secret("c")))
    }

    @Test("RFC 6749 §4.1.2.1: an error is no code, and its code and description are read")
    func authorizationError() throws {
        let verdict = try judgeReturn("error=access_denied&error_description=No%20way&state=st")
        guard case .refused(let error) = verdict else { throw Unexpected(verdict) }
        #expect(error.code == "access_denied" && error.description == "No way")
    }

    @Test(
        "RFC 6749 §4.1.2: an answer with neither a code nor an error is no answer",
        arguments: ["", "state=st", "code="])
    func noCode(query: String) throws { #expect(try judgeReturn(query).isInvalid) }

    @Test("RFC 6749 §4.1.3: the redirect_uri of the token request is that of the authorization request")
    func sameRedirectURI() {
        let before = authorizationRequest()
        let grant = AuthorizationCodeGrant.parameters(
            code: Secret("c"), redirectURI: before.redirectURI, verifier: nil)
        #expect(grant["grant_type"] == "authorization_code" && grant["code"] == "c")
        #expect(grant["redirect_uri"] == before.parameters(dialect: Dialect())["redirect_uri"])
    }

    // MARK: §5 Token answers, §6 Refresh, §7 Use

    @Test("RFC 6749 §5.1: unrecognized members are ignored")
    func unrecognizedMembers() {
        let verdict = judgeToken(#"{"access_token":"t","token_type":"Bearer","foo":{"access_token":"u"},"bar":[1]}"#)
        #expect(verdict.granted?.accessToken == Secret("t"))
    }

    @Test("RFC 6749 §5.1: without an access token there is no grant")
    func accessTokenRequired() { #expect(judgeToken(#"{"token_type":"Bearer","expires_in":3600}"#).isMalformed) }

    @Test("RFC 6749 §5.1: token_type is read in any case", arguments: ["Bearer", "bearer", "BEARER"])
    func tokenTypeCase(type: String) {
        #expect(judgeToken(#"{"access_token":"t","token_type":"\#(type)"}"#).granted?.tokenType == "Bearer")
    }

    @Test("RFC 6749 §5.1: no expires_in means that the lifetime is not known, not that there is none")
    func unknownLifetime() {
        let granted = judgeToken(#"{"access_token":"t","token_type":"Bearer"}"#).granted
        #expect(granted != nil && granted?.expiresIn == nil)
    }

    @Test("RFC 6749 §5.1: no scope means the scope that was asked for; the answer does not invent one")
    func scopeLeftOut() {
        let granted = judgeToken(#"{"access_token":"t","token_type":"Bearer"}"#).granted
        #expect(granted != nil && granted?.scope == nil)
    }

    @Test(
        "RFC 6749 §5.2: each error code is read as it is",
        arguments: [
            "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
            "invalid_scope",
        ])
    func errors(code: String) {
        let verdict = TokenResponse.judge(answer(400, #"{"error":"\#(code)"}"#), dialect: Dialect())
        #expect(verdict == .refused(OAuthError(code: code)))
    }

    @Test("RFC 6749 §6: a refresh asks for no scope that was not granted: it asks for none")
    func refreshScope() {
        let grant = RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: [])
        #expect(grant == Parameters([("grant_type", "refresh_token"), ("refresh_token", "r")]))
    }

    @Test("RFC 6749 §7.1: a token of a type that is not understood is not used", arguments: ["mac", "pop", "Bearer2"])
    func unknownType(type: String) {
        #expect(judgeToken(#"{"access_token":"t","token_type":"\#(type)"}"#).isMalformed)
    }

    // MARK: §10 Security, appendices

    @Test("RFC 6749 §10.14: what a log or a page could obey is taken out of errors")
    func sanitized() throws {
        let verdict = try judgeReturn("error=e%1B%5B2J&error_description=a%0D%0Ab%E2%80%AEc")
        guard case .refused(let error) = verdict else { throw Unexpected(verdict) }
        #expect(error.code == "e [2J" && error.description == "a  b c")
    }

    @Test("RFC 6749 appendix A.11: a code is visible ASCII", arguments: ["code=%00", "code=a%0Ab", "code=%C3%A9"])
    func codeCharacters(query: String) throws { #expect(try judgeReturn(query).isInvalid) }

    @Test("RFC 6749 appendix A.12: a token is visible ASCII", arguments: [#"a\nb"#, #"\u0000"#, "é"])
    func tokenCharacters(text: String) {
        #expect(judgeToken(#"{"access_token":"\#(text)","token_type":"Bearer"}"#).isMalformed)
    }

    @Test("RFC 6749 appendix B: parameters are UTF-8 and form-encoded, in the body as in the query")
    func encoding() throws {
        let request = try tokenRequest(Parameters([("grant_type", "x"), ("a b", "é+&=%")]))
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
        #expect(String(decoding: request.body, as: UTF8.self) == "grant_type=x&a%20b=%C3%A9%2B%26%3D%25")
    }
}
