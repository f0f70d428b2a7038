import OAuth

extension ProviderProfile {
    /// Reads a profile strictly: what is unknown, of the wrong type or impossible is a problem, and all are told at once.
    /// - Parameters:
    ///   - bytes: JSON (RFC 8259), at most 256 KiB.
    ///   - file: how the problems name it.
    ///   - allowHTTP: whether endpoints may be http; development alone.
    public static func decode(
        _ bytes: [UInt8], file: String, allowHTTP: Bool = false
    ) -> Result<ProviderProfile, ProfileProblems> {
        var reader = ProfileReader(file: file, allowHTTP: allowHTTP)
        let limits = JSONReader.Limits(bytes: ProviderCatalog.largestFile, depth: 16, members: 5000)
        do throws(JSONReader.Failure) {
            let profile = reader.profile(try JSONReader.read(bytes, limits: limits))
            if reader.problems.isEmpty, let profile { return .success(profile) }
        } catch {
            reader.complain("", "is not JSON that can be read: \(error)")
        }
        return .failure(ProfileProblems(problems: reader.problems))
    }
}

extension ProfileReader {
    /// Those of every kind, and those of `oauth2` alone.
    private static let commonMembers = [
        "$schema", "provider", "title", "kind", "documentation", "checked", "needs", "imported", "fields", "apply",
        "routes", "hosts",
    ]
    private static let oauthMembers = [
        "authorization_server", "scopes", "authorization_parameters", "token_parameters", "refresh_parameters",
        "token_headers", "authorization_template", "token_template", "refresh_template",
        "departures", "errors", "error_rules", "expiry", "refresh_token", "capture", "identity", "follow_up",
        "admin_consent",
        "jwt_bearer", "client_assertion", "id_token", "dpop", "revocation",
    ]
    /// Credence's own to say: a profile that could set these could undo what protects a consent, or show a secret.
    private static let reservedParameters = [
        "state", "redirect_uri", "code_challenge", "code_challenge_method", "client_id", "client_secret", "code",
        "code_verifier", "refresh_token", "nonce", "request", "request_uri", "dpop_jkt", "client_assertion",
        "client_assertion_type", "assertion", "device_code", "subject_token",
    ]

    /// nil when it is not even an object; else judge by the problems.
    fileprivate mutating func profile(_ value: JSONValue) -> ProviderProfile? {
        guard let members = object(value, "", known: Self.commonMembers + Self.oauthMembers) else { return nil }
        let kind = choice(members["kind"], "/kind", ProfileKind.self)
        var profile = ProviderProfile(
            name: requiredString(members["provider"], "/provider"), title: requiredString(members["title"], "/title"),
            kind: kind ?? .oauth2, source: value)
        let nameForm = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
        if !profile.name.isEmpty, !ProviderProfile.Field.matches(profile.name, nameForm) {
            complain("/provider", "must have the form \(nameForm)")
        }
        _ = string(members["$schema"], "/$schema")
        profile.documentation = string(members["documentation"], "/documentation")
        if let text = profile.documentation, (try? EndpointURL(Self.withoutFragment(text)))?.isSecure != true {
            complain("/documentation", "must be an https URL")
        }
        profile.checked = string(members["checked"], "/checked")
        if let checked = profile.checked, !Self.isDate(checked) {
            complain("/checked", "must be a date such as 2026-11-22")
        }
        profile.unanswered = strings(members["needs"], "/needs") ?? []
        profile.imported = origin(members["imported"])
        profile.fields = fields(members["fields"], kind: kind)
        let holes = Set(profile.fields.filter(\.isPlain).map(\.name))
        if kind == .oauth2 {
            oauth(members, into: &profile, holes: holes)
        } else if let kind {
            for name in Self.oauthMembers {
                guard let value = members[name], !value.isBlank else { continue }
                complain("/\(name)", "means nothing for kind \(kind.rawValue); it belongs to oauth2")
            }
        }
        // Without the kind nobody can tell what the rest should be.
        guard kind != nil else { return profile }
        routes(members["routes"], into: &profile, holes: holes)
        apply(members["apply"], into: &profile, holes: holes)
        hosts(members["hosts"], into: &profile, holes: holes)
        return profile
    }

