import OAuth
import Testing

@testable import ProviderProfiles

@Suite("A broken profile is refused by file, path and what may stand there")
struct BrokenProfileTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let member: String
        let json: String?
        let path: String
        let words: [String]

        init(_ member: String, _ json: String?, _ path: String, _ words: String...) {
            (self.member, self.json, self.path, self.words) = (member, json, path, words)
        }

        var testDescription: String { "\(member): \(json ?? "absent")" }
    }

    static let broken: [Broken] = [
        Broken("provider", nil, "provider", "is missing"),
        Broken("provider", "7", "provider", "must be a string"),
        Broken("provider", #""No Name""#, "provider", "[a-z0-9]"),
        Broken("provider", #""../evil""#, "provider", "[a-z0-9]"),
        Broken("provider", #""""#, "provider", "empty"),
        Broken("title", nil, "title", "is missing"),
        Broken("title", #""""#, "title", "empty"),
        Broken("kind", nil, "kind", "oauth2, api_key, basic"),
        Broken("kind", "null", "kind", "oauth2, api_key, basic"),
        Broken("kind", #""oauth1""#, "kind", "oauth1", "oauth2, api_key, basic"),
        Broken("colour", #""red""#, "colour", "is not known here", "authorization_server"),
        Broken("checked", #""yesterday""#, "checked", "2026-11-22"),
        Broken("documentation", "[]", "documentation", "must be a string"),
        Broken("fields", "{}", "fields", "must be a list"),
        Broken("fields", "[null]", "fields.0", "must be an object"),
        Broken("fields", #"[{"name":"host","title":"H","colour":1}]"#, "fields.0.colour", "allowed_values"),
        Broken("fields", #"[{"title":"H"},{"name":"host","title":"H"}]"#, "fields.0.name", "is missing"),
        Broken("fields", #"[{"name":"host"}]"#, "fields.0.title", "is missing"),
        Broken("fields", #"[{"name":"host","title":"H"},{"name":"1st","title":"1"}]"#, "fields.1.name", "[A-Za-z]"),
        Broken("fields", #"[{"name":"host","title":"H"},{"name":"host","title":"H"}]"#, "fields.1.name", "earlier"),
        Broken(
            "fields", #"[{"name":"host","title":"H"},{"name":"access_token","title":"T"}]"#, "fields.1.name",
            "Credence fills"),
        Broken("fields", #"[{"name":"host","title":"H","pattern":"["}]"#, "fields.0.pattern", "regular expression"),
        Broken(
            "fields", #"[{"name":"host","title":"H","default":"c","allowed_values":["a","b"]}]"#, "fields.0.default",
            "a, b"),
        Broken("fields", #"[{"name":"host","title":"H","default":"c","pattern":"[ab]"}]"#, "fields.0.default", "[ab]"),
        Broken("fields", #"[{"name":"host","title":"H","of":"owner"}]"#, "fields.0.of", "client, connection"),
        Broken("fields", #"[{"name":"host","title":"H","secret":true}]"#, "fields.0.secret", "must be false"),
        Broken("fields", #"[{"name":"host","title":"H","required":"yes"}]"#, "fields.0.required", "true or false"),
        Broken("authorization_server", nil, "authorization_server", "is missing"),
        Broken("authorization_server", "null", "authorization_server", "is missing"),
        Broken("authorization_server", "[]", "authorization_server", "must be an object"),
        Broken(
            "authorization_server", #"{"tokenEndpoint":"https://x/"}"#, "authorization_server.tokenEndpoint",
            "token_endpoint"),
        Broken(
            "authorization_server", #"{"token_endpoint":"http://x/"}"#, "authorization_server.token_endpoint",
            "https://"),
        Broken(
            "authorization_server", #"{"token_endpoint":"https://{hots}/"}"#, "authorization_server.token_endpoint",
            "{hots}", "host"),
        Broken(
            "authorization_server", #"{"token_endpoint":"https://{host/"}"#, "authorization_server.token_endpoint",
            "brace"),
        Broken(
            "authorization_server", #"{"token_endpoint_auth_methods_supported":"none"}"#,
            "authorization_server.token_endpoint_auth_methods_supported", "list of strings"),
        Broken("scopes", #"{"default":"read"}"#, "scopes.default", "list of strings"),
        Broken("scopes", #"{"default":["a",null]}"#, "scopes.default.1", "must be a string"),
        Broken("scopes", #"{"separator":""}"#, "scopes.separator", "empty"),
        Broken("authorization_parameters", #"{"state":"x"}"#, "authorization_parameters.state", "set by Credence"),
        Broken("authorization_parameters", #"{"a":null}"#, "authorization_parameters.a", "must be a string"),
        Broken("token_parameters", #"{"client_secret":"x"}"#, "token_parameters.client_secret", "set by Credence"),
        Broken("refresh_parameters", #"{"a":"{b}"}"#, "refresh_parameters.a", "{b}", "host"),
        Broken("departures", #"["no_pcke"]"#, "departures.0", "no_pcke", "no_pkce", "raw_basic"),
        Broken("departures", #"["no_pkce:x"]"#, "departures.0", "known are"),
        Broken("departures", #"["response_member:colour=x"]"#, "departures.0", "known are"),
        Broken("departures", #"["drop_authorization_parameter:state"]"#, "departures.0", "known are"),
        Broken("departures", #"["drop_authorization_parameter:code_challenge"]"#, "departures.0", "known are"),
        Broken("departures", #"["drop_token_parameter:code_verifier"]"#, "departures.0", "known are"),
        Broken("errors", #"{"invalid_grant":"shrug"}"#, "errors.invalid_grant", "reauthorize, administrator, retry"),
        Broken("errors", #"{"invalid_grant":null}"#, "errors.invalid_grant", "must be a string"),
        Broken("errors", "[]", "errors", "must be an object"),
        Broken("expiry", #"{"default_lifetime":-1}"#, "expiry.default_lifetime", "seconds"),
        Broken("expiry", #"{"refresh_margin":1.5}"#, "expiry.refresh_margin", "seconds"),
        Broken("expiry", #"{"default_lifetime":"3600"}"#, "expiry.default_lifetime", "seconds"),
        Broken("refresh_token", #"{"rotate":true}"#, "refresh_token.rotate", "rotates, grace, lifetime"),
        Broken("refresh_token", #"{"grace":99999999999}"#, "refresh_token.grace", "seconds"),
        Broken("capture", #"[{"name":"refresh_token"}]"#, "capture.0.name", "token"),
        Broken("capture", #"[{"name":"x","from":"authed_user.access_token"}]"#, "capture.0.from", "token"),
        Broken("capture", "[null]", "capture.0", "must be an object"),
        Broken("identity", "{}", "identity", "null"),
        Broken("apply", nil, "apply", "must say where", "access_token"),
        Broken("apply", "{}", "apply", "must say where"),
        Broken("apply", #"{"cookies":{}}"#, "apply.cookies", "headers, query"),
        Broken(
            "apply", #"{"headers":{"Authorization":"Bearer {token}"}}"#, "apply.headers.Authorization", "{token}",
            "access_token"),
        Broken("apply", #"{"headers":{"Authorization":"{api_key}"}}"#, "apply.headers.Authorization", "{api_key}"),
        Broken("apply", #"{"query":{"{access_token}":"x"}}"#, "apply.query.{access_token}", "{access_token}"),
        Broken("hosts", #""api.example""#, "hosts", "list of strings"),
        Broken("hosts", #"["{access_token}"]"#, "hosts.0", "{access_token}"),
    ]

    @Test("One thing is broken, and it is told", arguments: broken)
    func told(_ broken: Broken) throws {
        let problems = try Sample.problems(Sample.oauth2, [(broken.member, broken.json)])
        let problem = try #require(problems.first { $0.path == broken.path }, "\(problems)")
        #expect(problem.file == "sample.json")
        for word in broken.words { #expect(problem.message.contains(word), "\(problem)") }
        #expect("\(problem)".hasPrefix("sample.json: \(broken.path): "))
    }

    @Test("The samples themselves are right")
    func samples() throws {
        #expect(try Sample.problems(Sample.oauth2, []).isEmpty)
        #expect(try Sample.problems(Sample.apiKey, []).isEmpty)
    }

    @Test(
        "What is not strict JSON is told as such",
        arguments: ["", "[1,]", "{\"provider\":\"a\",\"provider\":\"b\"}", "\u{FEFF}{}", "{//\n}"])
    func notJSON(_ text: String) {
        let problems = ProfileCheck.problems(in: Array(text.utf8), file: "f.json")
        #expect(problems.count == 1)
        #expect(problems.first?.description.hasPrefix("f.json: is not JSON: ") == true)
    }

    @Test("What is no object is told as such", arguments: ["[]", "null", "7", "\"x\""])
    func notObject(_ text: String) {
        #expect(ProfileCheck.problems(in: Array(text.utf8), file: "f.json").map(\.message) == ["must be an object"])
    }

    @Test("All problems are told at once")
    func allAtOnce() throws {
        let text = #"""
            {"provider":"A","kind":"b","colour":1,"fields":[{"name":"x"}],"scopes":{"default":[1,2]},"departures":["c"],"apply":{}}
            """#
        let paths = ProfileCheck.problems(in: Array(text.utf8), file: "f.json").map(\.path)
        #expect(
            Set(paths) == [
                "provider", "title", "kind", "colour", "fields.0.title", "scopes.default.0", "scopes.default.1",
                "departures.0", "apply",
            ])
        guard case .failure(let problems) = ProviderProfile.decode(Array(text.utf8), file: "f.json", allowHTTP: false)
        else {
            Issue.record("decoded")
            return
        }
        #expect("\(problems)".split(separator: "\n").count == paths.count)
    }

    @Test("A token that departures move may not be captured where it went")
    func movedToken() throws {
        let problems = try Sample.problems(
            Sample.oauth2,
            [
                ("departures", #"["response_member:access_token=data.t"]"#),
                ("capture", #"[{"name":"x","from":"data.t"}]"#),
            ])
        #expect(problems.map(\.path) == ["capture.0.from"])
    }

    @Test("http in an endpoint is for development alone")
    func http() throws {
        let bytes = try Sample.changed(Sample.oauth2, [("authorization_server", #"{"issuer":"http://127.0.0.1:9"}"#)])
        #expect(ProfileCheck.problems(in: bytes, file: "f.json").map(\.path) == ["authorization_server.issuer"])
        #expect(ProfileCheck.problems(in: bytes, file: "f.json", allowHTTP: true).isEmpty)
    }

    @Test("Holes of one kind of credential are not those of another")
    func holesByKind() throws {
        #expect(try Sample.problems(Sample.apiKey, [("apply", #"{"headers":{"A":"{access_token}"}}"#)]).count == 1)
        #expect(
            try Sample.problems(
                Sample.apiKey, [("kind", #""basic""#), ("apply", #"{"headers":{"A":"{basic}{username}{password}"}}"#)]
            ).isEmpty)
    }
}
