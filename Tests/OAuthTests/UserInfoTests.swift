import HTTPTypes
import Testing

@testable import OAuth

@Suite("UserInfo")
struct UserInfoTests {
    static func judge(_ status: Int, _ body: String, expectsSubject: Bool = true) -> UserInfo.Verdict {
        UserInfo.judge(EndpointResponse(status, "application/json", body), expectsSubject: expectsSubject)
    }

    static func isMalformed(_ verdict: UserInfo.Verdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    @Test(
        "RFC 6750 §2.1, RFC 9449 §7.1: the token goes into the header under its own type",
        arguments: ["Bearer", "DPoP"])
    func request(_ type: String) throws {
        let request = UserInfo.request(
            at: try endpoint("https://as.example/userinfo"), accessToken: Secret("SlAV32hkKG"), tokenType: type)
        #expect(request.method == .get)
        #expect(request.headerFields[.authorization] == "\(type) SlAV32hkKG")
        #expect(request.headerFields[.accept] == "application/json")
        #expect(request.url.query == nil)
        #expect(request.body.isEmpty)
        #expect(!printed(request).contains("SlAV32hkKG"))
    }

    @Test("OpenID Connect Core §5.3.2: its example")
    func example() throws {
        let verdict = Self.judge(
            200,
            #"{"sub":"248289761001","name":"Jane Doe","given_name":"Jane","family_name":"Doe","#
                + #""preferred_username":"j.doe","email":"janedoe@example.com","#
                + #""picture":"http://example.com/janedoe/me.jpg"}"#)
        guard case .claims(let members, let subject) = verdict else {
            Issue.record("judged \(verdict)")
            return
        }
        #expect(subject == "248289761001")
        #expect(members["email"] == .string("janedoe@example.com"))
        #expect(!printed(verdict).contains("janedoe"))
    }

    @Test("OpenID Connect Core §5.3.3: its example is refused, and says why")
    func refused() {
        let challenge = #"Bearer error="invalid_token", error_description="The Access Token expired""#
        let response = EndpointResponse(status: 401, headerFields: [.wwwAuthenticate: challenge])
        guard case .refused(let refusal) = UserInfo.judge(response) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.status == 401)
        #expect(refusal.challenges.map(\.scheme) == ["bearer"])
        #expect(refusal.error == OAuthError(code: "invalid_token"))
        #expect("\(refusal)" == "401, invalid_token")
    }

    @Test(
        "RFC 6750 §3.1: 401 and 403 are refused, with or without a challenge; 400 with one", arguments: [401, 403, 400])
    func refusedStatuses(_ status: Int) {
        guard status != 400 else {
            #expect(Self.isMalformed(Self.judge(400, "")))
            let fields: HTTPFields = [.wwwAuthenticate: "Bearer error=invalid_request"]
            guard case .refused = UserInfo.judge(EndpointResponse(status: 400, headerFields: fields)) else {
                Issue.record("not refused")
                return
            }
            return
        }
        for header in ["", "error=\"invalid_token\""] {
            let response = EndpointResponse(status: status, headerFields: [.wwwAuthenticate: header])
            #expect(UserInfo.judge(response) == .refused(UserInfo.Refusal(status: status, challenges: [])))
        }
        #expect("\(UserInfo.Refusal(status: status, challenges: []))" == "\(status)")
    }

    @Test(
        "OpenID Connect Core §5.3.2: a subject must be there, and be one",
        arguments: [
            "{}", #"{"sub":""}"#, #"{"sub":7}"#, #"{"sub":null}"#,
            #"{"sub":"\#(String(repeating: "a", count: 256))"}"#,
        ])
    func noSubject(_ body: String) throws {
        #expect(Self.isMalformed(Self.judge(200, body)))
        guard case .claims(_, let subject) = Self.judge(200, body, expectsSubject: false) else {
            Issue.record("no claims")
            return
        }
        #expect(subject == nil)
    }

    @Test("What is no object of claims is malformed", arguments: ["", "[]", "<html>", "eyJhbGciOiJub25lIn0.e30."])
    func malformed(_ body: String) {
        #expect(Self.isMalformed(Self.judge(200, body)))
        #expect(Self.isMalformed(Self.judge(200, body, expectsSubject: false)))
    }

    @Test("What passes passes, and nothing else is taken for claims")
    func statuses() {
        for status in [408, 429, 500, 503] {
            #expect(Self.judge(status, #"{"sub":"a"}"#) == .unavailable(status: status))
        }
        for status in [206, 302, 404] { #expect(Self.isMalformed(Self.judge(status, #"{"sub":"a"}"#))) }
    }
}
