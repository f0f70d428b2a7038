import OAuth
import Testing

@testable import ProviderProfiles

@Suite("What a profile says about assertions")
struct AssertionTests {
    private static func bearer(
        _ json: String, client: [String: String] = [:], connection: [String: String] = [:]
    ) throws -> Provider.JWTBearer {
        let provider = try Sample.profile(["jwt_bearer": json]).filled(client: client, connection: connection)
        return try #require(provider.jwtBearer(clientID: "abc"))
    }

    @Test("RFC 7523 §3: left out, the issuer is the client, and the rest is the standard's")
    func bearerDefaults() throws {
        let bearer = try Self.bearer("{}")
        #expect(bearer.issuer == "abc")
        #expect(bearer.subject == nil && bearer.audience == nil)
        #expect(bearer.scopeIn == .form && bearer.lifetime == 180)
        #expect(try Sample.profile().filled().jwtBearer(clientID: "abc") == nil)
    }

    @Test("RFC 7523 §3: what the profile says is filled, by fields and the client id")
    func bearerFilled() throws {
        let json =
            #"{"issuer":"{client_id}@{host}","subject":"{shop}","audience":"https://{host}/t","scope_in":"claim","lifetime":3600}"#
        let bearer = try Self.bearer(json, connection: ["shop": "ann@corp.example"])
        #expect(bearer.issuer == "abc@as.example")
        #expect(bearer.subject == "ann@corp.example")
        #expect(bearer.audience == "https://as.example/t")
        #expect(bearer.scopeIn == .claim && bearer.lifetime == 3600)
        #expect(try Self.bearer(#"{"lifetime":30}"#).lifetime == 30)
    }

    @Test("What renders empty is left out")
    func bearerEmpty() throws {
        let bearer = try Self.bearer(#"{"issuer":"{shop}","subject":"{shop}","audience":"{shop}"}"#)
        #expect(bearer.issuer == "abc" && bearer.subject == nil && bearer.audience == nil)
    }

    @Test("A value is never read as a hole")
    func bearerOnce() throws {
        let bearer = try Self.bearer(#"{"subject":"{shop}"}"#, connection: ["shop": "{client_id}"])
        #expect(bearer.subject == "{client_id}")
    }

    @Test("RFC 7523 §3: the generic profile takes subject and audience as fields")
    func generic() throws {
        let profile = try Sample.bundled("oauth2")
        let client = ["issuer": "https://as.example", "assertion_audience": "as"]
        let bearer = try #require(
            try profile.filled(client: client, connection: ["subject": "ann"]).jwtBearer(clientID: "abc"))
        #expect((bearer.issuer, bearer.subject, bearer.audience) == ("abc", "ann", "as"))
        #expect(profile.refusal(client: client.merging(["subject": "ann"]) { $1 }).contains("no client field subject"))
    }

    @Test("RFC 7523 §3: the audience of a client's assertion")
    func audience() throws {
        func audience(_ json: String) throws -> AssertionAudience {
            try Sample.profile(["client_assertion": json]).filled().dialect.assertionAudience
        }
        #expect(try Sample.profile().filled().dialect.assertionAudience == .issuer)
        #expect(try audience("{}") == .issuer)
        #expect(try audience(#"{"audience":"issuer"}"#) == .issuer)
        #expect(try audience(#"{"audience":"token_endpoint"}"#) == .tokenEndpoint)
        #expect(try audience(#"{"audience":"https://{host}/x?y"}"#) == .fixed("https://as.example/x?y"))
    }

    @Test("An audience of one hole is what its field brings, if anything")
    func audienceField() throws {
        let profile = try Sample.profile([
            "fields":
                #"[{"name":"host","title":"H","default":"as.example","of":"client"},{"name":"aud","title":"A","of":"client"}]"#,
            "client_assertion": #"{"audience":"{aud}"}"#,
        ])
        #expect(try profile.filled().dialect.assertionAudience == .issuer)
        #expect(
            try profile.filled(client: ["aud": "https://a.example"]).dialect.assertionAudience
                == .fixed("https://a.example"))
        #expect(
            profile.refusal(client: ["aud": "http://a.example"])
                == "the audience of client_assertion must be https; http is for --development alone.")
    }

    @Test("RFC 7515 §4.1.6 to §4.1.8: the headers that tell the certificate")
    func headers() throws {
        let provider = try Sample.profile(["client_assertion": #"{"headers":["x5t#S256","x5c","x5t"]}"#]).filled()
        #expect(provider.dialect.assertionCertificateHeaders == [.sha1Thumbprint, .sha256Thumbprint, .chain])
        #expect(try Sample.profile().filled().dialect.assertionCertificateHeaders.isEmpty)
    }

    @Test("RFC 7521 §4.2: client_id beside an assertion is a departure")
    func clientID() throws {
        let provider = try Sample.profile(["departures": #"["client_id_with_assertion"]"#]).filled()
        #expect(provider.dialect.sendsClientIDWithAssertion)
        #expect(try !Sample.profile().filled().dialect.sendsClientIDWithAssertion)
    }
}
