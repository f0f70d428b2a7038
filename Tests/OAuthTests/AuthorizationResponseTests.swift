import Testing

@testable import OAuth

@Suite("What comes back to the redirection endpoint")
struct AuthorizationResponseTests {
    static let issuer = "https://as.example/K"

    static func judge(_ query: String, promisesIssuer: Bool = false, dialect: Dialect = Dialect()) throws
        -> AuthorizationVerdict
    {
        var server = AuthorizationServer()
        server.issuer = issuer
        server.authorizationResponseIssParameterSupported = promisesIssuer
        return AuthorizationResponse.judge(try Parameters(formURLEncoded: query), server: server, dialect: dialect)
    }

    static func isInvalid(_ verdict: AuthorizationVerdict) -> Bool {
        if case .invalid = verdict { true } else { false }
    }

    @Test(
        "A code is a code",
        arguments: [
            "code=abc&state=s", "code=abc", "state=s&code=abc&other=1", "error=&code=abc&state=s",
            "code=%61b%63&error_description=x",
        ])
    func code(_ query: String) throws { #expect(try Self.judge(query) == .code(Secret("abc"))) }

    @Test("A code's plus is a space")
    func plus() throws { #expect(try Self.judge("code=a+b") == .code(Secret("a b"))) }

    @Test(
        "F10: an issuer that is not the one asked is invalid, to the letter",
        arguments: [
            "https://evil.example", "https://as.example/K/", "https://as.example/k", "https://AS.example/K",
            "https://as.example:443/K", "",
            "https://as.example/%4B", "https://as.example/%E2%84%AA",
        ])
    func wrongIssuer(_ iss: String) throws {
        let encoded = iss.contains("%E2") ? iss : Parameters.encode(iss)
        #expect(Self.isInvalid(try Self.judge("code=abc&iss=\(encoded)")))
        #expect(Self.isInvalid(try Self.judge("error=access_denied&iss=\(encoded)", promisesIssuer: true)))
    }

    @Test("F10: an issuer that is promised and absent is invalid")
    func absentIssuer() throws {
        #expect(Self.isInvalid(try Self.judge("code=abc", promisesIssuer: true)))
        #expect(
            try Self.judge("code=abc&iss=\(Parameters.encode(Self.issuer))", promisesIssuer: true)
                == .code(Secret("abc")))
    }

    @Test("F12: an error is an error and nothing more, with or without the promised issuer")
    func error() throws {
        guard
            case .refused(let error) = try Self.judge(
                "error=access_denied&error_description=No+thanks&error_uri=https%3A%2F%2Fas.example%2Fe",
                promisesIssuer: true)
        else {
            Issue.record("not refused")
            return
        }
        #expect((error.code, error.description, error.uri) == ("access_denied", "No thanks", "https://as.example/e"))
    }

    @Test("F12: an error beside a code is an error: the code is not spent")
    func both() throws {
        guard case .refused(let error) = try Self.judge("code=abc&error=access_denied") else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == "access_denied")
    }

    @Test(
        "F17: a parameter that stands there twice is invalid",
        arguments: [
            "code=a&code=a", "code=a&code=b", "code=a&state=s&state=t", "error=a&error=b", "code=a&iss=x&iss=x",
            "code=&code=a", "code=a&%63ode=a",
        ])
    func duplicates(_ query: String) throws { #expect(Self.isInvalid(try Self.judge(query))) }

    @Test(
        "Neither a code nor an error is invalid",
        arguments: [
            "", "state=s", "code=", "error=", "code=&error=", "access_token=a&token_type=bearer", "response=e30.e30.",
        ])
    func neither(_ query: String) throws { #expect(Self.isInvalid(try Self.judge(query))) }

    @Test(
        "F13: a code of another form than codes have is invalid",
        arguments: ["a%00b", "a%0D%0Ab", "a%7Fb", "%C3%A9", String(repeating: "a", count: 8193)])
    func form(_ code: String) throws { #expect(Self.isInvalid(try Self.judge("code=\(code)"))) }

    @Test("The code stands where the profile says")
    func codeParameter() throws {
        var dialect = Dialect()
        dialect.codeParameter = "auth_code"
        #expect(try Self.judge("auth_code=abc", dialect: dialect) == .code(Secret("abc")))
        #expect(Self.isInvalid(try Self.judge("code=abc", dialect: dialect)))
        #expect(Self.isInvalid(try Self.judge("auth_code=a&auth_code=b", dialect: dialect)))
    }
}
