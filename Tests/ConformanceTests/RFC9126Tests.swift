import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 9126, RFC 9207: Pushed Authorization Requests and the issuer in the response")
struct RFC9126Tests {
    private func pushed(
        _ change: (inout AuthorizationRequest) -> Void = { _ in }, by client: Client = secretClient
    ) throws -> EndpointRequest {
        var request = authorizationRequest()
        change(&request)
        return PushedAuthorizationRequest.request(
            request, at: try url("https://as.example/par"), client: client, dialect: Dialect(), freshness: fresh)
    }

    // MARK: RFC 9126

    @Test("RFC 9126 §2: the endpoint is https")
    func https() throws {
        let document = #"{"issuer":"\#(issuer)","pushed_authorization_request_endpoint":"http://as.example/par"}"#
        let verdict = Discovery.judge(answer(200, document), issuer: issuer, allowHTTP: false)
        guard case .malformed = verdict else { throw Unexpected(verdict) }
    }

    @Test("RFC 9126 §2.1: the request is a form, posted")
    func posted() throws {
        let request = try pushed()
        #expect(request.method == .post && request.url.query == nil)
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
    }

    @Test("RFC 9126 §2.1: request_uri is not pushed")
    func noRequestURI() throws {
        let request = try pushed({ $0.additional = Parameters([("request_uri", "urn:x"), ("acr_values", "y")]) })
        #expect(try form(request)["request_uri"] == nil && form(request)["acr_values"] == "y")
    }

    @Test("RFC 9126 §2: the client authenticates as at the token endpoint")
    func authenticated() throws {
        #expect(try pushed().headerFields[.authorization] == tokenRequest().headerFields[.authorization])
        #expect(try form(try pushed(by: publicClient))["client_id"] == "client")
    }

    @Test("RFC 9126 §2.2: an answer holds request_uri and expires_in", arguments: [#"{"request_uri":"urn:x"}"#, "{}"])
    func required(body: String) throws {
        let verdict = PushedAuthorizationRequest.judge(answer(201, body))
        guard case .malformed = verdict else { throw Unexpected(verdict) }
        let sound = PushedAuthorizationRequest.judge(answer(201, #"{"request_uri":"urn:x","expires_in":60}"#))
        #expect(sound == .accepted(requestURI: "urn:x", expiresIn: 60))
    }

    @Test("RFC 9126 §4: the browser takes client_id and request_uri, and nothing of the request")
    func reference() throws {
        let text = PushedAuthorizationRequest.url(
            at: try url("https://as.example/authorize"), clientID: "client", requestURI: "urn:x:1")
        #expect(text == "https://as.example/authorize?client_id=client&request_uri=urn%3Ax%3A1")
    }

    @Test("RFC 9126 §5: a server that wants pushed requests alone gets no other")
    func demanded() throws {
        var server = AuthorizationServer()
        server.authorizationEndpoint = try url()
        server.tokenEndpoint = try url()
        #expect(server.missingMember(for: .authorizationCode) == nil)
        server.requirePushedAuthorizationRequests = true
        #expect(server.missingMember(for: .authorizationCode) == "pushed_authorization_request_endpoint")
    }

    // MARK: RFC 9207

    @Test("RFC 9207 §2.4: an iss that is there is compared, though nobody promised it", arguments: [true, false])
    func otherServer(promises: Bool) throws {
        #expect(try judgeReturn("code=c&iss=https%3A%2F%2Fother.example", promisesIssuer: promises).isInvalid)
        let verdict = try judgeReturn("code=c&iss=https%3A%2F%2Fas.example", promisesIssuer: promises)
        #expect(verdict == .code(Secret("c")))
    }

    @Test(
        "RFC 9207 §2.4: iss is compared character by character",
        arguments: ["https%3A%2F%2Fas.example%2F", "https%3A%2F%2FAS.example", "HTTPS%3A%2F%2Fas.example", ""])
    func toTheLetter(value: String) throws {
        #expect(try judgeReturn("code=c&iss=\(value)", promisesIssuer: true).isInvalid)
    }

    @Test("RFC 9207 §2.4: a code without iss is refused from a server that promises one")
    func missing() throws {
        #expect(try judgeReturn("code=c", promisesIssuer: true).isInvalid)
        #expect(try judgeReturn("code=c", promisesIssuer: false) == .code(Secret("c")))
    }

    @Test("RFC 9207 §2.4: an error of another issuer is not believed")
    func errorOfAnother() throws {
        #expect(try judgeReturn("error=access_denied&iss=https%3A%2F%2Fother.example").isInvalid)
    }

    @Test("RFC 9207 §3: the promise is read from the metadata, and counts when it is true alone")
    func promise() throws {
        for (value, isPromised) in [("true", true), ("false", false), (#""true""#, false), ("1", false)] {
            let document = #"{"issuer":"\#(issuer)","authorization_response_iss_parameter_supported":\#(value)}"#
            let verdict = Discovery.judge(answer(200, document), issuer: issuer, allowHTTP: false)
            guard case .found(let server) = verdict else { throw Unexpected(verdict) }
            #expect(server.authorizationResponseIssParameterSupported == isPromised)
        }
    }
}
