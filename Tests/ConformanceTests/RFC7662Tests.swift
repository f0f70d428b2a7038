import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 7662: Token Introspection")
struct RFC7662Tests {
    private func request(_ client: Client = secretClient) throws -> EndpointRequest {
        Introspection.request(
            token: Secret("t"), hint: "access_token", at: try url("https://as.example/introspect"), client: client,
            dialect: Dialect(), freshness: fresh)
    }

    @Test("RFC 7662 §2.1: the token is posted in a form, and never stands in the URI")
    func posted() throws {
        let request = try request()
        #expect(request.method == .post && request.url.query == nil)
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
        #expect(try form(request)["token"] == "t" && form(request)["token_type_hint"] == "access_token")
    }

    @Test("RFC 7662 §2.1: the request is authenticated")
    func authenticated() throws {
        #expect(try request().headerFields[.authorization] == "Basic Y2xpZW50OnNlY3JldA==")
    }

    @Test(
        "RFC 7662 §2.2: active must be there, and be true or false",
        arguments: ["{}", #"{"active":1}"#, #"{"active":"true"}"#, #"{"active":null}"#])
    func active(body: String) throws {
        let verdict = Introspection.judge(answer(200, body))
        guard case .malformed = verdict else { throw Unexpected(verdict) }
    }

    @Test("RFC 7662 §2.2: a token that is not active is that, whatever stands beside it")
    func inactive() {
        #expect(Introspection.judge(answer(200, #"{"active":false,"sub":"s","exp":4102444800}"#)) == .inactive)
    }

    @Test("RFC 7662 §2.2: members that are not understood are let pass")
    func unknownMembers() throws {
        let verdict = Introspection.judge(answer(200, #"{"active":true,"scope":"a B","foo":[1]}"#))
        guard case .active(let token) = verdict else { throw Unexpected(verdict) }
        #expect(token.scope == ["a", "B"])
    }

    @Test("RFC 7662 §2.3: 401 is an error of the client's, not a token that is not active")
    func unauthorized() {
        let verdict = Introspection.judge(challenged(401, "Basic realm=x"))
        #expect(verdict == .refused(OAuthError(code: "invalid_client")))
    }
}
