import HTTPTypes
import Testing

@testable import OAuth

@Suite("Secrets do not show")
struct RedactionTests {
    static let secret = "s3cr3t-value"

    static func hides<Value>(_ value: Value) -> Bool { !printed(value).contains(secret) }

    @Test("A secret prints as dots, however it is printed")
    func secret() {
        #expect(Self.hides(Secret(Self.secret)))
        #expect("\(Secret(Self.secret))" == "••••")
        #expect(String(reflecting: Secret(Self.secret)) == "••••")
        #expect(Secret(Self.secret).reveal() == Self.secret)
    }

    @Test("A secret is equal by its bytes")
    func equality() {
        #expect(Secret("abc") == Secret("abc"))
        #expect(Secret("abc") != Secret("abd"))
        #expect(Secret("abc") != Secret("abcd"))
        #expect(Secret("") == Secret(""))
        #expect(Secret("\u{E9}") != Secret("e\u{301}"))
        #expect(Set([Secret("a"), Secret("a"), Secret("b")]).count == 2)
        #expect(Secret("").isEmpty)
    }

    @Test("Parameters print their names")
    func parameters() {
        let parameters = Parameters([("code", Self.secret)])
        #expect(Self.hides(parameters))
        #expect(Self.hides(parameters.pairs))
        #expect(printed(parameters).contains("code"))
    }

    @Test("Requests print method and address")
    func request() throws {
        let request = EndpointRequest(
            method: .post, url: try endpoint("https://as.example/t?k=\(Self.secret)"),
            headerFields: [.authorization: "Bearer \(Self.secret)"],
            body: Array(Self.secret.utf8))
        #expect(Self.hides(request))
        #expect("\(request)" == "POST https://as.example/t")
        #expect(!printed(request).contains(request.body.map(String.init).joined(separator: ", ")))
    }

    @Test("Answers print status and size")
    func response() {
        let response = EndpointResponse(
            status: 200, headerFields: [.setCookie: Self.secret], body: Array(Self.secret.utf8))
        #expect(Self.hides(response))
        #expect("\(response)" == "status 200, 12 bytes")
        #expect(!printed(response).contains("115"))
    }

    @Test("Token answers, verdicts, clients and grants hide their tokens")
    func others() throws {
        let body =
            #"{"access_token":"\#(Self.secret)","refresh_token":"\#(Self.secret)","id_token":"\#(Self.secret)","x":{"token":"\#(Self.secret)"}}"#
        let verdict = TokenResponse.judge(EndpointResponse(200, nil, body), dialect: Dialect())
        guard case .granted(let response) = verdict else {
            Issue.record("not granted")
            return
        }
        #expect(Self.hides(response))
        #expect(Self.hides(verdict))
        #expect(Self.hides(response.additional))
        #expect(Self.hides(JSONValue.object(response.additional)))
        #expect(printed(response.additional).contains("x"))
        for authentication in [
            ClientAuthentication.clientSecretBasic(Secret(Self.secret)), .clientSecretPost(Secret(Self.secret)),
        ] {
            #expect(Self.hides(authentication))
            #expect(Self.hides(Client(id: "c", authentication: authentication)))
        }
        #expect(Self.hides(AuthorizationVerdict.code(Secret(Self.secret))))
        #expect(
            Self.hides(
                AuthorizationRequest(
                    clientID: "c", redirectURI: "https://x", scope: [], state: Secret(Self.secret), codeChallenge: nil,
                    additional: Parameters([("k", Self.secret)]))))
    }

    @Test(
        "What could not be read is not told",
        arguments: [#"{"a":"s3cr3t-value" x"#, #"["s3cr3t-value""#, #""s3cr3t-value"#])
    func failures(_ text: String) {
        #expect(throws: JSONReader.Failure.self) { try json(text) }
        do { _ = try json(text) } catch { #expect(Self.hides(error)) }
        if case .malformed(let reason, _) = TokenResponse.judge(EndpointResponse(200, nil, text), dialect: Dialect()) {
            #expect(Self.hides(reason))
        }
    }
}
