import OAuth
import Testing

@testable import ProviderProfiles

@Suite("The fields that clients and connections fill in")
struct FieldTests {
    static let fields = """
        [{"name":"host","title":"Host","default":"as.example","pattern":"[a-z]+|[a-z.]+|[0-9]+"},
         {"name":"region","title":"Region","allowed_values":["eu","us"]},
         {"name":"tenant","title":"Tenant","required":true},
         {"name":"place","title":"Place","of":"connection"}]
        """

    static func profile() throws -> ProviderProfile { try Sample.profile(Sample.oauth2, [("fields", fields)]) }

    @Test(
        "A pattern holds for the whole value",
        arguments: ["as.example/evil", "AS", "a b", "as.example\n", "evil@as.example", "1a", ""])
    func pattern(_ host: String) throws {
        #expect(try Self.profile().problems(with: ["tenant": "t", "host": host]).contains("The field host"))
    }

    @Test("What fits the pattern passes, by either side of an alternative", arguments: ["other.example", "2130706433"])
    func fits(_ host: String) throws {
        let provider = try Self.profile().filled(["tenant": "t", "host": host])
        #expect(provider.authorizationServer.tokenEndpoint?.host == host)
    }

    @Test("A value outside of the allowed names them")
    func allowed() throws {
        #expect(
            try Self.profile().problems(with: ["tenant": "t", "region": "cn"]) == "The field region is one of: eu, us.")
        #expect(try Self.profile().problems(with: ["tenant": "t", "region": "us"]).isEmpty)
    }

    @Test("An unknown field is refused and the known are named")
    func unknown() throws {
        #expect(
            try Self.profile().problems(with: ["tenant": "t", "hsot": "x"])
                == "There is no field hsot here; known are: host, region, tenant, place.")
    }

    @Test("A required field that is missing or empty is told by its title", arguments: [[:], ["tenant": ""]])
    func required(_ given: [String: String]) throws {
        #expect(try Self.profile().problems(with: given) == "The field tenant (Tenant) is missing.")
    }

    @Test(
        "I17: control characters and what is very long are refused",
        arguments: ["a\r\nb", "a\u{0}b", "\u{7F}", String(repeating: "a", count: 4097)])
    func controls(_ value: String) throws {
        #expect(
            try Self.profile().problems(with: ["tenant": value]).contains(
                "longer than 4096 bytes or holds control characters"))
    }

    @Test("All that does not fit is told at once")
    func atOnce() throws {
        let problems = try Self.profile().problems(with: ["host": "A", "region": "B", "x": "C"])
        for word in ["host", "region", "no field x", "tenant"] { #expect(problems.contains(word)) }
    }

    @Test("A client may not fill in what is the connection's")
    func owner() throws {
        let profile = try Self.profile()
        guard case .failure(let problems) = profile.checkClientFields(["tenant": "t", "place": "x"], allowHTTP: false)
        else {
            Issue.record("accepted")
            return
        }
        #expect("\(problems)" == "There is no field place here; known are: host, region, tenant.")
        guard case .success = profile.checkClientFields(["tenant": "t"], allowHTTP: false) else {
            Issue.record("refused")
            return
        }
    }

    @Test("A client is checked whole only when no connection has to add to it")
    func clientWaits() throws {
        let waiting = try Sample.profile(
            Sample.oauth2, [("fields", #"[{"name":"host","title":"Host","of":"connection","required":true}]"#)])
        guard case .success = waiting.checkClientFields([:], allowHTTP: false) else {
            Issue.record("refused")
            return
        }
        guard case .failure = try bundled("oauth2").checkClientFields([:], allowHTTP: false) else {
            Issue.record("accepted")
            return
        }
    }

    @Test("A default counts unless something is given, or another of its group is")
    func defaults() throws {
        let profile = try bundled("api-key")
        #expect(profile.withDefaults([:])["header"] == "X-API-Key")
        #expect(profile.withDefaults(["header": "Mine"])["header"] == "Mine")
        #expect(profile.withDefaults(["query": "key"])["header"] == nil)
        #expect(profile.withDefaults(["cookie": "key"])["header"] == nil)
        #expect(profile.withDefaults(["query": "key"])["prefix"] == "")
    }
}
