import HTTPTypes
import Testing

@testable import OAuth

@Suite("Pushed authorization requests")
struct PushedAuthorizationRequestTests {
    static let requestURI = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"

    static func push(
        _ request: AuthorizationRequest, _ authentication: ClientAuthentication = .none, dialect: Dialect = Dialect()
    ) throws -> EndpointRequest {
        PushedAuthorizationRequest.request(
            request, at: try endpoint("https://as.example.com/as/par"),
            client: Client(id: request.clientID, authentication: authentication), dialect: dialect,
            freshness: Freshness(now: 0, jti: "j"))
    }

    static let example = AuthorizationRequest(
        clientID: "s6BhdRkqt3", redirectURI: "https://client.example.org/cb", scope: ["account-information"],
        state: Secret("af0ifjsldkj"), codeChallenge: "K2-ltc83acc4h0c9w6ESC_rEMTJ3bww-uCHaoeK1t8U")

    static func judge(_ status: Int, _ body: String) -> PushedAuthorizationRequest.Verdict {
        PushedAuthorizationRequest.judge(EndpointResponse(status, "application/json", body))
    }

    static func isMalformed(_ verdict: PushedAuthorizationRequest.Verdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    @Test("RFC 9126 §2.1: the parameters of its example, authenticated as there")
    func request() throws {
        let request = try Self.push(Self.example, .clientSecretBasic(Secret("7Fjfp0ZBr1KtDRbnfVdmIw")))
        #expect(request.method == .post)
        #expect(request.url.string == "https://as.example.com/as/par")
        #expect(request.headerFields[.authorization] == "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3")
        let form = try Parameters(bodyOf: request)
        let expected = try Parameters(
            formURLEncoded: "response_type=code&state=af0ifjsldkj&client_id=s6BhdRkqt3"
                + "&redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb"
                + "&code_challenge=K2-ltc83acc4h0c9w6ESC_rEMTJ3bww-uCHaoeK1t8U&code_challenge_method=S256"
                + "&scope=account-information")
        #expect(Set(form.pairs) == Set(expected.pairs))
        #expect(form.pairs.count == expected.pairs.count)
    }

    @Test("RFC 9126 §2.1: client_id stands there once, however the client authenticates")
    func clientID() throws {
        for authentication in [
            ClientAuthentication.none, .clientSecretPost(Secret("s")), .clientSecretBasic(Secret("s")),
        ] {
            let form = try Parameters(bodyOf: try Self.push(Self.example, authentication))
            #expect(form.values(of: "client_id") == ["s6BhdRkqt3"])
        }
    }

    @Test("RFC 9126 §2.1: request_uri is not pushed")
    func noRequestURI() throws {
        var request = Self.example
        request.additional = Parameters([("request_uri", "urn:x"), ("ui_locales", "de")])
        let form = try Parameters(bodyOf: try Self.push(request))
        #expect(form["request_uri"] == nil)
        #expect(form["ui_locales"] == "de")
    }

    @Test("What is pushed is what the browser would have carried")
    func same() throws {
        var request = Self.example
        request.resource = ["https://r.example/1", "https://r.example/2"]
        request.nonce = "n"
        var dialect = Dialect()
        dialect.authorizationParameters = Parameters([("access_type", "offline")])
        let url = try EndpointURL(request.url(at: try endpoint(), dialect: dialect))
        let carried = try Parameters(formURLEncoded: url.query ?? "")
        #expect(try Parameters(bodyOf: try Self.push(request, dialect: dialect)) == carried)
        #expect(carried == request.parameters(dialect: dialect))
    }

    @Test("RFC 9126 §2.2: its example is accepted; 200 is let pass", arguments: [201, 200])
    func accepted(_ status: Int) {
        #expect(
            Self.judge(status, #"{"request_uri":"\#(Self.requestURI)","expires_in":60}"#)
                == .accepted(requestURI: Self.requestURI, expiresIn: 60))
        #expect(
            Self.judge(status, #"{"request_uri":"urn:x","expires_in":"60"}"#)
                == .accepted(requestURI: "urn:x", expiresIn: 60))
    }

    @Test("RFC 9126 §2.3: its example is refused")
    func refused() throws {
        let verdict = Self.judge(
            400,
            #"{"error":"invalid_request","error_description":"The redirect_uri is not valid for the given client"}"#)
        guard case .refused(let error) = verdict else {
            Issue.record("judged \(verdict)")
            return
        }
        #expect(error.code == "invalid_request")
        #expect(error.description == "The redirect_uri is not valid for the given client")
        #expect(
            PushedAuthorizationRequest.judge(
                EndpointResponse(status: 401, headerFields: [.wwwAuthenticate: "Basic realm=\"x\""]))
                == .refused(OAuthError(code: "invalid_client")))
    }

    @Test(
        "RFC 9126 §2.2: an answer without a reference or a lifetime is malformed",
        arguments: [
            "", "[]", "{}", #"{"request_uri":"urn:x"}"#, #"{"request_uri":"urn:x","expires_in":0}"#,
            #"{"request_uri":"urn:x","expires_in":null}"#, #"{"request_uri":null,"expires_in":60}"#,
            #"{"request_uri":"","expires_in":60}"#, #"{"request_uri":7,"expires_in":60}"#,
            #"{"request_uri":"no colon","expires_in":60}"#, #"{"request_uri":"urn:a b","expires_in":60}"#,
            #"{"request_uri":"urn:a\nb","expires_in":60}"#, #"{"request_uri":"relative","expires_in":60}"#,
        ])
    func malformed(_ body: String) { #expect(Self.isMalformed(Self.judge(201, body))) }

    @Test("RFC 9126 §2.3: too large is malformed, too many passes")
    func statuses() {
        #expect(Self.isMalformed(Self.judge(413, "")))
        #expect(Self.isMalformed(Self.judge(302, "")))
        #expect(
            PushedAuthorizationRequest.judge(EndpointResponse(status: 429, headerFields: [.retryAfter: "1"]))
                == .unavailable(status: 429, retryAfter: .seconds(1)))
        #expect(Self.judge(503, "<html>") == .unavailable(status: 503, retryAfter: nil))
    }

    @Test("RFC 9126 §4: its example; the endpoint's own query stays")
    func url() throws {
        #expect(
            PushedAuthorizationRequest.url(
                at: try endpoint("https://as.example.com/authorize"), clientID: "s6BhdRkqt3",
                requestURI: Self.requestURI)
                == "https://as.example.com/authorize?client_id=s6BhdRkqt3"
                + "&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c")
        #expect(
            PushedAuthorizationRequest.url(
                at: try endpoint("https://as.example/a?p=1"), clientID: "c", requestURI: "urn:x")
                == "https://as.example/a?p=1&client_id=c&request_uri=urn%3Ax")
    }
}

