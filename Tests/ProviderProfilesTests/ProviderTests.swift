import OAuth
import Testing

@testable import ProviderProfiles

@Suite("A profile with its holes filled")
struct ProviderTests {
    @Test("Every bundled profile reads")
    func bundled() throws {
        #expect(
            try ProviderCatalog.load().all.map(\.name) == [
                "api-key", "azure-ad", "azure-ad-v1", "basic", "dropbox", "github", "github-app", "oauth2",
                "salesforce",
            ])
    }

    @Test("The issuer alone leads to discovery; with endpoints it is what answers are held against")
    func issuer() throws {
        let generic = try Sample.bundled("oauth2")
        #expect(
            try generic.filled(client: ["issuer": "https://as.example/t"]).discoveryIssuer == "https://as.example/t")
        let both = try generic.filled(client: [
            "issuer": "https://as.example", "authorization_endpoint": "https://as.example/a",
            "token_endpoint": "https://as.example/t", "revocation_endpoint": "https://as.example/r",
        ])
        #expect(both.discoveryIssuer == nil)
        #expect(both.authorizationServer.issuer == "https://as.example")
        #expect(both.authorizationServer.revocationEndpoint?.path == "/r")
    }

    @Test(
        "Neither is told with what to give",
        arguments: [[:], ["authorization_endpoint": "https://as.example/a"], ["issuer": ""]])
    func tooLittle(_ given: [String: String]) throws {
        #expect(
            try Sample.bundled("oauth2").refusal(client: given)
                == "Give issuer, or the endpoints: token_endpoint, and authorization_endpoint for consents.")
    }

    @Test("An endpoint beside the issuer stands, and the others come by discovery")
    func besideTheIssuer() throws {
        let provider = try Sample.bundled("oauth2").provider(
            client: ["issuer": "https://as.example", "revocation_endpoint": "https://as.example/r"], connection: [:],
            allowHTTP: false
        ).get()
        #expect(provider.discoveryIssuer == "https://as.example")
        #expect(provider.authorizationServer.revocationEndpoint?.string == "https://as.example/r")
    }

    @Test("N4: http is refused, and allowed for development alone")
    func http() throws {
        let given = ["issuer": "http://127.0.0.1:9/t"]
        let generic = try Sample.bundled("oauth2")
        #expect(generic.refusal(client: given) == "issuer must be https; http is for --development alone.")
        #expect(generic.refusal(client: given, allowHTTP: true) == "")
    }

    @Test(
        "What is not the URL of an endpoint is told by name",
        arguments: [
            "as.example", #"https://as.example\@evil.example/"#, "https://u@as.example/", "https://as.example/#x",
        ])
    func badURL(_ url: String) throws {
        #expect(
            try Sample.bundled("oauth2").refusal(client: ["issuer": url]).hasPrefix(
                "issuer is not the URL of an endpoint: "))
    }

    @Test(
        "A field fills its place in an endpoint and no more, with a pattern or without",
        arguments: ["evil.example/", "evil.example/x?", "evil@x", "as#", "a?b", "a%2Fb", "..", #"a\b"#, "é"])
    func injection(_ value: String) throws {
        #expect(try Sample.profile().refusal(client: ["host": value]).contains("host"))
        let path = try Sample.profile([
            "authorization_server":
                #"{"authorization_endpoint":"https://as.example/{shop}/a","token_endpoint":"https://as.example/{shop}/t"}"#
        ])
        #expect(path.refusal(connection: ["shop": value]).contains("The field shop is part of token_endpoint"))
        #expect(path.refusal(connection: ["shop": "a-b.c"]) == "")
    }

    @Test(
        "A leading hole brings a base URL, with its last slash or without",
        arguments: ["https://as.example/t", "https://as.example/t/"])
    func base(_ base: String) throws {
        let profile = try Sample.profile([
            "fields": #"[{"name":"base","title":"B","of":"client"}]"#, "hosts": "[]",
            "authorization_server": #"{"authorization_endpoint":"{base}/a","token_endpoint":"{base}/t"}"#,
        ])
        #expect(
            try profile.filled(client: ["base": base]).authorizationServer.tokenEndpoint?.string
                == "https://as.example/t/t")
        #expect(profile.refusal(client: ["base": "https://as.example?x="]).contains("The field base is part of"))
        #expect(profile.refusal().contains("The field base is missing: authorization_endpoint needs it."))
    }

    @Test("A connection may choose a host under a fixed domain, or by a pattern")
    func boundedHost() throws {
        for template in [
            "https://{shop}.example.com/t", "https://as.example.com/{shop}/t", "https://as.example.com/t?shop={shop}",
        ] {
            _ = try Sample.profile([
                "authorization_server":
                    #"{"authorization_endpoint":"https://{host}/a","token_endpoint":"\#(template)"}"#
            ])
        }
        #expect(Template("https://{a}.{b}/x")?.hostHoles == ["b"])
        #expect(Template("https://x-{a}:8443/x")?.hostHoles == ["a"])
        #expect(Template("{a}/x/{b}")?.hostHoles == ["a"])
        #expect(Template("https://{a}./{b}")?.hostHoles == ["a"])
    }

    @Test("What the profile says arrives")
    func whole() throws {
        let provider = try Sample.profile([
            "scopes": #"{"default":["read","{host}/.default","{shop}"],"separator":","}"#,
            "authorization_parameters": #"{"audience":"https://{host}/","empty":"{shop}","claims":"{{\"a\":1}}"}"#,
            "token_parameters": #"{"t":"1"}"#, "refresh_parameters": #"{"r":"2"}"#, "errors": #"{"oops":"retry"}"#,
            "expiry": #"{"default_lifetime":60,"refresh_margin":5}"#,
            "refresh_token": #"{"rotates":false,"grace":30,"lifetime":90}"#,
            "departures":
                #"["no_pkce","raw_basic","form_response","response_scope_separator:,","token_type_alias:User Token","response_root:data","response_member:access_token=token.id","drop_authorization_parameter:response_type","drop_token_parameter:grant_type","code_parameter:spapi_code"]"#,
        ]).filled()
        #expect(provider.defaultScopes == ["read", "as.example/.default"])
        let dialect = provider.dialect
        #expect(
            dialect.authorizationParameters
                == Parameters([("audience", "https://as.example/"), ("claims", #"{"a":1}"#)]))
        #expect(dialect.tokenParameters == Parameters([("t", "1")]))
        #expect(dialect.refreshParameters == Parameters([("r", "2")]))
        #expect(dialect.scopeSeparator == ",")
        #expect(!dialect.pkce && dialect.secretForm == .rawBasic && dialect.acceptsFormResponse)
        #expect(dialect.responseScopeSeparators == [" ", ","] && dialect.tokenTypeAliases == ["User Token"])
        #expect(dialect.responseRoot == "data" && dialect.memberPaths == ["access_token": "token.id"])
        #expect(
            dialect.droppedAuthorizationParameters == ["response_type"]
                && dialect.droppedTokenParameters == ["grant_type"])
        #expect(dialect.codeParameter == "spapi_code")
        #expect(provider.remedies == ["oops": .retry])
        #expect((provider.expiry.defaultLifetime, provider.expiry.refreshMargin) == (60, 5))
        let policy = provider.refreshTokenPolicy
        #expect((policy.rotates, policy.grace, policy.lifetime) == (false, 30, 90))
    }

    @Test("What a profile leaves out is the standard")
    func standard() throws {
        let provider = try Sample.profile().filled()
        #expect(provider.dialect == Dialect())
        #expect(provider.refreshTokenPolicy.rotates && provider.expiry.defaultLifetime == nil)
    }

    @Test("Templates: holes are filled once, doubled braces are one, single ones are refused")
    func templates() throws {
        let values = ["a": "1", "b": "{a}"]
        for (text, result) in [
            ("", ""), ("x{a}y{b}", "x1y{a}"), ("{none}", ""), ("{{{a}}}", "{1}"), ("{{a}}", "{a}"), ("é{a}", "é1"),
        ] {
            #expect(Template(text)?.filled(values) == result, "\(text)")
        }
        for text in ["{", "}", "{}", "{a", "a}", "{a}}", "{a/b}", "{-a}", "{a }", "{é}", "{a{b}}"] {
            #expect(Template(text) == nil, "\(text)")
        }
    }

    @Test("What the browser brings is kept once, and names no host")
    func callback() throws {
        let profile = try Sample.profile(["capture": #"[{"name":"realm","from":"realmId","in":"callback"}]"#])
        let capture = try #require(try profile.filled().capture.first)
        #expect(capture.value(in: Parameters([("realmId", "42"), ("code", "c")])) == "42")
        #expect(capture.value(in: Parameters([("realmId", "42"), ("realmId", "43")])) == nil)
        #expect(capture.value(in: Parameters([("realmId", "4\n2")])) == nil)
        var response = TokenResponse(accessToken: Secret("a"))
        response.additional = JSONObject([("realmId", .string("from the answer"))])
        #expect(capture.value(in: response) == nil)
        let changed = try Sample.changed([
            "capture": #"[{"name":"realm","in":"callback"}]"#, "hosts": #"["{realm}.api.example"]"#,
        ])
        guard case .failure(let problems) = ProviderProfile.decode(changed, file: "x.json") else {
            Issue.record("not refused")
            return
        }
        #expect(problems.problems.map(\.path) == ["/hosts/0"])
    }

    @Test("Quirks of the wire are data: body, names, headers and the unit of the lifetime")
    func quirks() throws {
        let profile = try Sample.profile([
            "token_headers": #"{"X-Region":"{host}","X-Empty":""}"#, "expiry": #"{"unit":"milliseconds"}"#,
            "departures":
                #"["json_token_request","rename_authorization_parameter:client_id=client_key","rename_token_parameter:code=auth_code"]"#,
        ])
        let dialect = try profile.filled().dialect
        #expect(dialect.tokenRequestForm == .json && dialect.lifetimeUnit == .milliseconds)
        #expect(dialect.renamedAuthorizationParameters == ["client_id": "client_key"])
        #expect(dialect.renamedTokenParameters == ["code": "auth_code"])
        #expect(dialect.headerFields.count == 1, "one that is filled with nothing is left out")
    }

    @Test("The hosted profile: its hosts, its quirks by departure, who acts on its errors, no grace")
    func hosted() throws {
        let profile = try Sample.bundled("github")
        let provider = try profile.filled()
        let server = provider.authorizationServer
        #expect(server.tokenEndpoint?.string == "https://github.com/login/oauth/access_token")
        #expect(server.tokenEndpointAuthMethodsSupported == ["client_secret_post"])
        #expect(profile.departures == [.flag(.formResponse), .responseScopeSeparator(",")])
        #expect(provider.dialect.pkce && provider.refreshTokenPolicy.rotates && provider.refreshTokenPolicy.grace == 0)
        #expect(provider.hosts(values: [:]) == ["api.github.com"])
        let acts = { (code: String) in OAuthError(code: code).remedy(provider.remedies) }
        for code in ["bad_verification_code", "bad_refresh_token", "unverified_user_email"] {
            #expect(acts(code) == .reauthorize)
        }
        for code in ["incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"] {
            #expect(acts(code) == .administrator)
        }
        let enterprise = try profile.filled(client: [
            "host": "git.corp.example", "api_base": "https://git.corp.example/api/v3",
        ])
        #expect(enterprise.authorizationServer.authorizationEndpoint?.host == "git.corp.example")
        #expect(enterprise.hosts(values: [:]) == ["git.corp.example"])
        let body = Array("access_token=gho_x&scope=repo%2Cgist&token_type=bearer".utf8)
        guard
            case .granted(let response) = TokenResponse.judge(
                EndpointResponse(status: 200, body: body), dialect: provider.dialect)
        else {
            Issue.record("not granted")
            return
        }
        #expect(response.scope == ["repo", "gist"])
    }
}
