import Testing

@testable import ProviderProfiles

@Suite("A broken profile is refused by file, path and what may stand there")
struct BrokenProfileTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let member: String
        let json: String?
        let path: String
        var words: [String]

        init(_ member: String, _ json: String?, at path: String, _ words: String...) {
            self.member = member
            self.json = json
            self.path = path
            self.words = words
        }

        var testDescription: String { "\(member): \(json ?? "absent")" }
    }

    static let names: [Broken] = [
        Broken("provider", nil, at: "/provider", "missing"),
        Broken("provider", "7", at: "/provider", "a string"),
        Broken("provider", "null", at: "/provider", "a string"),
        Broken("provider", #""../evil""#, at: "/provider", "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"),
        Broken("title", #""""#, at: "/title", "empty"),
        Broken("title", #""a\u001b[2J""#, at: "/title", "control characters"),
        Broken("kind", nil, at: "/kind", "missing", "oauth2, api_key, basic"),
        Broken("kind", "null", at: "/kind", "oauth2, api_key, basic"),
        Broken("kind", #""oauth1""#, at: "/kind", "oauth2, api_key, basic"),
        Broken("colour", "1", at: "/colour", "known are", "authorization_server", "hosts"),
        Broken("a/b~c", "1", at: "/a~1b~0c", "known are"),
        Broken("checked", #""2026-13-01""#, at: "/checked", "2026-11-22"),
        Broken("documentation", #""http://example.com""#, at: "/documentation", "https"),
        Broken("identity", "{}", at: "/identity/from", "missing"),
    ]

    static let fields: [Broken] = [
        Broken("fields", "{}", at: "/fields", "list of objects"),
        Broken("fields", "[1]", at: "/fields/0", "an object"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","colour":1}]"#, at: "/fields/0/colour", "allowed_values"),
        Broken("fields", #"[{"title":"A","of":"client"}]"#, at: "/fields/0/name", "missing"),
        Broken("fields", #"[{"name":"a/b","title":"A","of":"client"}]"#, at: "/fields/0/name", "[A-Za-z0-9_]"),
        Broken(
            "fields", #"[{"name":"access_token","title":"A","of":"client"}]"#, at: "/fields/0/name", "Credence fills"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client"},{"name":"a","title":"A","of":"client"}]"#,
            at: "/fields/1/name", "earlier"),
        Broken("fields", #"[{"name":"a","title":"A"}]"#, at: "/fields/0/of", "client, connection"),
        Broken("fields", #"[{"name":"a","title":"A","of":"owner"}]"#, at: "/fields/0/of", "client, connection"),
        Broken("fields", #"[{"name":"a","title":"A","of":"client","secret":true}]"#, at: "/fields/0/secret", "false"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","pattern":"["}]"#, at: "/fields/0/pattern", "regular"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","pattern":"a)|(b"}]"#, at: "/fields/0/pattern", "regular"
        ),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","pattern":"[0-9]+","default":"x"}]"#,
            at: "/fields/0/default",
            "[0-9]+"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","allowed_values":["eu","us"],"default":"cn"}]"#,
            at: "/fields/0/default", "eu, us"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","allowed_values":[]}]"#, at: "/fields/0/allowed_values",
            "empty"),
        Broken(
            "fields", #"[{"name":"a","title":"A","of":"client","required":"yes"}]"#, at: "/fields/0/required",
            "true or false"),
        Broken(
            "fields",
            #"[{"name":"a","title":"A","of":"client","group":"g","default":"1"},{"name":"b","title":"B","of":"client","group":"g","default":"2"}]"#,
            at: "/fields/1/default", "second default"),
    ]

    static func server(_ members: String) -> String {
        #"{"authorization_endpoint":"https://{host}/a","token_endpoint":"https://{host}/t",\#(members)}"#
    }

    static let servers: [Broken] = [
        Broken("authorization_server", nil, at: "/authorization_server", "missing"),
        Broken(
            "authorization_server", #"{"authorization_endpoint":"https://{host}/a"}"#, at: "/authorization_server",
            "issuer or token_endpoint"),
        Broken("authorization_server", server(#""token":"x""#), at: "/authorization_server/token", "token_endpoint"),
        Broken(
            "authorization_server", server(#""jwks_uri":"http://x.example/""#), at: "/authorization_server/jwks_uri",
            "https"),
        Broken(
            "authorization_server", server(#""jwks_uri":"https://{hots}/""#), at: "/authorization_server/jwks_uri",
            "{hots}", "host, shop"),
        Broken(
            "authorization_server", server(#""jwks_uri":"https://{host/""#), at: "/authorization_server/jwks_uri",
            "brace"),
        Broken(
            "authorization_server", server(#""jwks_uri":"https://a@{host}/""#), at: "/authorization_server/jwks_uri",
            "URL"),
        Broken(
            "authorization_server", server(#""jwks_uri":"https://{host}/#x""#), at: "/authorization_server/jwks_uri",
            "fragment"),
        Broken(
            "authorization_server", server(#""jwks_uri":"{host}.example/x""#), at: "/authorization_server/jwks_uri",
            "slash"),
        Broken(
            "authorization_server", server(#""issuer":"https://{host}/?x=1""#), at: "/authorization_server/issuer",
            "query"),
        Broken(
            "authorization_server", server(#""revocation_endpoint":"https://{shop}/r""#),
            at: "/authorization_server/revocation_endpoint", "shop", "pattern or allowed_values"),
        Broken(
            "authorization_server", server(#""revocation_endpoint":"{shop}""#),
            at: "/authorization_server/revocation_endpoint", "shop", "pattern or allowed_values"),
        Broken(
            "authorization_server", server(#""token_endpoint_auth_methods_supported":["secret"]"#),
            at: "/authorization_server/token_endpoint_auth_methods_supported/0", "client_secret_basic", "none"),
        Broken(
            "authorization_server", server(#""code_challenge_methods_supported":["plain"]"#),
            at: "/authorization_server/code_challenge_methods_supported", "S256", "no_pkce"),
        Broken(
            "authorization_server", server(#""authorization_response_iss_parameter_supported":true"#),
            at: "/authorization_server/authorization_response_iss_parameter_supported", "issuer"),
    ]

    static let wire: [Broken] = [
        Broken("scopes", #"{"default":"read"}"#, at: "/scopes/default", "list of strings"),
        Broken("scopes", #"{"default":["a",null]}"#, at: "/scopes/default/1", "a string"),
        Broken("scopes", #"{"separator":""}"#, at: "/scopes/separator", "empty"),
        Broken(
            "authorization_parameters", #"{"state":"x"}"#, at: "/authorization_parameters/state", "not for a profile",
            "code_verifier"),
        Broken("token_parameters", #"{"a":1}"#, at: "/token_parameters/a", "a string"),
        Broken("refresh_parameters", #"{"a":"{b}"}"#, at: "/refresh_parameters/a", "{b}", "host, shop"),
        Broken("departures", #"["no_pcke"]"#, at: "/departures/0", "no_pkce", "code_parameter:NAME"),
        Broken("departures", #"["no_pkce:x"]"#, at: "/departures/0", "takes no value"),
        Broken("departures", #"["response_root"]"#, at: "/departures/0", "response_root:PATH"),
        Broken("departures", #"["response_scope_separator:ab"]"#, at: "/departures/0", "one character"),
        Broken("departures", #"["response_member:colour=x"]"#, at: "/departures/0", "access_token", "id_token"),
        Broken("departures", #"["drop_authorization_parameter:state"]"#, at: "/departures/0", "response_type, scope"),
        Broken(
            "departures", #"["drop_authorization_parameter:code_challenge"]"#, at: "/departures/0",
            "response_type, scope"),
        Broken(
            "departures", #"["drop_token_parameter:code_verifier"]"#, at: "/departures/0",
            "grant_type, redirect_uri, scope"),
        Broken("departures", #"["code_parameter:state"]"#, at: "/departures/0", "meaning of its own"),
        Broken("departures", #"["response_root:a","response_root:b"]"#, at: "/departures/1", "earlier"),
        Broken(
            "errors", #"{"invalid_grant":"shrug"}"#, at: "/errors/invalid_grant",
            "reauthorize, step_up, administrator, retry"),
        Broken("errors", "[]", at: "/errors", "an object"),
        Broken(
            "expiry", #"{"default_lifetime":"3600"}"#, at: "/expiry/default_lifetime", "seconds", "null",
            "{session_seconds}"
        ),
        Broken("expiry", #"{"refresh_margin":-1}"#, at: "/expiry/refresh_margin", "from 0"),
        Broken("refresh_token", #"{"rotate":true}"#, at: "/refresh_token/rotate", "rotates, grace, lifetime"),
        Broken("refresh_token", #"{"grace":null}"#, at: "/refresh_token/grace", "seconds"),
        Broken("capture", #"[{"name":"refresh_token"}]"#, at: "/capture/0/name", "Credence fills"),
        Broken("capture", #"[{"name":"host"}]"#, at: "/capture/0/name", "field"),
        Broken("capture", #"[{"name":"x","from":"access_token"}]"#, at: "/capture/0/from", "shown"),
        Broken("apply", nil, at: "/apply", "{access_token}"),
        Broken(
            "apply", #"{"headers":{"X":"{api_key}{access_token}"}}"#, at: "/apply/headers/X", "{api_key}",
            "access_token"),
        Broken("apply", #"{"headers":{"X":"key"}}"#, at: "/apply", "{access_token}"),
        Broken("apply", #"{"headers":{"a b":"{access_token}"}}"#, at: "/apply/headers/a b", "a b"),
        Broken("apply", #"{"headers":{"Host":"{access_token}"}}"#, at: "/apply/headers/Host", "Host"),
        Broken("apply", #"{"body":{}}"#, at: "/apply/body", "headers, query, cookies"),
        Broken("hosts", #"["https://api.example/"]"#, at: "/hosts/0", "api.example.com"),
        Broken("hosts", #"["{access_token}"]"#, at: "/hosts/0", "{access_token}", "host, shop"),
    ]

    @Test("One thing is broken, and it is told", arguments: names + fields + servers + wire + tokens + rules)
    func told(_ broken: Broken) throws {
        let problems = ProfileCheck.problems(
            in: try Sample.changed([broken.member: broken.json]), file: "providers/sample.json")
        let problem = try #require(problems.first { $0.path == broken.path }, "\(problems)")
        for word in broken.words { #expect(problem.message.contains(word), "\(problem)") }
        #expect("\(problem)".hasPrefix("providers/sample.json: \(broken.path): "))
    }

    @Test("Everything that is wrong is told at once")
    func allAtOnce() throws {
        let problems = ProfileCheck.problems(
            in: try Sample.changed([
                "kind": #""oauth2""#, "errors": "[]", "title": nil, "departures": #"["x","y"]"#, "hosts": #"["{x}"]"#,
            ]), file: "f")
        #expect(Set(problems.map(\.path)) == ["/errors", "/title", "/departures/0", "/departures/1", "/hosts/0"])
    }

    @Test(
        "What is not JSON, not an object or holds a member twice is told by the file",
        arguments: ["", "{", "[]", "null", #"{"kind":"basic","kind":"basic"}"#, "{\"a\":1,}", "\u{FEFF}{}"])
    func notAProfile(_ text: String) {
        let problems = ProfileCheck.problems(in: Array(text.utf8), file: "f.json")
        #expect(problems.map(\.path) == [""])
        #expect(problems.first?.description.hasPrefix("f.json: ") == true)
    }

    @Test("A key's profile has no clients and no authorization server; what is blank may stand there")
    func kinds() {
        func problems(_ members: String) -> [String] {
            let text = #"{"provider":"k","title":"K","kind":"api_key","apply":{"query":{"k":"{api_key}"}}\#(members)}"#
            return ProfileCheck.problems(in: Array(text.utf8), file: "k.json").map(\.path)
        }
        #expect(problems("") == [])
        #expect(
            problems(#","departures":[],"identity":null,"expiry":{"default_lifetime":null},"scopes":{"default":[]}"#)
                == [])
        #expect(
            problems(#","departures":["no_pkce"],"refresh_token":{"rotates":true}"#) == [
                "/departures", "/refresh_token",
            ])
        #expect(
            problems(#","dpop":true,"id_token":{"issuers":["a.example"]},"jwt_bearer":{},"client_assertion":{}"#) == [
                "/id_token", "/dpop",
            ])
        #expect(problems(#","fields":[{"name":"a","title":"A","of":"client"}]"#) == ["/fields/0/of"])
    }

    @Test("N4: http endpoints are for development alone")
    func http() throws {
        let bytes = try Sample.changed(["authorization_server": #"{"issuer":"http://127.0.0.1:9/"}"#])
        #expect(ProfileCheck.problems(in: bytes, file: "f").map(\.path) == ["/authorization_server/issuer"])
        #expect(ProfileCheck.problems(in: bytes, file: "f", allowHTTP: true).isEmpty)
    }

    @Test("A token that stands under another name is not captured either")
    func movedToken() throws {
        let problems = ProfileCheck.problems(
            in: try Sample.changed([
                "departures": #"["response_member:refresh_token=data.rt"]"#,
                "capture": #"[{"name":"x","from":"data.rt"}]"#,
            ]), file: "f")
        #expect(problems.map(\.path) == ["/capture/0/from"])
    }
}