@Suite("What an authorization request may ask for besides")
struct AuthorizationRequestExtensionTests {
    static func request() -> AuthorizationRequest {
        AuthorizationRequest(
            clientID: "c", redirectURI: "https://x", scope: [], state: Secret("st"), codeChallenge: nil)
    }

    @Test("RFC 8707 §2, OpenID Connect Core §3.1.2.1, RFC 9449 §10: each under its name, resources once for each")
    func fields() {
        var request = Self.request()
        request.resource = ["https://cal.example.com/", "https://contacts.example.com/"]
        request.responseMode = "form_post"
        request.nonce = "n"
        request.prompt = "login"
        request.loginHint = "a@b"
        request.claims = #"{"id_token":{}}"#
        request.dpopJKT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        let parameters = request.parameters(dialect: Dialect())
        #expect(parameters.values(of: "resource") == ["https://cal.example.com/", "https://contacts.example.com/"])
        #expect(
            ["response_mode", "nonce", "prompt", "login_hint", "claims", "dpop_jkt"].map { parameters[$0] }
                == [
                    "form_post", "n", "login", "a@b", #"{"id_token":{}}"#,
                    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                ])
        #expect(parameters.duplicatedNames == ["resource"])
    }

    @Test("What is not asked for is not there")
    func nothing() {
        #expect(
            Self.request().parameters(dialect: Dialect()).pairs.map(\.name)
                == ["response_type", "client_id", "redirect_uri", "state"])
    }

    @Test("The request's own goes before the profile's")
    func order() {
        var dialect = Dialect()
        dialect.authorizationParameters = Parameters([("prompt", "consent"), ("resource", "https://p.example")])
        var request = Self.request()
        #expect(request.parameters(dialect: dialect)["prompt"] == "consent")
        #expect(request.parameters(dialect: dialect).values(of: "resource") == ["https://p.example"])
        request.prompt = "login"
        request.resource = ["https://r.example/1", "https://r.example/2"]
        let parameters = request.parameters(dialect: dialect)
        #expect(parameters.values(of: "prompt") == ["login"])
        #expect(parameters.values(of: "resource") == ["https://r.example/1", "https://r.example/2"])
    }

    @Test("RFC 6749 §3.1: no parameter is empty")
    func empty() {
        var dialect = Dialect()
        dialect.authorizationParameters = Parameters([("access_type", "")])
        var request = Self.request()
        request.loginHint = ""
        request.additional = Parameters([("x", "")])
        #expect(request.parameters(dialect: dialect).pairs.allSatisfy { !$0.value.isEmpty })
    }
}
