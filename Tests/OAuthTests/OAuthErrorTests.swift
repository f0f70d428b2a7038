import Testing

@testable import OAuth

@Suite("An error as an authorization server words it")
struct OAuthErrorTests {
    @Test(
        "N21: what a terminal, a log or a page could obey becomes a space",
        arguments: [
            "\u{0}", "\u{7}", "\n", "\r", "\u{1B}", "\u{7F}", "\u{9B}", "\u{202E}", "\u{200B}", "\u{FEFF}", "\u{2028}",
            "\u{2029}",
        ])
    func controls(_ character: String) {
        let error = OAuthError(code: "a\(character)b", description: "c\(character)d", uri: "e\(character)f")
        #expect((error.code, error.description, error.uri) == ("a b", "c d", "e f"))
    }

    @Test("N21: it is cut to what a person reads")
    func length() {
        let long = String(repeating: "x", count: 16_384)
        let error = OAuthError(code: long, description: long, uri: long)
        #expect((error.code.count, error.description?.count, error.uri?.count) == (100, 300, 300))
    }

    @Test("N21: text is otherwise left as it is; whoever shows it escapes it")
    func kept() {
        #expect(OAuthError(code: "x", description: "<b>Ünïcode 😀</b>").description == "<b>Ünïcode 😀</b>")
    }

    @Test("It is the same when the code is")
    func equality() {
        #expect(OAuthError(code: "a", description: "x") == OAuthError(code: "a"))
        #expect(Set([OAuthError(code: "a", description: "x"), OAuthError(code: "a")]).count == 1)
        #expect(OAuthError(code: "a") != OAuthError(code: "b"))
    }

    @Test(
        "The code says who must act",
        arguments: [
            ("invalid_grant", .reauthorize), ("access_denied", .reauthorize), ("interaction_required", .stepUp),
            ("login_required", .reauthorize),
            ("consent_required", .stepUp), ("invalid_client", .administrator),
            ("unauthorized_client", .administrator),
            ("unsupported_grant_type", .administrator), ("invalid_scope", .administrator),
            ("invalid_request", .administrator),
            ("temporarily_unavailable", .retry), ("server_error", .retry), ("slow_down", .retry),
            ("bad_verification_code", nil), ("", nil), ("INVALID_GRANT", nil),
        ] as [(String, OAuthError.Remedy?)])
    func remedies(_ code: String, _ remedy: OAuthError.Remedy?) { #expect(OAuthError(code: code).remedy() == remedy) }

    @Test("The profile's map goes first")
    func overrides() {
        let map: ErrorMap = ["bad_refresh_token": .reauthorize, "invalid_grant": .retry]
        #expect(OAuthError(code: "bad_refresh_token").remedy(map) == .reauthorize)
        #expect(OAuthError(code: "invalid_grant").remedy(map) == .retry)
        #expect(OAuthError(code: "invalid_client").remedy(map) == .administrator)
    }

    @Test("A rule goes before the code when all that it names is there; the first that fits counts")
    func rules() {
        var number = ErrorMap.Rule(remedy: .administrator)
        number.codes = [50057, 50105]
        var text = ErrorMap.Rule(remedy: .retry)
        text.error = "invalid_grant"
        text.descriptions = ["Expired Authorization", "Busy"]
        var sub = ErrorMap.Rule(remedy: .reauthorize)
        sub.suberror = "consent_required"
        let map = ErrorMap(rules: [number, text, sub], byCode: ["invalid_client": .reauthorize])
        func remedy(_ code: String, _ description: String? = nil, sub: String? = nil, numbers: [Int] = [])
            -> OAuthError.Remedy?
        {
            OAuthError(code: code, description: description, subcode: sub, numbers: numbers).remedy(map)
        }
        #expect(remedy("invalid_grant", numbers: [1, 50105]) == .administrator)
        #expect(remedy("invalid_grant", numbers: [1]) == .reauthorize)
        #expect(remedy("invalid_grant", "EXPIRED authorization code") == .retry)
        #expect(remedy("invalid_request", "expired authorization code") == .administrator, "another code")
        #expect(remedy("invalid_grant", "expired authorization code", numbers: [50057]) == .administrator)
        #expect(remedy("anything", sub: "consent_required") == .reauthorize)
        #expect(remedy("anything", sub: "Consent_required") == nil)
        #expect(remedy("invalid_client") == .reauthorize, "and then by code")
    }
}
