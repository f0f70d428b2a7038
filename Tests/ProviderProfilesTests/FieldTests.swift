import OAuth
import Testing

@testable import ProviderProfiles

@Suite("Fields of clients and connections")
struct FieldTests {
    static let fields = """
        [{"name":"host","title":"Host","default":"as.example","pattern":"[a-z.]+|[0-9]+","help":"The host.","of":"client"},
         {"name":"region","title":"Region","allowed_values":["eu","us"],"of":"connection"},
         {"name":"tenant","title":"Tenant","required":true,"of":"connection"}]
        """

    static func profile() throws -> ProviderProfile { try Sample.profile(["fields": fields]) }

    @Test("A pattern fits the whole value or not at all", arguments: ["as.example/evil", "AS", "a1", "1a", "a\n", ""])
    func pattern(_ host: String) throws {
        #expect(try Self.profile().refusal(client: ["host": host], connection: ["tenant": "t"]).contains("field host"))
    }

    @Test("A value that does not fit is told with the form and the help, and is not repeated")
    func message() throws {
        #expect(
            try Self.profile().refusal(client: ["host": "CANARY"], connection: ["tenant": "t"])
                == "The field host must have the form [a-z.]+|[0-9]+ (The host.).")
    }

    @Test("A value outside of the allowed names them")
    func allowed() throws {
        #expect(
            try Self.profile().refusal(connection: ["tenant": "t", "region": "cn"])
                == "The field region is one of: eu, us.")
    }

    @Test("A connection cannot fill in what is its client's, nor the other way round")
    func sides() throws {
        let endpoints = ["authorization_endpoint": "https://as.example/a", "token_endpoint": "https://as.example/t"]
        let generic = try Sample.bundled("oauth2")
        #expect(generic.refusal(client: endpoints) == "")
        #expect(
            generic.refusal(client: endpoints, connection: ["token_endpoint": "https://evil.example/t"])
                == "There is no connection field token_endpoint at oauth2; known are: subject.")
        #expect(
            try Self.profile().refusal(client: ["tenant": "t"])
                == "There is no client field tenant at sample; known are: host.")
    }

    @Test("A required field that is missing or empty is told by its title", arguments: [[:], ["tenant": ""]])
    func required(_ given: [String: String]) throws {
        #expect(try Self.profile().refusal(connection: given) == "The field tenant (Tenant) is missing.")
    }

    @Test(
        "Control characters and what is very long are refused",
        arguments: ["a\r\nb", "a\u{0}", "\u{85}", String(repeating: "a", count: 4097)])
    func bounds(_ value: String) throws {
        #expect(try Self.profile().refusal(connection: ["tenant": value]).hasPrefix("The field tenant "))
    }

    @Test("Everything that does not fit is told at once")
    func atOnce() throws {
        let told = try Self.profile().refusal(client: ["host": "A"], connection: ["region": "B", "x\u{1B}y": "C"])
        for word in ["field host", "field region", "field x y"] { #expect(told.contains(word), "\(told)") }
    }

    @Test("A client's fields are checked by themselves, and endpoints that wait for a connection later")
    func client() throws {
        func told(_ profile: ProviderProfile, _ given: [String: String]) -> String {
            if case .failure(let problems) = profile.checkClientFields(given, allowHTTP: false) {
                "\(problems)"
            } else {
                ""
            }
        }
        #expect(told(try Self.profile(), [:]) == "")
        #expect(
            told(try Self.profile(), ["tenant": "t"]) == "There is no client field tenant at sample; known are: host.")
        #expect(
            told(try Sample.bundled("oauth2"), [:])
                == "Give issuer, or the endpoints: token_endpoint, and authorization_endpoint for consents.")
        let waiting = try Sample.profile([
            "fields":
                #"[{"name":"shop","title":"Shop","of":"connection","required":true},{"name":"a","title":"A","of":"client"}]"#,
            "authorization_server":
                #"{"authorization_endpoint":"https://{shop}.example/a","token_endpoint":"https://{shop}.example/t","jwks_uri":"{a}"}"#,
            "hosts": #"["{shop}.example"]"#,
        ])
        #expect(told(waiting, [:]) == "")
        #expect(told(waiting, ["a": "http://x.example/"]) == "jwks_uri must be https; http is for --development alone.")
    }

    @Test("Alternatives: a default counts only when no other of the group is given, and one is given at most")
    func groups() throws {
        let profile = try Sample.bundled("api-key")
        #expect(profile.withDefaults([:])["header"] == "X-API-Key")
        #expect(profile.withDefaults(["header": "Mine"])["header"] == "Mine")
        #expect(profile.withDefaults(["query": "key"])["header"] == nil)
        #expect(profile.withDefaults(["cookie": "key"])["prefix"] == "")
        #expect(
            profile.refusal(connection: ["query": "a", "cookie": "b"])
                == "Give one of header, query, cookie: they are alternatives.")
    }

    @Test("Of a group with a required field one is needed")
    func requiredGroup() throws {
        let profile = try Sample.profile([
            "fields":
                #"[{"name":"host","title":"H","of":"client","default":"a.example"},{"name":"a","title":"A","of":"client","group":"g","required":true},{"name":"b","title":"B","of":"client","group":"g"}]"#
        ])
        #expect(profile.refusal() == "Give one of the fields a, b.")
        #expect(profile.refusal(client: ["b": "1"]) == "")
    }
}
