public import OAuth

extension ProfileReader {
    /// How tokens are ended where there is no revocation endpoint.
    mutating func revocation(_ value: JSONValue?, of profile: ProviderProfile, holes: Set<String>) -> RevocationForm? {
        let path = "/revocation"
        guard let members = object(value, path, known: ["method", "url", "auth", "token_member"]) else { return nil }
        if profile.endpoints.contains(where: { $0.name == "revocation_endpoint" }) {
            complain(path, "has no place beside revocation_endpoint (RFC 7009)")
        }
        let method = choice(members["method"], "\(path)/method", RevocationCall.Method.self)
        let authentication = choice(members["auth"], "\(path)/auth", RevocationCall.Authentication.self)
        let text = requiredString(members["url"], "\(path)/url")
        let member = members["token_member"].map { requiredString($0, "\(path)/token_member") }
        if authentication == .clientBasic, member == nil {
            complain("\(path)/token_member", "is missing: nothing else says which token shall end")
        }
        guard !text.isEmpty, let method, let authentication,
            let template = template(text, "\(path)/url", holes: holes.union([JWTBearerForm.clientIDHole]))
        else { return nil }
        check(
            template, of: profile.fields, named: "url", at: "\(path)/url",
            host: authentication == .bearer ? "that gets its access token" : "that gets its client's secret")
        return RevocationForm(method: method, url: template, authentication: authentication, tokenMember: member)
    }
}

/// `revocation` as the profile has it, with holes.
struct RevocationForm: Sendable {
    let method: RevocationCall.Method
    let url: Template
    let authentication: RevocationCall.Authentication
    let tokenMember: String?
}

extension Provider {
    /// How a token is ended where there is no revocation endpoint (RFC 7009); nil where it cannot be.
    public func revocation(clientID: String) -> RevocationCall? {
        guard let form = revocationForm else { return nil }
        let values = apply.fields.merging([JWTBearerForm.clientIDHole: clientID]) { _, own in own }
        // What the fields bring was judged when they were filled in; a client ID that fits no path ends nothing.
        guard let url = try? form.url.filledEndpoint("revocation", values, allowHTTP: true) else { return nil }
        return RevocationCall(
            method: form.method, url: url, authentication: form.authentication, tokenMember: form.tokenMember)
    }
}
