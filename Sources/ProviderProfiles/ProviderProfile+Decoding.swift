import Foundation
import OAuth

extension ProviderProfile {
    /// Reads a profile strictly: what is unknown, of the wrong type or impossible is a problem, and all are told at once.
    /// - Parameter allowHTTP: development alone.
    public static func decode(_ bytes: [UInt8], file: String, allowHTTP: Bool) -> Result<
        ProviderProfile, ProfileProblems
    > {
        var reader = ProfileReader(file: file)
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes, limits: .init(bytes: 256 * 1024, depth: 16, members: 5000))
        } catch {
            reader.complain("", "is not JSON: \(error)")
            return .failure(ProfileProblems(problems: reader.problems))
        }
        let profile = read(value, &reader, allowHTTP: allowHTTP)
        guard reader.problems.isEmpty, let profile else { return .failure(ProfileProblems(problems: reader.problems)) }
        return .success(profile)
    }

    private static let members = [
        "$schema", "provider", "title", "kind", "documentation", "checked", "fields", "authorization_server", "scopes",
        "authorization_parameters", "token_parameters", "refresh_parameters", "departures", "errors", "expiry",
        "refresh_token", "capture", "identity", "apply", "hosts",
    ]

    static let endpointNames = [
        "issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint",
        "device_authorization_endpoint", "pushed_authorization_request_endpoint", "jwks_uri", "userinfo_endpoint",
    ]

    private static func read(_ value: JSONValue, _ reader: inout ProfileReader, allowHTTP: Bool) -> ProviderProfile? {
        guard let members = reader.object(value, "", known: members) else {
            if reader.problems.isEmpty { reader.complain("", "must be an object") }
            return nil
        }
        let kind = reader.choice(members["kind"], "kind", ProfileKind.self)
        if members["kind"] == nil || members["kind"] == .null {
            reader.complain(
                "kind", "is missing; it is one of: \(ProfileKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var profile = ProviderProfile(
            name: reader.requiredString(members["provider"], "provider"),
            title: reader.requiredString(members["title"], "title"), kind: kind ?? .oauth2, source: value)
        if !profile.name.isEmpty, !matches(profile.name, "[a-z0-9][a-z0-9._-]{0,63}") {
            reader.complain("provider", "must have the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        profile.documentation = reader.string(members["documentation"], "documentation")
        profile.checked = reader.string(members["checked"], "checked")
        if let checked = profile.checked, !matches(checked, "[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            reader.complain("checked", "must be a date such as 2026-11-22")
        }
        profile.fields = fields(members["fields"], &reader)
        let holes = Set(profile.fields.filter { !$0.secret }.map(\.name))

        readServer(members["authorization_server"], into: &profile, &reader, holes: holes, allowHTTP: allowHTTP)
        if kind == .oauth2, members["authorization_server"] == nil || members["authorization_server"] == .null {
            reader.complain("authorization_server", "is missing: an oauth2 profile says where its endpoints are")
        }
        if let scopes = reader.object(members["scopes"], "scopes", known: ["default", "separator"]) {
            profile.defaultScopes = reader.strings(scopes["default"], "scopes.default") ?? []
            profile.scopeSeparator = reader.string(scopes["separator"], "scopes.separator") ?? " "
            if profile.scopeSeparator.isEmpty { reader.complain("scopes.separator", "must not be empty") }
        }
        profile.authorizationParameters = reader.templates(
            members["authorization_parameters"], "authorization_parameters", holes: holes)
        profile.tokenParameters = reader.templates(members["token_parameters"], "token_parameters", holes: holes)
        profile.refreshParameters = reader.templates(members["refresh_parameters"], "refresh_parameters", holes: holes)
        // These are Credence's own to say: a profile that could set them could undo what protects a consent.
        let reserved = [
            "state", "redirect_uri", "code_challenge", "code_challenge_method", "client_id", "client_secret", "code",
            "code_verifier", "refresh_token",
        ]
        for (list, path) in [
            (profile.authorizationParameters, "authorization_parameters"),
            (profile.tokenParameters, "token_parameters"),
            (profile.refreshParameters, "refresh_parameters"),
        ] {
            for entry in list where reserved.contains(entry.name) {
                reader.complain("\(path).\(entry.name)", "is set by Credence and may not be set by a profile")
            }
        }
        for (index, text) in (reader.strings(members["departures"], "departures") ?? []).enumerated() {
            guard let departure = Departure(text) else {
                reader.complain(
                    "departures.\(index)",
                    "'\(text)' is not a departure; known are: \(Departure.forms.joined(separator: ", "))")
                continue
            }
            profile.departures.append(departure)
        }
        if let errors = members["errors"], errors != .null {
            guard case .object(let map) = errors else {
                reader.complain("errors", "must be an object of error codes and who must act")
                return nil
            }
            for (code, value) in map.pairs {
                if value == .null { reader.complain("errors.\(code)", "must be a string") }
                if let remedy = reader.choice(value, "errors.\(code)", OAuthError.Remedy.self) {
                    profile.errors[code] = remedy
                }
            }
        }
        if let expiry = reader.object(members["expiry"], "expiry", known: ["default_lifetime", "refresh_margin"]) {
            profile.expiry.defaultLifetime = reader.seconds(expiry["default_lifetime"], "expiry.default_lifetime")
            profile.expiry.refreshMargin = reader.seconds(expiry["refresh_margin"], "expiry.refresh_margin")
        }
        if let token = reader.object(
            members["refresh_token"], "refresh_token", known: ["rotates", "grace", "lifetime"])
        {
            profile.refreshToken.rotates = reader.bool(token["rotates"], "refresh_token.rotates") ?? true
            profile.refreshToken.grace = reader.seconds(token["grace"], "refresh_token.grace") ?? 0
            profile.refreshToken.lifetime = reader.seconds(token["lifetime"], "refresh_token.lifetime")
        }
        profile.capture = captures(members["capture"], profile.departures, &reader)
        if let identity = members["identity"], identity != .null {
            reader.complain("identity", "must be null: this version does not read identities yet")
        }
        readApply(members["apply"], members["hosts"], into: &profile, &reader, holes: holes)
        return profile
    }

    private static func fields(_ value: JSONValue?, _ reader: inout ProfileReader) -> [Field] {
        guard let value, value != .null else { return [] }
        guard case .array(let elements) = value else {
            reader.complain("fields", "must be a list of objects")
            return []
        }
        var fields: [Field] = []
        for (index, element) in elements.enumerated() {
            let path = "fields.\(index)"
            let known = [
                "name", "title", "help", "default", "pattern", "allowed_values", "secret", "of", "required", "group",
            ]
            guard let members = reader.element(element, path, known: known) else { continue }
            let name = reader.requiredString(members["name"], "\(path).name")
            if !name.isEmpty, !matches(name, "[A-Za-z][A-Za-z0-9_]{0,63}") {
                reader.complain("\(path).name", "must have the form [A-Za-z][A-Za-z0-9_]{0,63}")
            }
            if fields.contains(where: { $0.name == name }) {
                reader.complain("\(path).name", "is the name of an earlier field")
            }
            if Apply.secretHoles.contains(name) {
                reader.complain("\(path).name", "is a name that Credence fills itself")
            }
            let pattern = reader.string(members["pattern"], "\(path).pattern")
            if let pattern, (try? NSRegularExpression(pattern: pattern)) == nil {
                reader.complain("\(path).pattern", "is not a regular expression")
            }
            let field = Field(
                name: name, title: reader.requiredString(members["title"], "\(path).title"),
                help: reader.string(members["help"], "\(path).help"),
                default: reader.string(members["default"], "\(path).default"), pattern: pattern,
                allowedValues: reader.strings(members["allowed_values"], "\(path).allowed_values"),
                secret: reader.bool(members["secret"], "\(path).secret") ?? false,
                of: reader.choice(members["of"], "\(path).of", Field.Of.self) ?? .client,
                required: reader.bool(members["required"], "\(path).required") ?? false,
                group: reader.string(members["group"], "\(path).group"))
            if field.secret {
                reader.complain(
                    "\(path).secret", "must be false: this version seals client secrets, keys and passwords, not fields"
                )
            }
            if let standard = field.default {
                if let allowed = field.allowedValues, !allowed.contains(standard) {
                    reader.complain(
                        "\(path).default", "is not one of the allowed values: \(allowed.joined(separator: ", "))")
                }
                if let pattern, !matches(standard, pattern) {
                    reader.complain("\(path).default", "does not have the form \(pattern)")
                }
            }
            fields.append(field)
        }
        return fields
    }

    private static func readServer(
        _ value: JSONValue?, into profile: inout ProviderProfile, _ reader: inout ProfileReader, holes: Set<String>,
        allowHTTP: Bool
    ) {
        let others = [
            "token_endpoint_auth_methods_supported", "code_challenge_methods_supported", "grant_types_supported",
            "authorization_response_iss_parameter_supported",
        ]
        let path = "authorization_server"
        guard let members = reader.object(value, path, known: endpointNames + others) else { return }
        for name in endpointNames {
            guard let text = reader.string(members[name], "\(path).\(name)"),
                let template = reader.template(text, "\(path).\(name)", holes: holes)
            else { continue }
            // A template that is one hole is checked when it is filled; anything else says its scheme here.
            let isOneHole = template.holes.count == 1 && text == "{\(template.holes[0])}"
            if !isOneHole, !text.hasPrefix("https://"), !(allowHTTP && text.hasPrefix("http://")) {
                reader.complain("\(path).\(name)", "must begin with https:// (http is for --development alone)")
            }
            profile.endpoints.append((name, template))
        }
        profile.tokenEndpointAuthMethodsSupported = reader.strings(members[others[0]], "\(path).\(others[0])")
        profile.codeChallengeMethodsSupported = reader.strings(members[others[1]], "\(path).\(others[1])")
        profile.grantTypesSupported = reader.strings(members[others[2]], "\(path).\(others[2])")
        profile.authorizationResponseIssParameterSupported =
            reader.bool(members[others[3]], "\(path).\(others[3])") ?? false
    }

    private static func captures(
        _ value: JSONValue?, _ departures: [Departure], _ reader: inout ProfileReader
    ) -> [Capture] {
        guard let value, value != .null else { return [] }
        let tokens: Set = ["access_token", "refresh_token", "id_token"]
        // Where departures say that tokens stand.
        let moved = departures.compactMap { departure in
            if case .responseMember(let name, let path) = departure, tokens.contains(name) { path } else { nil }
        }
        guard case .array(let elements) = value else {
            reader.complain("capture", "must be a list of objects")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let path = "capture.\(index)"
            guard let members = reader.element(element, path, known: ["name", "from"]) else { return nil }
            let name = reader.requiredString(members["name"], "\(path).name")
            if tokens.contains(name) {
                reader.complain("\(path).name", "must not be a token: what is captured is shown")
            }
            let from = reader.string(members["from"], "\(path).from") ?? name
            if from.split(separator: ".").contains(where: { tokens.contains(String($0)) }) || moved.contains(from) {
                reader.complain("\(path).from", "must not lead to a token: what is captured is shown")
            }
            return Capture(name: name, from: from)
        }
    }

    private static func readApply(
        _ value: JSONValue?, _ hosts: JSONValue?, into profile: inout ProviderProfile, _ reader: inout ProfileReader,
        holes: Set<String>
    ) {
        let captured = holes.union(profile.capture.map(\.name))
        let secrets: Set<String> =
            switch profile.kind {
            case .oauth2: ["access_token", "token_type"]
            case .apiKey: ["api_key"]
            case .basic: ["username", "password", "basic"]
            }
        if let members = reader.object(value, "apply", known: ["headers", "query"]) {
            func entries(_ name: String, _ reader: inout ProfileReader) -> [(name: Template, value: Template)] {
                reader.templates(members[name], "apply.\(name)", holes: captured.union(secrets)).compactMap { entry in
                    reader.template(entry.name, "apply.\(name).\(entry.name)", holes: holes).map {
                        ($0, entry.template)
                    }
                }
            }
            profile.applyHeaders = entries("headers", &reader)
            profile.applyQuery = entries("query", &reader)
        }
        if profile.applyHeaders.isEmpty, profile.applyQuery.isEmpty {
            reader.complain(
                "apply",
                "must say where the credential goes, such as {\"headers\":{\"Authorization\":\"Bearer {access_token}\"}}"
            )
        }
        for (index, host) in (reader.strings(hosts, "hosts") ?? []).enumerated() {
            if let template = reader.template(host, "hosts.\(index)", holes: captured) {
                profile.hosts.append(template)
            }
        }
    }
}
