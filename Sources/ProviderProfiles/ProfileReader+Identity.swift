import OAuth

extension ProfileReader {
    /// Whose account a connection is. null is nobody's business.
    mutating func identity(_ value: JSONValue?, of profile: ProviderProfile, holes: Set<String>) -> IdentityForm? {
        guard value != .null, let members = object(value, "/identity", known: ["from", "id", "name"]) else {
            return nil
        }
        let source = source(members["from"], of: profile, holes: holes)
        var standard: (id: String, name: String)?
        switch source {
        // The claims of OpenID Connect Core §5.1; what others call it only the profile knows.
        case .idToken?, .userinfo?: standard = ("sub", "email")
        case .tokenResponse?, .endpoint?:
            if members["id"] == nil { complain("/identity/id", "is missing: sub is an OpenID provider's alone") }
        case nil: break
        }
        let id = path(members["id"], "/identity/id", source, profile)
        let name = path(members["name"], "/identity/name", source, profile)
        return source.map { IdentityForm(source: $0, id: id ?? standard?.id ?? "", name: name ?? standard?.name) }
    }

    private mutating func source(
        _ value: JSONValue?, of profile: ProviderProfile, holes: Set<String>
    ) -> IdentityForm.Source? {
        let path = "/identity/from"
        let text = requiredString(value, path)
        switch text {
        case "": return nil
        case "id_token": return .idToken
        case "userinfo":
            let names = profile.endpoints.map(\.name)
            if !names.isEmpty, !names.contains("userinfo_endpoint"), !names.contains("issuer") {
                complain(path, "needs userinfo_endpoint, or issuer and discovery")
            }
            return .userinfo
        case "token_response": return .tokenResponse
        default:
            guard Self.mayBeURL(text) else {
                complain(path, "must be id_token, userinfo, token_response, or the https URL of an endpoint")
                return nil
            }
            guard let template = template(text, path, holes: holes) else { return nil }
            check(template, of: profile.fields, named: "identity", at: path, host: "that gets its access token")
            return .endpoint(template)
        }
    }

    private mutating func path(
        _ value: JSONValue?, _ path: String, _ source: IdentityForm.Source?, _ profile: ProviderProfile
    ) -> String? {
        guard value != nil else { return nil }
        let text = requiredString(value, path)
        guard !text.isEmpty else { return nil }
        if text.split(separator: ".", omittingEmptySubsequences: false).contains("") {
            complain(path, "must be a dotted path such as data.user.id")
        }
        if case .tokenResponse? = source, profile.isKept(text) {
            complain(path, "is a member that Credence keeps itself: an identity is shown")
        }
        return text
    }
}

extension ProviderProfile {
    /// Whether a member of the token response is one that Credence keeps itself, wherever it stands.
    func isKept(_ path: String) -> Bool {
        Departure.responseMembers.contains(path)
            || departures.contains { departure in
                if case .responseMember(_, let moved) = departure { moved == path } else { false }
            }
    }
}
