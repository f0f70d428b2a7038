import Foundation
import OAuth
import ProviderImport
import ProviderProfiles
import Testing

/// By the rules of the importer's specification; the letters are its sections.
@Suite("Custom connectors of the Power Platform")
struct PowerPlatformImportTests {
    private static func read(_ properties: String?, _ swagger: String? = nil) throws -> [ImportedProfile] {
        try PowerPlatformImport.read(
            apiProperties: properties.map { Array($0.utf8) }, swagger: swagger.map { Array($0.utf8) }, name: "acme"
        ).profiles
    }

    private static func one(_ parameters: String, _ swagger: String? = nil, policies: String = "[]") throws
        -> ImportedProfile
    {
        let properties =
            #"{"properties": {"connectionParameters": \#(parameters), "policyTemplateInstances": \#(policies)}}"#
        let profiles = try read(properties, swagger)
        let profile = try #require(profiles.first)
        #expect(profiles.count == 1)
        let problems = ProfileCheck.problems(in: Array(profile.file.utf8), file: "acme.json", allowHTTP: false)
        #expect(problems.isEmpty, "\(problems)")
        return profile
    }

    private static func oauth(_ provider: String, _ custom: [String: String], scopes: String = #"["a", "b"]"#) -> String
    {
        let members = custom.map { #""\#($0)": {"value": "\#($1)"}"# }.joined(separator: ", ")
        return #"""
            {"token": {"type": "oauthSetting", "oAuthSettings": {"identityProvider": "\#(provider)", "clientId": "x",
              "scopes": \#(scopes), "customParameters": {\#(members)}}}}
            """#
    }

    private static let endpoints = [
        "authorizationUrl": "https://login.acme.test/authorize", "tokenUrl": "https://login.acme.test/token",
    ]
    private static let key = #"{"api_key": {"type": "securestring"}}"#
    private static let header =
        #"{"host": "api.acme.test", "securityDefinitions": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}}"#

    private static func server(_ profile: ImportedProfile) -> JSONObject? { member("authorization_server", profile) }

    private static func member(_ name: String, _ profile: ImportedProfile) -> JSONObject? {
        guard case .object(let object)? = profile.document[name] else { return nil }
        return object
    }

    private static func text(_ value: JSONValue?) -> String? {
        guard case .string(let text)? = value else { return nil }
        return text
    }

    // MARK: Reading

    @Test(
        "R1, R2: byte order marks, Latin-1, stray and missing commas, control characters and a cut end are mended and told",
        arguments: [
            ("\u{FEFF}", "", ""), ("", ",", ""), ("", "", "cut"), ("", "\u{00A0}", ""),
        ])
    func repairs(front: String, inside: String, end: String) throws {
        var text = #"\#(front){"properties": {"connectionParameters": \#(Self.key)\#(inside)}}"#
        if end == "cut" { text.removeLast(2) }
        let profile = try #require(try Self.read(text, Self.header).first)
        #expect(!profile.repairs.isEmpty)
        #expect(Self.text(profile.document["kind"]) == "api_key")
    }

    @Test("R1: bytes that are no UTF-8 are read as Latin-1")
    func latin1() throws {
        var bytes = Array(
            #"{"properties": {"connectionParameters": {"api_key": {"type": "securestring", "uiDefinition": {"displayName": "Schl"#
                .utf8)
        bytes.append(0xFC)
        bytes += Array(#"ssel"}}}}}"#.utf8)
        let result = try PowerPlatformImport.read(
            apiProperties: bytes, swagger: Array(Self.header.utf8), name: "acme")
        #expect(result.profiles.first?.file.contains("Schlüssel") == true)
    }

    @Test("R3: of a Swagger file beyond repair the parts about hosts and security are taken")
    func rescued() throws {
        let broken = Self.header.dropLast() + #", "paths": {"/x": {{{{ "]]"# + String(repeating: "}", count: 9)
        let profile = try #require(
            try Self.read(#"{"properties": {"connectionParameters": \#(Self.key)}}"#, String(broken)).first)
        #expect(Self.member("apply", profile)?["headers"] == .object(JSONObject([("X-Key", .string("{api_key}"))])))
        #expect(profile.repairs.contains { $0.contains("Swagger") })
    }

    @Test("R5: names count in any case")
    func anyCase() throws {
        let profile = try Self.one(
            #"""
            {"Token": {"type": "oAuthSetting", "oauthSettings": {"IdentityProvider": "OAUTH2", "Scopes": ["a"],
              "CustomParameters": {"AuthorizationUrl": {"Value": "https://l.acme.test/a"}, "TOKENURL": {"value": "https://l.acme.test/t"}}}}}
            """#)
        #expect(Self.text(Self.server(profile)?["token_endpoint"]) == "https://l.acme.test/t")
    }

    // MARK: Methods

    @Test("M1: several ways to sign in are several profiles, and the parameters beside them are old")
    func sets() throws {
        let profiles = try Self.read(
            #"""
            {"properties": {"connectionParameters": {"stale": {"type": "string"}}, "connectionParameterSets": {"values": [
              {"name": "key", "parameters": {"api_key": {"type": "securestring"}}},
              {"name": "login", "parameters": {"username": {"type": "string"}, "password": {"type": "securestring"}}}]}}}
            """#,
            #"{"securityDefinitions": {"k": {"type": "apiKey", "in": "header", "name": "X"}, "b": {"type": "basic"}}}"#)
        #expect(profiles.map(\.name) == ["acme-key", "acme-login"])
        #expect(profiles.map { Self.text($0.document["kind"]) } == ["api_key", "basic"])
        #expect(!profiles.contains { $0.file.contains("stale") })
    }

    @Test("M3: a scheme without a parameter gets one, and an OAuth scheme its own URLs and scopes")
    func schemesAlone() throws {
        let basic = try Self.one("{}", #"{"host": "a.acme.test", "securityDefinitions": {"b": {"type": "basic"}}}"#)
        #expect(Self.text(basic.document["kind"]) == "basic")
        let oauth = try Self.one(
            "{}",
            #"""
            {"host": "a.acme.test", "security": [{"o": ["read"]}], "securityDefinitions": {"o": {"type": "oauth2",
              "flow": "accessCode", "authorizationUrl": "https://l.acme.test/a", "tokenUrl": "https://l.acme.test/t",
              "scopes": {"read": "", "write": ""}}}}
            """#)
        #expect(Self.member("scopes", oauth)?["default"] == .array([.string("read")]))
        #expect(!oauth.repairs.isEmpty)
    }

    @Test("M7: a secret that nothing places is a question, and the profile is not used before it is answered")
    func unplaced() throws {
        let profile = try Self.one(#"{"license": {"type": "securestring"}}"#, #"{"host": "a.acme.test"}"#)
        #expect(profile.needs.count == 1)
        let decoded = try ProviderProfile.decode(Array(profile.file.utf8), file: "acme.json", allowHTTP: false).get()
        #expect(decoded.unanswered == profile.needs)
        guard case .failure = decoded.provider(fields: [:], allowHTTP: false) else {
            // A preview may look at it; clients and connections may not.
            return #expect(decoded.kind == .secret)
        }
    }

    // MARK: OAuth

    @Test("O1: neither client ID nor client secret of a file gets into the profile")
    func noClient() throws {
        var custom = Self.endpoints
        custom["clientSecret"] = "hunter2-of-theirs"
        let text = Self.oauth("oauth2", custom).replacingOccurrences(
            of: #""clientId": "x""#, with: #""clientId": "id-of-theirs""#)
        let profile = try Self.one(text, #"{"host": "a.acme.test"}"#)
        #expect(!profile.file.contains("of-theirs"))
    }

    @Test("O2: the name of a grant among the scopes is none, and a scope with spaces stays as it is written")
    func scopes() throws {
        let profile = try Self.one(Self.oauth("oauth2", Self.endpoints, scopes: #"["authorization_code", "a b", ""]"#))
        #expect(Self.member("scopes", profile)?["default"] == .array([.string("a b")]))
    }

    @Test(
        "O5, O7: what an author left for others is asked for, and never sent",
        arguments: [
            "<your url>", "https://YOUR_TENANT.acme.test/token", "{{token}}", "@@url@@", "/relative",
            "http://plain.test/t",
        ])
    func placeholders(url: String) throws {
        var custom = Self.endpoints
        custom["tokenUrl"] = url
        let profile = try Self.one(Self.oauth("oauth2", custom), #"{"host": "a.acme.test"}"#)
        #expect(!profile.needs.isEmpty)
        #expect(Self.server(profile)?["token_endpoint"] == nil)
    }

    @Test("O6: a refresh URL of its own stays; one that is the authorization endpoint's becomes the token endpoint")
    func refreshURL() throws {
        var custom = Self.endpoints
        custom["refreshUrl"] = "https://login.acme.test/refresh"
        #expect(
            Self.text(Self.server(try Self.one(Self.oauth("oauth2", custom)))?["refresh_endpoint"])
                == "https://login.acme.test/refresh")
        custom["refreshUrl"] = "https://login.acme.test/authorize/"
        let mended = try Self.one(Self.oauth("oauth2", custom))
        #expect(Self.server(mended)?["refresh_endpoint"] == nil)
        #expect(mended.repairs.contains { $0.contains("refresh URL") })
    }

    @Test("O13, O16: what nothing fills is asked for, and a request without state gets one")
    func templates() throws {
        var custom = [
            "authorizationUrlTemplate": "https://l.acme.test/a", "tokenUrlTemplate": "https://l.acme.test/t",
            "authorizationUrlQueryStringTemplate": "?client_id={ClientId}&response_type=code",
        ]
        let mended = try Self.one(Self.oauth("oauth2generic", custom), #"{"host": "a.acme.test"}"#)
        #expect(mended.file.contains(#"["state","{state}"]"#))
        #expect(mended.repairs.contains { $0.contains("state") })
        custom["tokenUrlTemplate"] = "https://{Nowhere}.acme.test/t"
        let asked = try Self.one(Self.oauth("oauth2generic", custom), #"{"host": "a.acme.test"}"#)
        #expect(asked.needs.contains { $0.contains("Nowhere") })
    }

    @Test("O22: a directory's resource that is a placeholder is asked for")
    func resource() throws {
        let profile = try Self.one(Self.oauth("aad", ["resourceUri": "<your resource>"]), #"{"host": "a.acme.test"}"#)
        #expect(profile.needs.contains { $0.contains("resource") })
    }

    // MARK: Applying

    @Test("A2, A3: policies run in the order of the file, for their operations, and may prefix what is there")
    func policies() throws {
        let policy = { (name: String, value: String, operations: String) in
            #"{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "\#(name)", "x-ms-apimTemplateParameter.value": "\#(value)", "x-ms-apimTemplate-policySection": "Request", "x-ms-apimTemplate-operationName": \#(operations)}}"#
        }
        let profile = try Self.one(
            Self.key, Self.header.replacingOccurrences(of: "X-Key", with: "Authorization"),
            policies:
                "[\(policy("Authorization", "Bearer @headers('Authorization')", "[]")), \(policy("X-Tenant", "@connectionParameters('api_key')", #"["Get"]"#))]"
        )
        #expect(profile.file.contains(#""Authorization":"Bearer {api_key}""#))
        #expect(profile.file.contains(#""operations":["Get"]"#))
    }

    @Test("A2: a Host header is set beside the credential, and only to a host")
    func hostHeader() throws {
        let account = #", "account": {"type": "string"}}"#
        let policies = #"""
            [{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "Host",
              "x-ms-apimTemplateParameter.value": "@connectionParameters('account').store.acme.test"}},
             {"templateId": "dynamichosturl", "parameters": {"x-ms-apimTemplateParameter.urlTemplate":
              "https://@connectionParameters('account').store.acme.test"}}]
            """#
        let profile = try Self.one(
            String(Self.oauth("aad", ["resourceUri": "https://store.acme.test"]).dropLast()) + account,
            policies: policies)
        let provider = try ProviderProfile.decode(Array(profile.file.utf8), file: "acme.json").get()
            .provider(fields: ["account": "blue"], allowHTTP: false).get()
        let rendered = try provider.apply.render(["account": "blue", "access_token": "t"]).get()
        #expect(rendered.headers.map(\.1) == ["Bearer t"])
        #expect(rendered.placements.map(\.name) == ["Host"])
        #expect(rendered.placements.map(\.value) == ["blue.store.acme.test"])
        for account in ["blue/", "*.blue", "blue evil", "https://blue"] {
            #expect(throws: (any Error).self) {
                try provider.apply.render(["account": account, "access_token": "t"]).get()
            }
        }
    }

    @Test("R8: custom parameters beside the OAuth settings are taken for theirs, and that is told")
    func strays() throws {
        let profile = try Self.one(
            #"""
            {"token": {"type": "oauthSetting", "oAuthSettings": {"identityProvider": "oauth2", "scopes": ["a"]},
              "customParameters": {"authorizationUrl": {"value": "https://login.acme.test/authorize"},
                                   "tokenUrl": {"value": "https://login.acme.test/token"}}}}
            """#)
        #expect(profile.needs.isEmpty)
        #expect(profile.repairs.contains { $0.contains("beside the OAuth settings") })
        #expect(Self.text(Self.server(profile)?["token_endpoint"]) == "https://login.acme.test/token")
    }

    @Test("F7: an address made of a parameter that is not there is told, and is no host for the credential")
    func noSuchParameter() throws {
        let profile = try Self.one(
            Self.key,
            #"{"securityDefinitions": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}}"#,
            policies: #"""
                [{"templateId": "dynamichosturl", "parameters":
                  {"x-ms-apimTemplateParameter.urlTemplate": "https://@connectionParameters('name').acme.test"}}]
                """#)
        #expect(profile.document["hosts"] == nil)
        #expect(profile.warnings.contains { $0.contains("'name'") })
    }

    @Test("M11: a secret beside OAuth's own stays one, and goes where the policies say")
    func secretBesideOAuth() throws {
        let extra = #", "gatewayKey": {"type": "securestring"}}"#
        let policies = #"""
            [{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "X-Gateway-Key",
              "x-ms-apimTemplateParameter.value": "@connectionParameters('gatewayKey')",
              "x-ms-apimTemplate-operationName": ["Get"]}}]
            """#
        let profile = try Self.one(String(Self.oauth("oauth2", Self.endpoints).dropLast()) + extra, policies: policies)
        #expect(profile.needs.isEmpty)
        #expect(profile.file.contains(#""name":"gatewayKey","title":"gatewayKey","of":"connection","secret":true"#))
        #expect(profile.file.contains(#""name":"X-Gateway-Key","value":"{gatewayKey}""#))
    }

    @Test(
        "M11: a secret beside OAuth's own goes under the file's key scheme, whatever it is called",
        arguments: ["key", "api_key"])
    func schemeBesideOAuth(name: String) throws {
        let extra = #", "\#(name)": {"type": "securestring"}}"#
        let profile = try Self.one(String(Self.oauth("oauth2", Self.endpoints).dropLast()) + extra, Self.header)
        #expect(profile.needs.isEmpty && profile.repairs.isEmpty)
        #expect(profile.file.contains(#""X-Key":"{\#(name)}""#))
        #expect(profile.file.contains(#""secret":true"#))
    }

    @Test("A2: a header's name is written with a space behind it, and a single operation without brackets")
    func sloppyPolicies() throws {
        let profile = try Self.one(
            Self.key, Self.header.replacing("X-Key", with: "X-Key "),
            policies: #"""
                [{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "X-More ",
                  "x-ms-apimTemplateParameter.value": "@connectionParameters('api_key')",
                  "x-ms-apimTemplate-operationName": "Get"}}]
                """#)
        #expect(profile.file.contains(#""X-Key":"{api_key}""#))
        #expect(profile.file.contains(#""name":"X-More","value":"{api_key}","operations":["Get"]"#))
    }

    @Test("A7: a key of the author's own in a header is not taken over")
    func constants() throws {
        let policy =
            #"{"templateId": "setheader", "parameters": {"x-ms-apimTemplateParameter.name": "X-Api-Key", "x-ms-apimTemplateParameter.value": "live-0123456789", "x-ms-apimTemplate-policySection": "Request"}}"#
        let profile = try Self.one(Self.key, Self.header, policies: "[\(policy)]")
        #expect(!profile.file.contains("live-0123456789"))
        #expect(profile.warnings.contains { $0.contains("X-Api-Key") })
        #expect(!profile.warnings.contains { $0.contains("live-0123456789") })
    }

    // MARK: Hostile files

    @Test(
        "Files that are none, or too much, are refused in bounded time",
        arguments: [
            "", "null", "[]", "\"text\"", String(repeating: "[", count: 200_000),
            String(repeating: "{\"a\":", count: 200_000),
            String(repeating: "\u{0}", count: 100_000),
            "{\"properties\":" + String(repeating: "9", count: 1_000_000) + "}",
        ])
    func hostile(text: String) throws {
        let start = ContinuousClock.now
        if let profiles = try? Self.read(text) {
            for profile in profiles {
                #expect(
                    ProfileCheck.problems(in: Array(profile.file.utf8), file: "acme.json", allowHTTP: false).isEmpty)
            }
        }
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test("A file of a hundred megabytes is refused before it is looked at")
    func large() {
        #expect(throws: ImportFailure.self) {
            try PowerPlatformImport.read(
                apiProperties: [UInt8](repeating: 0x20, count: 100 << 20), swagger: nil, name: "acme")
        }
    }

    @Test("Bytes that nobody foresaw crash nothing, and what comes of them passes its check")
    func mutated() throws {
        let seed = Array(
            #"{"properties": {"connectionParameters": \#(Self.oauth("oauth2generic", Self.endpoints)), "policyTemplateInstances": []}}"#
                .utf8)
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<400 {
            var bytes = seed
            for _ in 0...random(6) {
                switch random(3) {
                case 0: bytes[random(bytes.count)] = UInt8(random(256))
                case 1: bytes.remove(at: random(bytes.count))
                default:
                    bytes.insert(
                        contentsOf: Array("{}[]\",:\\<>@{Code}".utf8).shuffledOne(random), at: random(bytes.count))
                }
            }
            guard let result = try? PowerPlatformImport.read(apiProperties: bytes, swagger: nil, name: "acme") else {
                continue
            }
            for profile in result.profiles {
                let problems = ProfileCheck.problems(in: Array(profile.file.utf8), file: "acme.json", allowHTTP: false)
                #expect(problems.isEmpty, "\(problems) of \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }
}

extension [UInt8] {
    fileprivate func shuffledOne(_ random: (Int) -> Int) -> [UInt8] { [self[random(count)]] }
}
