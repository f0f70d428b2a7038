import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 7009: Token Revocation")
struct RFC7009Tests {
    private func request(_ client: Client) throws -> EndpointRequest {
        Revocation.request(
            token: Secret("t"), hint: "refresh_token", at: try url("https://as.example/revoke"), client: client,
            dialect: Dialect(), freshness: fresh)
    }

    @Test("RFC 7009 §2: the endpoint is https")
    func https() throws {
        let document = #"{"issuer":"https://as.example","revocation_endpoint":"http://as.example/revoke"}"#
        let verdict = Discovery.judge(answer(200, document), issuer: issuer, allowHTTP: false)
        guard case .malformed = verdict else { throw Unexpected(verdict) }
    }

    @Test("RFC 7009 §2.1: the token is posted in a form")
    func posted() throws {
        let request = try request(secretClient)
        #expect(request.method == .post && request.url.query == nil)
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
        #expect(try form(request)["token"] == "t")
    }

    @Test("RFC 7009 §2.1: the client's credentials go along; a public client says its client_id")
    func credentials() throws {
        #expect(try request(secretClient).headerFields[.authorization] == "Basic Y2xpZW50OnNlY3JldA==")
        #expect(try form(try request(publicClient))["client_id"] == "client")
    }

    @Test(
        "RFC 7009 §2.2: the body of a 200 is ignored", arguments: ["", "{}", "<html>", #"{"error":"invalid_token"}"#])
    func bodyIgnored(body: String) { #expect(Revocation.judge(answer(200, body)) == .revoked) }

    @Test("RFC 7009 §2.2.1: after 503 the token must be taken to exist still")
    func stillThere() { #expect(Revocation.judge(answer(503, "")) == .unavailable(status: 503)) }

    @Test("RFC 7009 §2.2.1: unsupported_token_type is a refusal, not a revocation")
    func unsupported() {
        let verdict = Revocation.judge(answer(400, #"{"error":"unsupported_token_type"}"#))
        #expect(verdict == .refused(OAuthError(code: "unsupported_token_type")))
    }
}
