import HTTPTypes
import Testing

@testable import OAuth

@Suite("Revocation")
struct RevocationTests {
    @Test("RFC 7009 §2.1: the token and its kind, authenticated once")
    func request() throws {
        let request = Revocation.request(
            token: Secret("t+1"), hint: "refresh_token", at: try endpoint("https://as.example/revoke"),
            client: Client(id: "c", authentication: .clientSecretBasic(Secret("s"))), dialect: Dialect(),
            freshness: Freshness(now: 0, jti: "j"))
        #expect(request.method == .post)
        #expect(request.headerFields[.authorization] == "Basic Yzpz")
        #expect(
            try Parameters(bodyOf: request) == Parameters([("token", "t+1"), ("token_type_hint", "refresh_token")]))
    }

    @Test("RFC 7009 §2.2: 2xx is revoked, whatever it says", arguments: [200, 202, 204])
    func revoked(_ status: Int) { #expect(Revocation.judge(EndpointResponse(status, nil, "odd")) == .revoked) }

    @Test("RFC 7009 §2.2.1: an error is an error")
    func refused() {
        let response = EndpointResponse(400, nil, #"{"error":"unsupported_token_type"}"#)
        #expect(Revocation.judge(response) == .refused(OAuthError(code: "unsupported_token_type")))
    }

    @Test("F24: what will pass is to be tried again, however it is worded", arguments: [408, 429, 500, 503])
    func unavailable(_ status: Int) {
        for body in ["", #"{"error":"server_error"}"#] {
            #expect(Revocation.judge(EndpointResponse(status, nil, body)) == .unavailable(status: status))
        }
    }

    @Test("F24: what cannot be read is not taken for revoked", arguments: [302, 400, 404])
    func unreadable(_ status: Int) {
        #expect(Revocation.judge(EndpointResponse(status, nil, "<html>")) == .unavailable(status: status))
    }
}
