import OAuth
import Testing

@testable import ProviderProfiles

@Suite("How a credential is put into a request")
struct ApplyTests {
    static func lines(_ provider: Provider, _ values: [String: String]) throws -> [String] {
        let rendered = try provider.apply.render(values).get()
        return rendered.headers.map { "\($0.0): \($0.1)" } + rendered.query.map { "?\($0.0)=\($0.1)" }
    }

    static func refusal(_ provider: Provider, _ values: [String: String]) -> String? {
        if case .failure(let refused) = provider.apply.render(values) { refused.description } else { nil }
    }

    static func key(_ fields: [String: String]) throws -> [String] {
        try lines(try Sample.bundled("api-key").filled(connection: fields), ["api_key": "k3y"])
    }

    @Test("A key goes into X-API-Key, another header, a query parameter or a cookie, and nowhere else")
    func places() throws {
        #expect(try Self.key([:]) == ["X-API-Key: k3y"])
        #expect(try Self.key(["header": "Authorization", "prefix": "Bearer "]) == ["Authorization: Bearer k3y"])
        #expect(try Self.key(["query": "key"]) == ["?key=k3y"])
        #expect(try Self.key(["cookie": "sid"]) == ["Cookie: sid=k3y"])
    }

    @Test("A prefix that would run into the key is refused, and says what to write")
    func prefix() throws {
        let profile = try Sample.bundled("api-key")
        #expect(profile.refusal(connection: ["prefix": "Bearer"]).contains("needs a space after it"))
        for prefix in ["", "Bearer ", "Token token=", "key:"] {
            #expect(profile.refusal(connection: ["prefix": prefix]) == "")
        }
    }

    @Test("I17: no name of a header, parameter or cookie", arguments: ["a b", "a:b", "a\r\nb", "a;b", "é", ""])
    func names(_ name: String) throws {
        for field in ["header", "query", "cookie"] {
            #expect(try Sample.bundled("api-key").refusal(connection: [field: name]) != "")
        }
        let open = try Sample.profile(["apply": #"{"headers":{"{shop}":"{access_token}"}}"#])
        if !name.isEmpty { #expect(open.refusal(connection: ["shop": name]) != "") }
    }

    @Test(
        "A header that frames the request is not one for a credential",
        arguments: ["Host", "content-length", "Transfer-Encoding"])
    func framing(_ name: String) throws {
        #expect(try Sample.bundled("api-key").refusal(connection: ["header": name]).contains("not one"))
    }

    @Test(
        "I17: what could end a header early is refused and not repeated",
        arguments: ["CANARY\r\nX: 1", "CANARY\n", "CANARY\u{0}", "\tCANARY", "CANARY\u{85}"])
    func injection(_ secret: String) throws {
        for fields in [[:], ["query": "q"], ["cookie": "c"]] {
            let told = Self.refusal(try Sample.bundled("api-key").filled(connection: fields), ["api_key": secret])
            #expect(told?.contains("control characters") == true)
            #expect(told?.contains("CANARY") == false)
        }
        for values in [["username": secret, "password": "p"], ["username": "u", "password": secret]] {
            #expect(Self.refusal(try Sample.bundled("basic").filled(), values)?.contains("control characters") == true)
        }
        #expect(Self.refusal(try Sample.profile().filled(), ["access_token": secret])?.contains("control") == true)
    }

    @Test("A captured attribute smuggles nothing either")
    func captured() throws {
        let provider = try Sample.profile([
            "capture": #"[{"name":"team"}]"#, "apply": #"{"headers":{"X-Team":"{team}","A":"{access_token}"}}"#,
        ]).filled()
        #expect(Self.refusal(provider, ["team": "a\r\nb", "access_token": "t"]) != nil)
        #expect(try Self.lines(provider, ["access_token": "t"]) == ["A: t"])
    }

    @Test("A cookie's value cannot begin another cookie", arguments: ["a;b=c", "a b", "a,b", #"a"b"#, "é"])
    func cookies(_ key: String) throws {
        #expect(
            Self.refusal(try Sample.bundled("api-key").filled(connection: ["cookie": "c"]), ["api_key": key]) != nil)
    }

    @Test(
        "RFC 7617 §2: its examples",
        arguments: [
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test", "123£", "dGVzdDoxMjPCow=="),
            ("u", "a:b", "dTphOmI="),
            ("", "", "Og=="),
        ])
    func basic(_ username: String, _ password: String, _ encoded: String) throws {
        let provider = try Sample.bundled("basic").filled()
        #expect(
            try Self.lines(provider, ["username": username, "password": password]) == [
                "Authorization: Basic \(encoded)"
            ])
    }

    @Test("RFC 7617 §2: a user name with a colon is refused, in any disguise", arguments: ["a:b", ":", "a:\u{301}b"])
    func colon(_ username: String) throws {
        #expect(
            Self.refusal(try Sample.bundled("basic").filled(), ["username": username, "password": "p"])?.contains(
                "colon") == true)
    }

    @Test("Hosts are filled and split; a URL gives its host; what renders empty or to nonsense is left out")
    func hosts() throws {
        let basic = try Sample.bundled("basic")
        #expect(try basic.filled().hosts(values: [:]) == [])
        #expect(
            try basic.filled(connection: ["hosts": "A.example, b.example:8443,,*.c.example"]).hosts(values: [:])
                == ["a.example", "b.example:8443", "*.c.example"])
        for wrong in ["a.example/path", "a b@c", "*.https://x"] {
            #expect(basic.refusal(connection: ["hosts": wrong]).contains("The host"), "\(wrong)")
        }
        let captured = try Sample.profile([
            "capture": #"[{"name":"instance_url"}]"#, "hosts": #"["{instance_url}","{shop}"]"#,
        ]).filled()
        #expect(captured.hosts(values: ["instance_url": "https://Acme.example:444/x"]) == ["acme.example:444"])
        #expect(captured.hosts(values: ["instance_url": "no host"]) == [])
        #expect(captured.hosts(values: [:]) == [])
    }

    @Test("What is captured is read by a dotted path, as text")
    func captures() throws {
        let profile = try Sample.profile([
            "capture":
                #"[{"name":"a","from":"team.id"},{"name":"b","from":"list.0"},{"name":"c"},{"name":"d","from":"team"}]"#
        ])
        let body = Array(#"{"access_token":"t","team":{"id":"T1"},"list":[1.50],"c":true}"#.utf8)
        guard
            case .granted(let response) = TokenResponse.judge(
                EndpointResponse(status: 200, body: body), dialect: Dialect())
        else {
            Issue.record("not granted")
            return
        }
        #expect(profile.capture.map { $0.value(in: response) } == ["T1", "1.50", "true", nil])
    }
}
