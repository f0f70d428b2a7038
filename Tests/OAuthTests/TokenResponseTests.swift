import HTTPTypes
import Testing

@testable import OAuth

@Suite("The token endpoint's answer")
struct TokenResponseTests {
    static func judge(
        _ body: String, _ status: Int = 200, _ type: String? = "application/json", _ dialect: Dialect = Dialect()
    )
        -> TokenVerdict
    {
        TokenResponse.judge(EndpointResponse(status, type, body), dialect: dialect)
    }

    static func granted(_ body: String, _ type: String? = "application/json", _ dialect: Dialect = Dialect()) throws
        -> TokenResponse
    {
        guard case .granted(let response) = judge(body, 200, type, dialect) else {
            throw Unexpected(verdict: judge(body, 200, type, dialect))
        }
        return response
    }

    struct Unexpected: Error { let verdict: TokenVerdict }

    static func isMalformed(_ verdict: TokenVerdict) -> Bool { if case .malformed = verdict { true } else { false } }

    @Test("RFC 6749 §5.1: its example is granted whole")
    func example() throws {
        let response = try Self.granted(
            #"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"example_is_bearer","expires_in":3600,"#
                .replacing("example_is_bearer", with: "bearer")
                + #""refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"example_value","scope":"a b"}"#)
        #expect(response.accessToken.reveal() == "2YotnFZFEjr1zCsicMWpAA")
        #expect(response.refreshToken?.reveal() == "tGzv3JOkF0XG5Qx2TlKWIA")
        #expect(response.expiresIn == 3600)
        #expect(response.scope == ["a", "b"])
        #expect(response.additional == JSONObject([("example_parameter", .string("example_value"))]))
        #expect(response.warnings.isEmpty)
    }

    @Test(
        "N7: what is no token answer is malformed",
        arguments: [
            (200, "<html></html>"), (204, ""), (200, ""), (200, "ok"), (200, "[]"), (200, "null"),
            (206, #"{"access_token":"x"}"#),
            (302, ""), (404, "not here"), (400, "{}"), (401, ""), (201, "{}"),
        ])
    func malformed(_ status: Int, _ body: String) { #expect(Self.isMalformed(Self.judge(body, status))) }

    @Test(
        "N8: a form counts only where the type or the profile says so",
        arguments: [nil, "application/json", "text/plain", "text/html"])
    func formNeedsPermission(_ type: String?) throws {
        let form = "access_token=abc&token_type=bearer&expires_in=60&scope=a+b"
        #expect(Self.isMalformed(Self.judge(form, 200, type)))
        var dialect = Dialect()
        dialect.acceptsFormResponse = true
        let response = try Self.granted(form, type, dialect)
        #expect(response.accessToken.reveal() == "abc")
        #expect(response.expiresIn == 60)
        #expect(response.scope == ["a", "b"])
    }

    @Test("N8: a form that names a member twice is malformed")
    func duplicatedForm() {
        #expect(Self.isMalformed(Self.judge("access_token=a&access_token=b", 200, "application/x-www-form-urlencoded")))
    }

    @Test("N7: a page is malformed though the profile accepts forms")
    func pageWithFormDialect() {
        var dialect = Dialect()
        dialect.acceptsFormResponse = true
        #expect(Self.isMalformed(Self.judge("<!doctype html><p>a=b&access_token</p>", 200, "text/html", dialect)))
    }

    @Test("N9: an error is that error whatever the status", arguments: [200, 201, 400, 401, 403, 404, 418, 302])
    func errorWhateverTheStatus(_ status: Int) {
        #expect(Self.judge(#"{"error":"invalid_grant"}"#, status) == .refused(OAuthError(code: "invalid_grant")))
    }

    @Test("N9: an error beside a token wins")
    func errorBesideToken() {
        #expect(
            Self.judge(#"{"access_token":"a","error":"invalid_grant"}"#) == .refused(OAuthError(code: "invalid_grant")))
    }

    @Test("An error that is not text is malformed", arguments: ["7", "true", "{}", "[]"])
    func errorNotText(_ value: String) {
        #expect(Self.isMalformed(Self.judge(#"{"access_token":"a","error":\#(value)}"#)))
    }

    @Test("408, 429 and 5xx will pass, however they are worded", arguments: [408, 429, 500, 502, 503, 504, 599])
    func passing(_ status: Int) {
        for body in [
            "", "<html>", "{}", #"{"error":"temporarily_unavailable"}"#, #"{"error":"odd"}"#, #"{"access_token":"a"}"#,
        ] {
            #expect(Self.judge(body, status) == .unavailable(status: status, retryAfter: nil))
        }
    }

    @Test("A 5xx that blames the grant or the client is believed", arguments: ["invalid_grant", "invalid_client"])
    func blaming(_ code: String) {
        #expect(Self.judge(#"{"error":"\#(code)"}"#, 500) == .refused(OAuthError(code: code)))
    }

    @Test("Retry-After comes with what is unavailable")
    func retryAfter() {
        let response = EndpointResponse(status: 503, headerFields: [.retryAfter: "120"])
        #expect(
            TokenResponse.judge(response, dialect: Dialect()) == .unavailable(status: 503, retryAfter: .seconds(120)))
    }

    @Test("RFC 6749 §5.2: 401 with a challenge is a failed client authentication")
    func challenge() {
        let response = EndpointResponse(status: 401, headerFields: [.wwwAuthenticate: "Basic realm=\"x\""])
        #expect(TokenResponse.judge(response, dialect: Dialect()) == .refused(OAuthError(code: "invalid_client")))
    }

    @Test(
        "N10: token_type is Bearer in any case, missing is the default with a warning",
        arguments: ["Bearer", "bearer", "BEARER", "bEaReR"])
    func tokenType(_ type: String) throws {
        #expect(try Self.granted(#"{"access_token":"a","token_type":"\#(type)"}"#).tokenType == "Bearer")
    }

    @Test(
        "N10: token_type missing, null or empty is the profile's default, with a warning",
        arguments: ["", #","token_type":null"#, #","token_type":"""#])
    func noTokenType(_ member: String) throws {
        let response = try Self.granted(#"{"access_token":"a"\#(member)}"#)
        #expect(response.tokenType == "Bearer")
        #expect(response.warnings == ["token_type is missing"])
    }

    @Test(
        "N10: another token_type is refused", arguments: [#""mac""#, #""DPoP""#, #""Bearer ""#, #""N_A""#, "7", "[]"])
    func otherTokenType(_ type: String) {
        #expect(Self.isMalformed(Self.judge(#"{"access_token":"a","token_type":\#(type)}"#)))
    }

    @Test("N10: a word that the profile aliases is Bearer")
    func alias() throws {
        var dialect = Dialect()
        dialect.tokenTypeAliases = ["User Access Token"]
        #expect(
            try Self.granted(#"{"access_token":"a","token_type":"User Access Token"}"#, nil, dialect).tokenType
                == "Bearer")
    }

    @Test(
        "N11: expires_in is read from a number or its text",
        arguments: [
            ("3600", 3600), (#""3600""#, 3600), ("3600.0", 3600), ("3600.9", 3600), (#"" 3600 ""#, 3600),
            ("3.6e3", 3600), ("1", 1),
            ("2147483647", 2_147_483_647),
        ])
    func lifetime(_ value: String, _ seconds: Int) throws {
        let response = try Self.granted(#"{"access_token":"a","token_type":"Bearer","expires_in":\#(value)}"#)
        #expect(response.expiresIn == seconds)
        #expect(response.warnings.isEmpty)
    }

    @Test(
        "N11: expires_in that cannot be used leaves the lifetime unknown, with a warning",
        arguments: [
            "0", "-1", "0.5", "1e99", "1e400", "2147483648", "99999999999999999999", #""""#, #""zzz""#, #""0x10""#,
            #""inf""#, #""nan""#,
            #""3 600""#, #""1h""#, "true", "{}", "[]",
        ])
    func noLifetime(_ value: String) throws {
        let response = try Self.granted(#"{"access_token":"a","token_type":"Bearer","expires_in":\#(value)}"#)
        #expect(response.expiresIn == nil)
        #expect(response.warnings == ["expires_in cannot be used"])
    }

    @Test("N11: expires_in null or absent is unknown and needs no warning", arguments: ["", #","expires_in":null"#])
    func absentLifetime(_ member: String) throws {
        let response = try Self.granted(#"{"access_token":"a","token_type":"Bearer"\#(member)}"#)
        #expect(response.expiresIn == nil)
        #expect(response.warnings.isEmpty)
    }

    @Test("N12: duplicate members are malformed")
    func duplicates() { #expect(Self.isMalformed(Self.judge(#"{"access_token":"a","access_token":"a"}"#))) }

    @Test(
        "N17: a token with characters that no token may hold is refused",
        arguments: [#"\u0000"#, #"\r\n"#, #"\n"#, #"\u001b"#, #"\u007f"#, #"\u00e9"#, "é", "😀", #"\u2028"#])
    func characters(_ character: String) {
        for member in ["access_token", "refresh_token", "id_token"] {
            let others = member == "access_token" ? "" : #""access_token":"a","#
            #expect(Self.isMalformed(Self.judge(#"{\#(others)"\#(member)":"x\#(character)y","token_type":"Bearer"}"#)))
        }
    }

    @Test("N19: an empty or null refresh token is none", arguments: [#""""#, "null"])
    func emptyRefreshToken(_ value: String) throws {
        #expect(try Self.granted(#"{"access_token":"a","refresh_token":\#(value)}"#).refreshToken == nil)
    }

    @Test("N20: a token of 64 KiB is kept whole, a longer one refused")
    func longToken() throws {
        let longest = String(repeating: "a", count: 65_536)
        #expect(try Self.granted(#"{"access_token":"\#(longest)"}"#).accessToken.reveal() == longest)
        #expect(Self.isMalformed(Self.judge(#"{"access_token":"\#(longest)a"}"#)))
    }

    @Test(
        "A token that is missing, empty or not text is refused",
        arguments: ["{}", #"{"access_token":""}"#, #"{"access_token":null}"#, #"{"access_token":7}"#])
    func noToken(_ body: String) { #expect(Self.isMalformed(Self.judge(body))) }

    @Test("RFC 8259 §8.1: a byte order mark before the JSON is nothing; UTF-16 is no JSON")
    func byteOrderMark() throws {
        #expect(try Self.granted("\u{FEFF}" + #"{"access_token":"a"}"#).accessToken.reveal() == "a")
        #expect(Self.isMalformed(Self.judge("\u{FEFF}\u{FEFF}" + #"{"access_token":"a"}"#)))
    }

    @Test("F18: the scope is what the answer says, by the separators of the profile")
    func scope() throws {
        #expect(try Self.granted(#"{"access_token":"a"}"#).scope == nil)
        #expect(try Self.granted(#"{"access_token":"a","scope":""}"#).scope == [])
        #expect(try Self.granted(#"{"access_token":"a","scope":"a,b c"}"#).scope == ["a,b", "c"])
        #expect(try Self.granted(#"{"access_token":"a","scope":["a","b c"]}"#).scope == ["a", "b", "c"])
        #expect(
            try Self.granted(#"{"access_token":"a","token_type":"bearer","scope":["a"]}"#).warnings == [
                "scope is a list"
            ])
        var dialect = Dialect()
        dialect.responseScopeSeparators.insert(",")
        #expect(try Self.granted(#"{"access_token":"a","scope":"a,b, c"}"#, nil, dialect).scope == ["a", "b", "c"])
    }

    @Test(
        "A root holds the answer, whether or not a null error stands beside it",
        arguments: ["", #""error":null,"#, #""error":"","#])
    func root(_ beside: String) throws {
        var dialect = Dialect()
        dialect.responseRoot = "data.0"
        #expect(
            try Self.granted(#"{\#(beside)"data":[{"access_token":"a"}]}"#, nil, dialect).accessToken.reveal() == "a")
        #expect(
            Self.judge(#"{"error":"invalid_grant"}"#, 200, nil, dialect) == .refused(OAuthError(code: "invalid_grant")))
        #expect(
            Self.judge(#"{"data":[{"error":"invalid_grant"}]}"#, 200, nil, dialect)
                == .refused(OAuthError(code: "invalid_grant")))
        #expect(Self.isMalformed(Self.judge(#"{"access_token":"a"}"#, 200, nil, dialect)))
    }

    @Test("Members stand where the profile says, and only there")
    func memberPaths() throws {
        var dialect = Dialect()
        dialect.memberPaths = ["access_token": "authed_user.token", "expires_in": "ttl"]
        let response = try Self.granted(
            #"{"authed_user":{"token":"u"},"access_token":"bot","ttl":9,"expires_in":8}"#, nil, dialect)
        #expect(response.accessToken.reveal() == "u")
        #expect(response.expiresIn == 9)
        #expect(Self.isMalformed(Self.judge(#"{"access_token":"bot"}"#, 200, nil, dialect)))
    }
}
