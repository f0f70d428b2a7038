extension BrokenProfileTests {
    /// What errors mean, and how tokens are ended.
    static let rules: [Broken] = [
        Broken("error_rules", #"[{"act":"retry","status":[200]}]"#, at: "/error_rules/0/status", "400 to 499"),
        Broken("error_rules", #"[{"act":"retry","status":["404"]}]"#, at: "/error_rules/0/status/0", "whole number"),
        Broken("expiry", #"{"default_lifetime":"{host}{shop}"}"#, at: "/expiry/default_lifetime", "one hole"),
        Broken("expiry", #"{"default_lifetime":"{nobody}"}"#, at: "/expiry/default_lifetime", "{nobody}", "host, shop"),
        Broken("departures", #"["no_pkce:yes"]"#, at: "/departures/0", "takes no value"),
        Broken("departures", #"["success_member:ok"]"#, at: "/departures/0", "success_member:PATH=VALUE"),
        Broken("departures", #"["success_member:=true"]"#, at: "/departures/0", "success_member:PATH=VALUE"),
        Broken("departures", #"["error_member:"]"#, at: "/departures/0", "error_member:PATH"),
        Broken(
            "departures", #"["token_parameter_in_query:client_secret"]"#, at: "/departures/0",
            "client_id, grant_type, redirect_uri, scope"),
        Broken("departures", #"["authorization_fragment:oauth"]"#, at: "/departures/0", "behind the #"),
        Broken("departures", #"["authorization_fragment:/a?b"]"#, at: "/departures/0", "behind the #"),
        Broken("departures", #"["json_token_request","unsafe_get_token_request"]"#, at: "/departures/1", "earlier"),
        Broken("departures", #"["raw_basic","secret_as_bearer"]"#, at: "/departures/1", "earlier"),
        Broken(
            "departures", #"["drop_token_parameter:scope","rename_token_parameter:scope=s"]"#, at: "/departures/1",
            "earlier"),
        Broken("capture", #"[{"name":"site","in":"follow_up"}]"#, at: "/follow_up", "missing"),
        Broken("follow_up", #"{"url":"https://api.example/x"}"#, at: "/follow_up", "asked for nothing"),
        Broken("follow_up", #"{"url":"http://api.example/x"}"#, at: "/follow_up/url", "https"),
        Broken("follow_up", #"{"uri":"x"}"#, at: "/follow_up/uri", "known are", "url"),
        Broken("admin_consent", #"{"url":"https://as.example/a"}"#, at: "/admin_consent/returns", "missing"),
        Broken("jwt_bearer", #"{"sent_as":"cookie"}"#, at: "/jwt_bearer/sent_as", "assertion, bearer"),
        Broken("error_rules", "{}", at: "/error_rules", "list of rules"),
        Broken("error_rules", "[1]", at: "/error_rules/0", "an object"),
        Broken(
            "error_rules", #"[{"error":"a"}]"#, at: "/error_rules/0/act", "reauthorize, step_up, administrator, retry"),
        Broken("error_rules", #"[{"error":"a","act":"panic"}]"#, at: "/error_rules/0/act", "administrator"),
        Broken("error_rules", #"[{"act":"retry"}]"#, at: "/error_rules/0", "fits every error"),
        Broken("error_rules", #"[{"act":"retry","codes":[]}]"#, at: "/error_rules/0", "fits every error"),
        Broken("error_rules", #"[{"act":"retry","codes":["1"]}]"#, at: "/error_rules/0/codes/0", "whole number"),
        Broken("error_rules", #"[{"act":"retry","codes":[1.5]}]"#, at: "/error_rules/0/codes/0", "whole number"),
        Broken("error_rules", #"[{"act":"retry","description":"a"}]"#, at: "/error_rules/0/description", "list"),
        Broken(
            "error_rules", #"[{"act":"retry","error":"a","description":[""]}]"#, at: "/error_rules/0/description",
            "empty"),
        Broken("error_rules", #"[{"act":"retry","status":400}]"#, at: "/error_rules/0/status", "list of whole numbers"),
        Broken("capture", #"[{"name":"a","in":"cookie"}]"#, at: "/capture/0/in", "token_response, callback"),
        Broken("capture", #"[{"name":"a","from":"state","in":"callback"}]"#, at: "/capture/0/from", "keeps itself"),
        Broken("token_headers", #"{"Authorization":"x"}"#, at: "/token_headers/Authorization", "not a header"),
        Broken("token_headers", #"{"Host":"x"}"#, at: "/token_headers/Host", "not a header"),
        Broken("token_headers", #"{"a b":"x"}"#, at: "/token_headers/a b", "not a header"),
        Broken("token_headers", #"{"X-A":"{nobody}"}"#, at: "/token_headers/X-A", "nothing fills"),
        Broken(
            "expiry", #"{"unit":"days"}"#, at: "/expiry/unit", "seconds, milliseconds, absolute, duration"),
        Broken("departures", #"["json_token_request:x"]"#, at: "/departures/0", "takes no value"),
        Broken(
            "departures", #"["rename_authorization_parameter:state=customField"]"#, at: "/departures/0",
            "client_id, redirect_uri"),
        Broken("departures", #"["rename_token_parameter:code"]"#, at: "/departures/0", "needs two names"),
        Broken(
            "departures", #"["rename_token_parameter:code_verifier=x"]"#, at: "/departures/0", "does not take"),
        Broken(
            "departures", #"["rename_token_parameter:code=a","rename_token_parameter:code=b"]"#,
            at: "/departures/1", "earlier"),
        Broken("revocation", "7", at: "/revocation", "an object"),
        Broken(
            "revocation", #"{"url":"https://a.example/r","auth":"bearer"}"#, at: "/revocation/method", "POST, DELETE"),
        Broken(
            "revocation", #"{"method":"GET","url":"https://a.example/r","auth":"bearer"}"#, at: "/revocation/method",
            "POST, DELETE"),
        Broken(
            "revocation", #"{"method":"POST","url":"https://a.example/r"}"#, at: "/revocation/auth", "client_basic"),
        Broken("revocation", #"{"method":"POST","auth":"bearer"}"#, at: "/revocation/url", "missing"),
        Broken(
            "revocation", #"{"method":"POST","auth":"bearer","url":"http://a.example/r"}"#, at: "/revocation/url",
            "https"),
        Broken(
            "revocation", #"{"method":"POST","auth":"bearer","url":"https://a.example/{nobody}"}"#,
            at: "/revocation/url", "client_id"),
        Broken(
            "revocation", #"{"method":"POST","auth":"client_basic","url":"https://a.example/{client_id}"}"#,
            at: "/revocation/token_member", "which token"),
    ]
}
