import Testing

@testable import OAuth

/// Answers as single providers word them.
@Suite("Dialect: answers")
struct DialectAnswerTests {
    private static func judge(_ body: String, status: Int = 200, _ change: (inout Dialect) -> Void) -> TokenVerdict {
        var dialect = Dialect()
        change(&dialect)
        return TokenResponse.judge(EndpointResponse(status: status, body: Array(body.utf8)), dialect: dialect)
    }

    private static func refusal(_ verdict: TokenVerdict) -> OAuthError? {
        if case .refused(let error) = verdict { error } else { nil }
    }

    @Test("An answer that says itself whether it is one is believed")
    func success() {
        let isOK = { (dialect: inout Dialect) in dialect.successMember = .init(path: "ok", value: "true") }
        guard case .granted = Self.judge(#"{"ok":true,"access_token":"a"}"#, isOK) else {
            Issue.record("not granted")
            return
        }
        #expect(Self.refusal(Self.judge(#"{"ok":false,"error":"invalid_code"}"#, isOK))?.code == "invalid_code")
        #expect(Self.refusal(Self.judge(#"{"ok":false,"access_token":"a"}"#, isOK))?.code == "false")
        #expect(Self.refusal(Self.judge(#"{"access_token":"a"}"#, isOK))?.code == "unsuccessful")
        let code = Self.judge(#"{"result":"5001","message":"no such code"}"#) {
            $0.successMember = .init(path: "result", value: "0000")
        }
        #expect(Self.refusal(code)?.code == "5001")
    }

    @Test("An error that stands elsewhere is found, and judged before anything under the root")
    func elsewhere() {
        let verdict = Self.judge(#"{"data":{"access_token":"a"},"meta":{"code":40110,"text":"bad code"}}"#) {
            $0.responseRoot = "data"
            $0.errorMember = "meta.code"
            $0.errorDescriptionMember = "meta.text"
        }
        #expect(Self.refusal(verdict)?.code == "40110")
        #expect(Self.refusal(verdict)?.description == "bad code")
    }

    @Test("Where the code stands elsewhere, a member error of another kind is no fault of the answer")
    func oddError() {
        let verdict = Self.judge(#"{"error":{"type":"invalid_grant","message":"gone"}}"#, status: 400) {
            $0.errorMember = "error.type"
            $0.errorDescriptionMember = "error.message"
        }
        #expect(Self.refusal(verdict)?.code == "invalid_grant")
        #expect(Self.refusal(verdict)?.description == "gone")
    }

    private static func map(_ statuses: Int...) -> ErrorMap {
        var rule = ErrorMap.Rule(remedy: .administrator)
        rule.statuses = Set(statuses)
        return ErrorMap(rules: [rule])
    }

    @Test("The profile's meaning of a code counts at an outage's status too; what nobody knows is the outage")
    func codeAtOutage() {
        let revoked = Self.judge(#"{"error":"token_revoked"}"#, status: 503) {
            $0.errors = ["token_revoked": .reauthorize]
        }
        #expect(Self.refusal(revoked)?.code == "token_revoked")
        guard case .unavailable = Self.judge(#"{"error":"token_revoked"}"#, status: 503, { _ in }) else {
            Issue.record("an outage became a refusal")
            return
        }
    }

    @Test("N21: an error that repeats a secret loses it, code and all")
    func hiding() {
        let error = OAuthError(code: "no token rt-12345", description: "rt-12345 is gone", subcode: "kept", status: 400)
        let hidden = error.hiding([Secret("rt-12345"), Secret("")])
        #expect(hidden.code == "unreadable_error" && hidden.description == nil && hidden.subcode == "kept")
        #expect(error.hiding([Secret("other")]).description == "rt-12345 is gone")
        let long = String(repeating: "x", count: 2000)
        #expect(
            OAuthError(code: "token \(long)").hiding([Secret(long)]).code == "unreadable_error", "though it was cut")
    }

    @Test("A status says it alone only where the profile names it", arguments: [404, 422])
    func status(status: Int) {
        let body = #"{"message":"Not Found","documentation_url":"https://docs.example"}"#
        let named = Self.judge(body, status: status) { $0.errors = Self.map(404, 422) }
        #expect(Self.refusal(named)?.code == "status_\(status)")
        #expect(Self.refusal(named)?.description == "Not Found")
        #expect(Self.refusal(named)?.status == status)
        guard case .malformed = Self.judge(body, status: status, { _ in }) else {
            Issue.record("a status decided by itself")
            return
        }
        guard case .unavailable = Self.judge(body, status: 503, { $0.errors = Self.map(404) }) else {
            Issue.record("an outage became a refusal")
            return
        }
    }

    @Test("A rule by status fits that status alone, and together with what else it names")
    func rule() {
        var limited = ErrorMap.Rule(remedy: .retry)
        limited.statuses = [403]
        limited.descriptions = ["rate limit"]
        var suspended = ErrorMap.Rule(remedy: .administrator)
        suspended.statuses = [403]
        let map = ErrorMap(rules: [limited, suspended])
        #expect(map.statuses == [403])
        let error = { OAuthError(code: "status_403", description: $0, status: $1) }
        #expect(error("API rate limit exceeded", 403).remedy(map) == .retry)
        #expect(error("suspended", 403).remedy(map) == .administrator)
        #expect(error("suspended", 404).remedy(map) == nil)
        #expect(OAuthError(code: "status_403").remedy(map) == nil, "what came by the browser has no status")
    }

    @Test("Claims of a refusal are kept when they are an object of bearable size, and never otherwise")
    func claims() {
        let challenge = #"{"access_token":{"polids":{"essential":true,"values":["p"]}}}"#
        let text = challenge.replacing("\"", with: "\\\"")
        let verdict = Self.judge(#"{"error":"interaction_required","claims":"\#(text)"}"#, status: 400) { _ in }
        #expect(Self.refusal(verdict)?.claims == challenge)
        #expect(Self.refusal(verdict)?.remedy() == .stepUp)
        for claims in ["", "x", "[]", "7", "{", #"{"a":"\#(String(repeating: "x", count: 4096))"}"#] {
            #expect(OAuthError(code: "e", claims: claims).claims == nil)
        }
    }
}
