import HTTPTypes
import Testing

@testable import OAuth

@Suite("Introspection")
struct IntrospectionTests {
    static func judge(_ body: String, _ status: Int = 200) -> Introspection.Verdict {
        Introspection.judge(EndpointResponse(status, "application/json", body))
    }

    static func active(_ body: String) throws -> Introspection.Token {
        guard case .active(let token) = judge(body) else { throw Unexpected(verdict: judge(body)) }
        return token
    }

    struct Unexpected: Error { let verdict: Introspection.Verdict }

    static func isMalformed(_ verdict: Introspection.Verdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    @Test("RFC 7662 §2.1: its example, authenticated once")
    func request() throws {
        let request = Introspection.request(
            token: Secret("mF_9.B5f-4.1JqM"), hint: "access_token",
            at: try endpoint("https://server.example.com/introspect"),
            client: Client(id: "s6BhdRkqt3", authentication: .clientSecretBasic(Secret("gX1fBat3bV"))),
            dialect: Dialect(), freshness: Freshness(now: 0, jti: "j"))
        #expect(request.method == .post)
        #expect(request.headerFields[.accept] == "application/json")
        #expect(request.headerFields[.authorization] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW")
        #expect(String(decoding: request.body, as: UTF8.self) == "token=mF_9.B5f-4.1JqM&token_type_hint=access_token")
        #expect(!"\(request)".contains("mF_9"))
    }

    @Test("RFC 7662 §2.2: its example is active, and all of it is read")
    func example() throws {
        let token = try Self.active(
            #"{"active":true,"client_id":"l238j323ds-23ij4","username":"jdoe","scope":"read write dolphin","#
                + #""sub":"Z5O3upPC88QrAjx00dis","aud":"https://protected.example.net/resource","#
                + #""iss":"https://server.example.com/","exp":1419356238,"iat":1419350238,"nbf":1419350237,"#
                + #""token_type":"Bearer","extension_field":"twenty-seven"}"#)
        #expect(token.scope == ["read", "write", "dolphin"])
        #expect((token.clientID, token.username) == ("l238j323ds-23ij4", "jdoe"))
        #expect((token.subject, token.issuer) == ("Z5O3upPC88QrAjx00dis", "https://server.example.com/"))
        #expect(token.audience == ["https://protected.example.net/resource"])
        #expect((token.expiresAt, token.issuedAt, token.notBefore) == (1_419_356_238, 1_419_350_238, 1_419_350_237))
        #expect(token.tokenType == "Bearer")
        #expect(token.all["extension_field"] == .string("twenty-seven"))
    }

    @Test("RFC 7662 §2.2: inactive says nothing else")
    func inactive() {
        #expect(Self.judge(#"{"active":false}"#) == .inactive)
        #expect(Self.judge(#"{"active":false,"exp":1,"sub":"x"}"#) == .inactive)
    }

    @Test(
        "RFC 7662 §2.2: whether it is active is said by true and false alone",
        arguments: [
            "{}", #"{"active":null}"#, #"{"active":1}"#, #"{"active":"true"}"#, #"{"active":[]}"#, "[]", "null", "true",
            "", "eyJhbGciOiJub25lIn0.e30.", #"{"active":true,"active":true}"#,
        ])
    func malformed(_ body: String) { #expect(Self.isMalformed(Self.judge(body))) }

    @Test(
        "RFC 7519 §2: a date is a number or its text, cut to seconds; anything else is none",
        arguments: [
            ("1419356238", 1_419_356_238), ("1419356238.9", 1_419_356_238), (#""1419356238""#, 1_419_356_238), ("1", 1),
            ("0", 0), ("-1", nil), ("253402300800", nil), ("1e300", nil), ("1e400", nil), (#""soon""#, nil),
            ("null", nil), ("true", nil),
        ] as [(String, Int?)])
    func dates(_ value: String, _ seconds: Int?) throws {
        #expect(try Self.active(#"{"active":true,"exp":\#(value)}"#).expiresAt == seconds)
    }

    @Test("An audience is one or several; what has another form is nothing")
    func members() throws {
        #expect(try Self.active(#"{"active":true,"aud":["a","b"]}"#).audience == ["a", "b"])
        let odd = try Self.active(#"{"active":true,"aud":7,"scope":["a"],"sub":7,"client_id":{}}"#)
        #expect(odd.audience == nil)
        #expect(odd.scope == nil)
        #expect(odd.subject == nil)
        #expect(odd.clientID == nil)
    }

    @Test("RFC 7662 §2.3: an error is an error, what passes passes, the rest is malformed")
    func others() {
        #expect(
            Self.judge(#"{"error":"invalid_client"}"#, 401) == .refused(OAuthError(code: "invalid_client")))
        #expect(
            Introspection.judge(EndpointResponse(status: 401, headerFields: [.wwwAuthenticate: "Basic realm=\"x\""]))
                == .refused(OAuthError(code: "invalid_client")))
        #expect(Self.judge("", 503) == .unavailable(status: 503, retryAfter: nil))
        for status in [206, 302, 400, 401, 404] {
            #expect(Self.isMalformed(Self.judge(#"{"active":true}"#, status)))
        }
    }

    @Test("A token's claims are not printed")
    func printing() throws {
        let token = try Self.active(#"{"active":true,"username":"s3cr3t","sub":"s3cr3t"}"#)
        #expect(!printed(token).contains("s3cr3t"))
        #expect(printed(token).contains("username"))
    }
}
