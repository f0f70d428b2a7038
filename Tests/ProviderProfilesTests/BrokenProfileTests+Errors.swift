extension BrokenProfileTests {
    /// What errors mean, and how tokens are ended.
    static let rules: [Broken] = [
        Broken("error_rules", "{}", at: "/error_rules", "list of rules"),
        Broken("error_rules", "[1]", at: "/error_rules/0", "an object"),
        Broken("error_rules", #"[{"error":"a"}]"#, at: "/error_rules/0/act", "reauthorize, administrator, retry"),
        Broken("error_rules", #"[{"error":"a","act":"panic"}]"#, at: "/error_rules/0/act", "administrator"),
        Broken("error_rules", #"[{"act":"retry"}]"#, at: "/error_rules/0", "fits every error"),
        Broken("error_rules", #"[{"act":"retry","codes":[]}]"#, at: "/error_rules/0", "fits every error"),
        Broken("error_rules", #"[{"act":"retry","codes":["1"]}]"#, at: "/error_rules/0/codes/0", "whole number"),
        Broken("error_rules", #"[{"act":"retry","codes":[1.5]}]"#, at: "/error_rules/0/codes/0", "whole number"),
        Broken("error_rules", #"[{"act":"retry","description":"a"}]"#, at: "/error_rules/0/description", "list"),
        Broken(
            "error_rules", #"[{"act":"retry","error":"a","description":[""]}]"#, at: "/error_rules/0/description",
            "empty"),
        Broken("error_rules", #"[{"act":"retry","status":400}]"#, at: "/error_rules/0/status", "known are"),
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
