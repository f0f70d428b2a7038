import OAuth
import Testing

@testable import ProviderProfiles

@Suite("Whose account a connection is, and who may say so")
struct IdentityTests {
    private static func issuers(
        _ issuers: String, _ claims: [String: String] = [:], fields: [String: String] = [:]
    ) throws -> [String] {
        try Sample.profile(["id_token": #"{"issuers":\#(issuers)}"#]).filled(connection: fields)
            .idTokenIssuers { claims[$0] }
    }

    @Test("OpenID Connect Core §3.1.3.7: an issuer is a template of fields and of claims")
    func templates() throws {
        let tenant = #"["https://login.{host}/{claim:tid}/v2.0","https://sts.{host}/{shop}/","old.example"]"#
        #expect(
            try Self.issuers(tenant, ["tid": "9188040d-6c67"], fields: ["shop": "s1"]) == [
                "https://login.as.example/9188040d-6c67/v2.0", "https://sts.as.example/s1/", "old.example",
            ])
        #expect(try Self.issuers(#"["https://{host}/{claim:a}-{claim:b}"]"#, ["a": "1"]) == [])
    }

    @Test(
        "F21: a claim that is no identifier fills nothing",
        arguments: [
            "", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\u{0}", "é", "{host}", "@evil.example", "..",
            String(repeating: "a", count: 129),
        ])
    func claims(_ value: String) throws {
        #expect(try Self.issuers(#"["https://{host}/{claim:tid}/"]"#, ["tid": value]) == [])
    }

    @Test("A claim may be an identifier of 128 characters")
    func longClaim() throws {
        let value = String(repeating: "a", count: 125) + "._-"
        #expect(try Self.issuers(#"["https://{host}/{claim:tid}"]"#, ["tid": value]) == ["https://as.example/\(value)"])
    }

    @Test("A claim is not taken for a field, nor a field for a claim")
    func apart() throws {
        #expect(try Self.issuers(#"["https://{host}/{claim:shop}"]"#, fields: ["shop": "s1"]) == [])
        #expect(
            try Self.issuers(#"["https://{host}/{shop}"]"#, ["shop": "evil"], fields: ["shop": "s1"])
                == ["https://as.example/s1"])
    }

    @Test("Without templates, the authorization server's own issuer counts, and without one none")
    func own() throws {
        let generic = try Sample.bundled("oauth2")
        #expect(
            try generic.filled(client: ["issuer": "https://as.example/t"]).idTokenIssuers { _ in nil }
                == ["https://as.example/t"])
        let none = try Sample.profile().filled()
        #expect(none.idTokenIssuers { _ in nil } == [] && !none.namesIDTokenIssuers)
        let named = try Sample.profile(["id_token": #"{"issuers":["https://{host}/{claim:tid}"]}"#]).filled()
        #expect(named.idTokenIssuers { _ in nil } == [] && named.namesIDTokenIssuers)
    }

    @Test("An issuer that lacks a field is told with the fields")
    func lacking() throws {
        let profile = try Sample.profile(["id_token": #"{"issuers":["https://{host}/{shop}/{claim:tid}"]}"#])
        #expect(profile.refusal() == "The field shop is missing: issuer needs it.")
        #expect(profile.refusal(connection: ["shop": "a/b"]).contains("The field shop is part of issuer"))
        guard case .success = profile.checkClientFields([:], allowHTTP: false) else {
            Issue.record("the shop is filled in later")
            return
        }
    }

    private static func identity(_ json: String, server: String = "") throws -> Provider.Identity? {
        try Sample.profile([
            "identity": json,
            "authorization_server":
                #"{"authorization_endpoint":"https://{host}/a","token_endpoint":"https://{host}/t"\#(server)}"#,
        ]).filled().identity
    }

    @Test("OpenID Connect Core §5.1: of the standard's sources, sub and email when nothing else is said")
    func standardPaths() throws {
        let token = try #require(try Self.identity(#"{"from":"id_token"}"#))
        #expect(token == Provider.Identity(source: .idToken, id: "sub", name: "email"))
        let userinfo = try #require(
            try Self.identity(#"{"from":"userinfo","id":"oid"}"#, server: #","userinfo_endpoint":"https://{host}/u""#))
        #expect(userinfo == Provider.Identity(source: .userinfo, id: "oid", name: "email"))
        #expect(try Self.identity("null") == nil)
        #expect(try Sample.profile().filled().identity == nil)
    }

    @Test("Of other sources, what the profile says and no more")
    func otherSources() throws {
        let response = try #require(try Self.identity(#"{"from":"token_response","id":"user.id","name":"team"}"#))
        #expect(response == Provider.Identity(source: .tokenResponse, id: "user.id", name: "team"))
        let user = try #require(try Self.identity(#"{"from":"https://api.{host}/user","id":"id"}"#))
        #expect(user.source == .endpoint(try EndpointURL("https://api.as.example/user")))
        #expect(user.id == "id" && user.name == nil)
    }

    @Test("userinfo may come by discovery")
    func discovered() throws {
        let profile = try Sample.profile([
            "identity": #"{"from":"userinfo"}"#, "authorization_server": #"{"issuer":"https://{host}"}"#,
        ])
        #expect(try profile.filled().identity?.source == .userinfo)
    }

    @Test("A token that stands under another name is no identity either")
    func movedToken() throws {
        let problems = ProfileCheck.problems(
            in: try Sample.changed([
                "departures": #"["response_member:refresh_token=data.rt"]"#,
                "identity": #"{"from":"token_response","id":"data.rt"}"#,
            ]), file: "f")
        #expect(problems.map(\.path) == ["/identity/id"])
    }

    @Test("An id is text or a whole number, bounded and printable")
    func reading() throws {
        let identity = Provider.Identity(source: .userinfo, id: "data.id", name: "name")
        func id(_ json: String) throws -> String? {
            identity.id(in: try JSONReader.read(Array(#"{"data":{"id":\#(json)},"name":"Ann"}"#.utf8)))
        }
        #expect(try id(#""u-1""#) == "u-1")
        #expect(try id("583231") == "583231")
        #expect(try id("123456789012345678901234567890") == "123456789012345678901234567890")
        for json in ["1.0", "1e3", "-1", "true", "null", "[]", "{}", #""""#, #""a\u001b[2J""#, #""a\r\nb""#] {
            #expect(try id(json) == nil, "\(json)")
        }
        #expect(try id("\"\(String(repeating: "a", count: 255))\"") != nil)
        #expect(try id("\"\(String(repeating: "a", count: 256))\"") == nil)
        let answer = try JSONReader.read(Array(#"{"name":"Ann"}"#.utf8))
        #expect(identity.id(in: answer) == nil && identity.name(in: answer) == "Ann")
        #expect(Provider.Identity(source: .userinfo, id: "sub", name: nil).name(in: answer) == nil)
    }
}
