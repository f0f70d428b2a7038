extension BrokenProfileTests {
    private static func assertion(_ members: String, at path: String, _ word: String) -> Broken {
        Broken("client_assertion", members, at: "/client_assertion\(path)", word)
    }

    private static func bearer(_ members: String, at path: String, _ word: String) -> Broken {
        Broken("jwt_bearer", members, at: "/jwt_bearer\(path)", word)
    }

    private static func issuer(_ issuer: String, _ words: String...) -> Broken {
        var broken = Broken("id_token", #"{"issuers":["\#(issuer)"]}"#, at: "/id_token/issuers/0")
        broken.words = words
        return broken
    }

    private static func identity(_ members: String, at path: String, _ word: String) -> Broken {
        Broken("identity", members, at: "/identity\(path)", word)
    }

    private static func server(_ members: String, at path: String, _ words: String...) -> Broken {
        var broken = Broken("authorization_server", server(members), at: "/authorization_server/\(path)")
        broken.words = words
        return broken
    }

    static let tokens: [Broken] =
        [
            server(#""refresh_endpoint":"http://{host}/r""#, at: "refresh_endpoint", "https"),
            server(#""refresh_endpoint":"https://{shop}/r""#, at: "refresh_endpoint", "shop", "client's secret"),
            server(#""registration_endpoint":7"#, at: "registration_endpoint", "a string"),
            server(
                #""require_pushed_authorization_requests":"yes""#, at: "require_pushed_authorization_requests",
                "true or false"),
            server(
                #""require_pushed_authorization_requests":true"#, at: "require_pushed_authorization_requests",
                "pushed_authorization_request_endpoint, or issuer"),
            server(
                #""id_token_signing_alg_values_supported":["RS256","none"]"#,
                at: "id_token_signing_alg_values_supported/1", "'none'", "RS256", "EdDSA", "HS512"),
            server(
                #""dpop_signing_alg_values_supported":["HS256"]"#, at: "dpop_signing_alg_values_supported/0",
                "'HS256'", "ES256"),
            Broken("dpop", #""yes""#, at: "/dpop", "true or false"),
        ]
        + [
            "nonce", "request", "request_uri", "dpop_jkt", "client_assertion", "client_assertion_type", "assertion",
            "device_code", "subject_token",
        ].flatMap { name in
            ["authorization_parameters", "token_parameters", "refresh_parameters"].map { member in
                Broken(member, #"{"\#(name)":"x"}"#, at: "/\(member)/\(name)", "not for a profile", name)
            }
        } + [
            Broken("departures", #"["no_par:x"]"#, at: "/departures/0", "takes no value"),
            Broken("departures", #"["no_par","no_par"]"#, at: "/departures/1", "earlier"),
            Broken(
                "departures", #"["client_id_with_assertion","client_id_with_assertion"]"#, at: "/departures/1",
                "earlier"),
            Broken(
                "fields", #"[{"name":"client_id","title":"A","of":"client"}]"#, at: "/fields/0/name", "Credence fills"),
            bearer("null", at: "", "an object"),
            bearer(#"{"sub":"x"}"#, at: "/sub", "issuer, subject, audience, scope_in, lifetime"),
            bearer(#"{"subject":""}"#, at: "/subject", "empty"),
            bearer(#"{"subject":null}"#, at: "/subject", "a string"),
            bearer(#"{"issuer":"{client}"}"#, at: "/issuer", "client_id, host, shop"),
            bearer(#"{"audience":"{claim:tid}"}"#, at: "/audience", "nothing fills"),
            bearer(#"{"scope_in":"body"}"#, at: "/scope_in", "form, claim"),
            bearer(#"{"scope_in":null}"#, at: "/scope_in", "form, claim"),
            bearer(#"{"lifetime":29}"#, at: "/lifetime", "30 to 3600"),
            bearer(#"{"lifetime":3601}"#, at: "/lifetime", "30 to 3600"),
            bearer(#"{"lifetime":180.0}"#, at: "/lifetime", "30 to 3600"),
            bearer(#"{"lifetime":null}"#, at: "/lifetime", "30 to 3600"),
            assertion("[]", at: "", "an object"),
            assertion(#"{"alg":"RS256"}"#, at: "/alg", "audience, headers"),
            assertion(#"{"audience":"token-endpoint"}"#, at: "/audience", "issuer, token_endpoint, or an https URL"),
            assertion(#"{"audience":"http://{host}/"}"#, at: "/audience", "https"),
            assertion(#"{"audience":"https://{client_id}/"}"#, at: "/audience", "host, shop"),
            assertion(#"{"audience":"https://{shop}/"}"#, at: "/audience", "assertion is made for"),
            assertion(#"{"headers":"x5t"}"#, at: "/headers", "list of strings"),
            assertion(#"{"headers":["x5u"]}"#, at: "/headers/0", "x5t, x5t#S256, x5c"),
            assertion(#"{"headers":["x5t","x5t"]}"#, at: "/headers/1", "already"),
            Broken("id_token", "{}", at: "/id_token/issuers", "missing"),
            Broken("id_token", #"{"issuers":[]}"#, at: "/id_token/issuers", "an issuer"),
            Broken("id_token", #"{"issuers":["a.example"],"x":1}"#, at: "/id_token/x", "issuers"),
            issuer("http://{host}/", "https"),
            issuer("https://{host}/?x={shop}", "query"),
            issuer("https://{host}/#x", "fragment"),
            issuer("https://{tenant}/", "{tenant}", "host, shop"),
            issuer("https://{host}/{claim:}", "{claim:NAME}"),
            issuer("https://{host}/{claim:a:b}", "{claim:NAME}"),
            issuer("https://{host}/{claims:tid}", "nothing fills"),
            issuer("{claim:iss}", "{claim:iss}", "path"),
            issuer("https://{claim:tid}/", "{claim:tid}", "path"),
            issuer("https://{claim:tid}.example.com/", "{claim:tid}", "path"),
            issuer("https://{host}:{claim:port}/", "{claim:port}", "path"),
            issuer("https://{shop}/", "whose ID tokens are believed"),
            issuer("localhost", "URL"),
            issuer("*.example.com", "URL"),
            issuer("a.example/path", "URL"),
            Broken("identity", #""id_token""#, at: "/identity", "an object"),
            identity(#"{"from":"id_token","email":"email"}"#, at: "/email", "from, id, name"),
            identity(#"{"from":"introspection"}"#, at: "/from", "id_token, userinfo, token_response"),
            identity(#"{"from":"userinfo"}"#, at: "/from", "userinfo_endpoint"),
            identity(#"{"from":"token_response"}"#, at: "/id", "missing"),
            identity(#"{"from":"https://api.{host}/user"}"#, at: "/id", "missing"),
            identity(#"{"from":"http://api.{host}/user","id":"id"}"#, at: "/from", "https"),
            identity(#"{"from":"https://{shop}/user","id":"id"}"#, at: "/from", "access token"),
            identity(#"{"from":"https://{access_token}/user","id":"id"}"#, at: "/from", "host, shop"),
            identity(#"{"from":"id_token","id":""}"#, at: "/id", "empty"),
            identity(#"{"from":"id_token","id":"a..b"}"#, at: "/id", "dotted"),
            identity(#"{"from":"id_token","name":".a"}"#, at: "/name", "dotted"),
            identity(#"{"from":"token_response","id":"refresh_token"}"#, at: "/id", "shown"),
            identity(#"{"from":"token_response","id":"id","name":"id_token"}"#, at: "/name", "shown"),
        ]
}
