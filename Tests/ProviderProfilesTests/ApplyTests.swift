import Foundation
import OAuth
import Testing

@testable import ProviderProfiles

@Suite("How a credential is put into a request")
struct ApplyTests {
    struct Parts: Equatable {
        var headers: [String: String] = [:]
        var query: [String: String] = [:]
    }

    static func render(_ provider: Provider, _ values: [String: String]) throws -> Parts {
        let rendered = try provider.apply.render(values).get()
        return Parts(
            headers: Dictionary(uniqueKeysWithValues: rendered.headers),
            query: Dictionary(uniqueKeysWithValues: rendered.query))
    }

    static func key(_ fields: [String: String], _ key: String = "k3y") throws -> Parts {
        try render(try bundled("api-key").filled(fields), ["api_key": key])
    }

    @Test("A key goes into X-API-Key, into another header, a query parameter or a cookie, and nowhere else")
    func places() throws {
        #expect(try Self.key([:]) == Parts(headers: ["X-API-Key": "k3y"]))
        #expect(
            try Self.key(["header": "Ocp-Apim-Subscription-Key"])
                == Parts(headers: ["Ocp-Apim-Subscription-Key": "k3y"]))
        #expect(try Self.key(["query": "api_key"]) == Parts(query: ["api_key": "k3y"]))
        #expect(try Self.key(["cookie": "sid"]) == Parts(headers: ["Cookie": "sid=k3y"]))
    }

    @Test("A prefix stands before the key, to the letter")
    func prefix() throws {
        #expect(
            try Self.key(["header": "Authorization", "prefix": "Bearer "])
                == Parts(headers: ["Authorization": "Bearer k3y"]))
        #expect(try Self.key(["query": "q", "prefix": "p-"]) == Parts(query: ["q": "p-k3y"]))
        #expect(try Self.key(["cookie": "c", "prefix": "p-"]) == Parts(headers: ["Cookie": "c=p-k3y"]))
    }

    @Test(
        "I17: a field that is no name of a header, parameter or cookie is refused",
        arguments: ["a b", "a:b", "a\r\nb", "a=b", "a;b", "é", ""])
    func names(_ name: String) throws {
        for field in ["header", "query", "cookie"] {
            #expect(try bundled("api-key").problems(with: [field: name]).isEmpty == false)
        }
    }

    @Test(
        "I17: what could end a header early is refused",
        arguments: ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\u{0}b", "a\u{7F}", "\t"])
    func injection(_ key: String) throws {
        for fields in [[:], ["cookie": "c"]] {
            guard case .failure(let refused) = try bundled("api-key").filled(fields).apply.render(["api_key": key])
            else {
                Issue.record("rendered")
                continue
            }
            #expect(refused.description == "a header's value holds control characters")
        }
    }

    @Test("I17: a captured value cannot make a header's name")
    func capturedName() throws {
        let profile = try Sample.profile(
            Sample.oauth2,
            [
                ("fields", #"[{"name":"host","title":"H","default":"a.example"},{"name":"h","title":"H"}]"#),
                ("apply", #"{"headers":{"{h}":"{access_token}"}}"#),
            ])
        for name in ["a b", "a:b", "é", "a(b)"] {
            guard case .failure(let refused) = try profile.filled(["h": name]).apply.render(["access_token": "t"])
            else {
                Issue.record("rendered \(name)")
                continue
            }
            #expect(!refused.description.contains(name))
        }
    }

    @Test("A bearer token goes into Authorization; without a token there is no header")
    func bearer() throws {
        let provider = try Sample.profile().filled()
        #expect(
            try Self.render(provider, ["access_token": "t", "token_type": "Bearer"])
                == Parts(headers: ["Authorization": "Bearer t"]))
        #expect(try Self.render(provider, [:]) == Parts())
    }

    @Test(
        "RFC 7617 §2: its examples",
        arguments: [
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test", "123£", "dGVzdDoxMjPCow=="),
            ("u", "", "dTo="), ("u", "a:b", "dTphOmI="),
        ])
    func basic(_ username: String, _ password: String, _ encoded: String) throws {
        let values = ["username": username, "password": password]
        #expect(
            try Self.render(try bundled("basic").filled(), values)
                == Parts(headers: ["Authorization": "Basic \(encoded)"]))
    }

    @Test("Fields fill holes beside the credential, and a captured value goes before them")
    func holes() throws {
        let profile = try Sample.profile(
            Sample.oauth2,
            [
                ("capture", #"[{"name":"shard"}]"#),
                ("apply", #"{"headers":{"X-Host":"{host}","X-Shard":"{shard}"},"query":{"t":"{access_token}"}}"#),
            ])
        #expect(
            try Self.render(try profile.filled(), ["access_token": "a+b", "shard": "7"])
                == Parts(headers: ["X-Host": "as.example", "X-Shard": "7"], query: ["t": "a+b"]))
        #expect(
            try Self.render(try profile.filled(), ["access_token": "a", "host": "b.example"]).headers == [
                "X-Host": "b.example"
            ])
    }

    @Test("Hosts are filled, split at commas, and left out when empty")
    func hosts() throws {
        #expect(try Sample.profile().filled().hosts(values: [:]) == ["api.as.example"])
        #expect(
            try bundled("basic").filled(["hosts": "a.example, b.example:8443,,"]).hosts(values: [:]) == [
                "a.example", "b.example:8443",
            ])
        #expect(try bundled("basic").filled().hosts(values: [:]) == [])
        #expect(try bundled("oauth2").filled(["issuer": "https://as.example"]).hosts(values: [:]) == [])
        let captured = try Sample.profile(
            Sample.oauth2, [("capture", #"[{"name":"pod"}]"#), ("hosts", #"["{pod}.example","fixed.example"]"#)]
        ).filled()
        #expect(captured.hosts(values: ["pod": "eu1"]) == ["eu1.example", "fixed.example"])
        #expect(captured.hosts(values: [:]) == ["fixed.example"])
    }

    @Test("What is captured is read by a dotted path, as text")
    func captures() throws {
        let profile = try Sample.profile(
            Sample.oauth2,
            [
                (
                    "capture",
                    #"[{"name":"instance_url"},{"name":"team","from":"team.id"},{"name":"n","from":"list.0"},{"name":"b"},{"name":"o"},{"name":"none"}]"#
                )
            ])
        let body = #"{"access_token":"a","instance_url":"https://x","team":{"id":"T1"},"list":[1.50],"b":true,"o":{}}"#
        guard
            case .granted(let response) = TokenResponse.judge(
                EndpointResponse(status: 200, body: Array(body.utf8)), dialect: Dialect())
        else {
            Issue.record("not granted")
            return
        }
        #expect(profile.capture.map { $0.value(in: response) } == ["https://x", "T1", "1.50", "true", nil, nil])
    }
}
