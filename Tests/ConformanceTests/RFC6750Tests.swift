import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 6750: Bearer Token Usage")
struct RFC6750Tests {
    private func request(_ token: String, type: String = "Bearer") throws -> EndpointRequest {
        UserInfo.request(at: try url("https://as.example/userinfo"), accessToken: Secret(token), tokenType: type)
    }

    @Test("RFC 6750 §2: the token is sent in one way alone: not in the body, not in the URI")
    func oneWay() throws {
        let request = try request("mF_9.B5f-4.1JqM")
        #expect(request.headerFields[values: .authorization] == ["Bearer mF_9.B5f-4.1JqM"])
        #expect(request.body.isEmpty && request.url.string == "https://as.example/userinfo")
    }

    @Test("RFC 6750 §2.1: the token goes after the scheme as it is, characters and padding alike")
    func asItIs() throws {
        #expect(try request("a-._~+/b==").headerFields[.authorization] == "Bearer a-._~+/b==")
    }

    @Test("RFC 6750 §3.1: the resource's error is read from its challenge", arguments: [401, 403, 400])
    func error(status: Int) throws {
        let verdict = UserInfo.judge(challenged(status, #"Bearer realm="x", error="invalid_token""#))
        guard case .refused(let refusal) = verdict else { throw Unexpected(verdict) }
        #expect(refusal.error == OAuthError(code: "invalid_token"))
    }

    @Test("RFC 6750 §3: scope is a list with spaces between, and stands there once")
    func scope() {
        let challenges = Challenge.read([.wwwAuthenticate: #"Bearer scope="urn:example:a b""#])
        #expect(challenges?.first?.scope == ["urn:example:a", "b"])
        #expect(Challenge.read([.wwwAuthenticate: #"Bearer scope="a", scope="b""#]) == nil)
    }

    @Test("RFC 6750 §3: the scheme is Bearer in any case", arguments: ["Bearer", "bearer", "BEARER"])
    func scheme(name: String) {
        #expect(ProtectedResource.challenge(in: challenged(401, "\(name) realm=x"))?.scheme == "bearer")
    }

    @Test("RFC 6750 §5.3: a token leaves over TLS alone; http is refused", arguments: ["http://as.example/token"])
    func tls(text: String) throws {
        #expect(try !EndpointURL(text).isSafe(allowHTTP: false))
        #expect(try !EndpointURL(text).isSafe(allowHTTP: true))
    }

    @Test("RFC 6750 §5.3: a token is not seen where a request, an answer or a grant is printed")
    func notPrinted() throws {
        let token = "mF-9-B5f-4"
        let request = try request(token)
        let granted = judgeToken(#"{"access_token":"\#(token)","token_type":"Bearer"}"#)
        #expect(granted.granted?.accessToken.reveal() == token)
        for text in ["\(request)", String(reflecting: request), "\(granted)", String(reflecting: granted)] {
            #expect(!text.contains(token))
        }
    }
}
