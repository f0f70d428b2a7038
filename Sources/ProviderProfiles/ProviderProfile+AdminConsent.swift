public import OAuth

/// `admin_consent` as the profile has it, with holes.
struct AdminConsentForm: Sendable {
    let url: Template
    let returns: String
}

extension ProviderProfile {
    /// Where an administrator of the provider's side consents for everybody at once; nil where there is no such page.
    /// - Parameter fields: the client's.
    public func adminConsentURL(
        fields: [String: String], clientID: String, redirectURI: String, allowHTTP: Bool
    ) -> String? {
        guard let form = adminConsent,
            let url = try? form.url.filledEndpoint("admin_consent", withDefaults(fields), allowHTTP: allowHTTP)
        else { return nil }
        return url.appending(Parameters([("client_id", clientID), ("redirect_uri", redirectURI)]))
    }

    /// What a browser that comes back from there says: whether consent was given; nil for any other answer. It is an
    /// announcement and nothing more: nothing is stored and nothing follows from it.
    public func adminConsent(in callback: Parameters) -> Bool? {
        guard let form = adminConsent, callback["code"] == nil, callback["state"] == nil,
            let value = callback[form.returns]
        else { return nil }
        return value.lowercased() == "true" && callback["error"] == nil
    }
}

extension ProfileReader {
    mutating func adminConsent(_ value: JSONValue?, of profile: ProviderProfile, holes: Set<String>)
        -> AdminConsentForm?
    {
        let path = "/admin_consent"
        guard let members = object(value, path, known: ["url", "returns"]) else { return nil }
        let text = requiredString(members["url"], "\(path)/url")
        let returns = requiredString(members["returns"], "\(path)/returns")
        guard !text.isEmpty, !returns.isEmpty, let template = template(text, "\(path)/url", holes: holes) else {
            return nil
        }
        check(
            template, of: profile.fields, named: "url", at: "\(path)/url", host: "that its administrators are sent to")
        return AdminConsentForm(url: template, returns: returns)
    }
}
