import OAuth
import Testing

@testable import ProviderProfiles

@Suite("Departures")
struct DepartureTests {
    static func dialect(_ departure: String) throws -> Dialect {
        try Sample.profile(Sample.oauth2, [("departures", #"["\#(departure)"]"#)]).filled().dialect
    }

    /// By the word of the profile, what it changes about the standard.
    static let effects: [(String, @Sendable (inout Dialect) -> Void)] = [
        ("no_pkce", { $0.pkce = false }),
        ("raw_basic", { $0.rawBasicEncoding = true }),
        ("form_response", { $0.acceptsFormResponse = true }),
        ("response_scope_separator:,", { $0.responseScopeSeparators = [" ", ","] }),
        ("response_scope_separator::", { $0.responseScopeSeparators = [" ", ":"] }),
        ("token_type_alias:User Access Token", { $0.tokenTypeAliases = ["User Access Token"] }),
        ("response_root:data.0", { $0.responseRoot = "data.0" }),
        ("response_member:access_token=authed_user.token", { $0.memberPaths = ["access_token": "authed_user.token"] }),
        ("response_member:expires_in=a=b", { $0.memberPaths = ["expires_in": "a=b"] }),
        ("drop_authorization_parameter:redirect_uri", { $0.droppedAuthorizationParameters = ["redirect_uri"] }),
        ("drop_token_parameter:redirect_uri", { $0.droppedTokenParameters = ["redirect_uri"] }),
        ("code_parameter:auth_code", { $0.codeParameter = "auth_code" }),
    ]

    @Test("Each changes the one thing that it names", arguments: effects.indices)
    func effect(_ index: Int) throws {
        let (departure, change) = Self.effects[index]
        var expected = Dialect()
        change(&expected)
        #expect(expected != Dialect())
        #expect(try Self.dialect(departure) == expected)
    }

    @Test("Each of the closed list is among the tested", arguments: Departure.forms)
    func complete(_ form: String) {
        let word = form.prefix { $0 != ":" }
        #expect(Self.effects.contains { $0.0 == word || $0.0.hasPrefix("\(word):") })
    }

    @Test(
        "What is none of them is refused",
        arguments: [
            "", "NO_PKCE", "no_pkce ", "no_pkce:", "raw_basic:1", "response_scope_separator",
            "response_scope_separator:", "response_scope_separator:ab",
            "token_type_alias:", "response_root:", "response_member:access_token", "response_member:access_token=",
            "response_member:=x",
            "drop_authorization_parameter:", "drop_token_parameter:state", "code_parameter:", "code_parameter", ":",
        ])
    func refused(_ text: String) { #expect(Departure(text) == nil) }

    @Test("Several add up")
    func several() throws {
        let profile = try Sample.profile(
            Sample.oauth2, [("departures", #"["response_scope_separator:,","response_scope_separator:;","no_pkce"]"#)])
        let dialect = try profile.filled().dialect
        #expect(dialect.responseScopeSeparators == [" ", ",", ";"])
        #expect(!dialect.pkce)
    }
}