    private mutating func oauth(_ members: JSONObject, into profile: inout ProviderProfile, holes: Set<String>) {
        server(members["authorization_server"], into: &profile, holes: holes)
        if let scopes = object(members["scopes"], "/scopes", known: ["default", "separator"]) {
            for (index, text) in (strings(scopes["default"], "/scopes/default") ?? []).enumerated() {
                if text.isEmpty { complain("/scopes/default/\(index)", "must be a scope") }
                if let scope = template(text, "/scopes/default/\(index)", holes: holes) {
                    profile.defaultScopes.append(scope)
                }
            }
            if scopes["separator"] != nil {
                profile.scopeSeparator = requiredString(scopes["separator"], "/scopes/separator")
            }
        }
        profile.authorizationParameters = parameters(members, "authorization_parameters", &profile, holes: holes)
        profile.tokenParameters = parameters(members, "token_parameters", &profile, holes: holes)
        profile.refreshParameters = parameters(members, "refresh_parameters", &profile, holes: holes)
        profile.tokenHeaders = tokenHeaders(members["token_headers"], holes: holes)
        profile.departures = departures(members["departures"])
        requestTemplates(members, into: &profile)
        if let methods = profile.codeChallengeMethodsSupported, !methods.contains("S256"),
            !profile.departures.contains(.flag(.noPKCE))
        {
            complain(
                "/authorization_server/code_challenge_methods_supported",
                "must hold S256, the one method that Credence uses; a provider that refuses it has the departure no_pkce"
            )
        }
        if profile.requirePushedAuthorizationRequests, profile.departures.contains(.flag(.noPAR)) {
            complain(
                "/authorization_server/require_pushed_authorization_requests", "contradicts the departure no_par")
        }
        profile.errors = errors(members)
        if let expiry = object(members["expiry"], "/expiry", known: ["default_lifetime", "refresh_margin", "unit"]) {
            if let unit = expiry["unit"] {
                profile.expiry.unit = choice(unit, "/expiry/unit", LifetimeUnit.self) ?? .seconds
            }
            if case .string(let text)? = expiry["default_lifetime"] {
                let template = template(text, "/expiry/default_lifetime", holes: holes)
                if let template, !template.isOneHole {
                    complain("/expiry/default_lifetime", "must be seconds, null, or one hole such as {session_seconds}")
                }
                profile.defaultLifetimeField = template?.holes.first
            } else {
                profile.expiry.defaultLifetime = seconds(expiry["default_lifetime"], "/expiry/default_lifetime")
            }
            profile.expiry.refreshMargin = seconds(expiry["refresh_margin"], "/expiry/refresh_margin")
        }
        if let token = object(members["refresh_token"], "/refresh_token", known: ["rotates", "grace", "lifetime"]) {
            profile.refreshToken.rotates = bool(token["rotates"], "/refresh_token/rotates") ?? true
            profile.refreshToken.grace = seconds(token["grace"], "/refresh_token/grace", orNull: false) ?? 0
            profile.refreshToken.lifetime = seconds(token["lifetime"], "/refresh_token/lifetime")
        }
        profile.capture = captures(members["capture"], of: profile)
        profile.identity = identity(members["identity"], of: profile, holes: holes)
        profile.followUp = followUp(members["follow_up"], of: profile, holes: holes)
        profile.adminConsent = adminConsent(members["admin_consent"], of: profile, holes: holes)
        profile.jwtBearer = jwtBearer(members["jwt_bearer"], holes: holes)
        profile.revocation = revocation(members["revocation"], of: profile, holes: holes)
        clientAssertion(members["client_assertion"], into: &profile, holes: holes)
        idToken(members["id_token"], into: &profile, holes: holes)
        profile.isDPoPBound = bool(members["dpop"], "/dpop") ?? false
    }

    private mutating func parameters(
        _ members: JSONObject, _ name: String, _ profile: inout ProviderProfile, holes: Set<String>
    ) -> [(name: String, template: Template)] {
        let ofClientID = clientIDParameters(members, name)
        profile.clientIDParameters[name] = ofClientID
        let parameters = templates(
            members[name], "/\(name)", holes: holes.union(ofClientID.isEmpty ? [] : ["client_id"]))
        for parameter in parameters where Self.reservedParameters.contains(parameter.name) {
            complain(
                join("/\(name)", parameter.name),
                "is not for a profile to set; Credence sets: \(Self.reservedParameters.joined(separator: ", "))")
        }
        return parameters.filter { !ofClientID.contains($0.name) }
    }

    /// Credence's own to say: who asks, in which form, and for what.
    private static let reservedHeaders = [
        "authorization", "content-type", "accept", "accept-encoding", "cookie", "dpop",
    ]

    private mutating func tokenHeaders(_ value: JSONValue?, holes: Set<String>) -> [(name: String, template: Template)]
    {
        let headers = templates(value, "/token_headers", holes: holes)
        for (name, _) in headers {
            if !Apply.isToken(name) || Apply.isFraming(name) || Self.reservedHeaders.contains(name.lowercased()) {
                complain(join("/token_headers", name), "is not a header for a profile to set")
            }
        }
        return headers
    }

    private mutating func departures(_ value: JSONValue?) -> [Departure] {
        var departures: [Departure] = []
        for (index, element) in (array(value, "/departures", of: "strings") ?? []).enumerated() {
            guard let text = string(element, "/departures/\(index)") else { continue }
            do throws(Departure.Invalid) {
                let departure = try Departure(text)
                if departures.contains(where: { $0.place == departure.place }) {
                    complain("/departures/\(index)", "says again, or otherwise, what an earlier departure says")
                }
                departures.append(departure)
            } catch {
                complain("/departures/\(index)", error.message)
            }
        }
        return departures
    }

    private static func withoutFragment(_ url: String) -> String { String(url.prefix { $0 != "#" }) }

    private static func isDate(_ text: String) -> Bool {
        ProviderProfile.Field.matches(text, "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
    }
}

extension JSONValue {
    /// Whether it says nothing: null, empty, or an object of nothing but that.
    fileprivate var isBlank: Bool {
        switch self {
        case .null: true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.pairs.allSatisfy(\.1.isBlank)
        default: false
        }
    }
}
