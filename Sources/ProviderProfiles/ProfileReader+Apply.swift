import OAuth

extension ProfileReader {
    /// What of the token response is kept under a name.
    mutating func captures(
        _ value: JSONValue?, of profile: ProviderProfile
    ) -> [ProviderProfile.Capture] {
        var captures: [ProviderProfile.Capture] = []
        for (index, element) in (array(value, "/capture", of: "objects") ?? []).enumerated() {
            let path = "/capture/\(index)"
            guard let members = object(element, path, known: ["name", "from", "in"]) else { continue }
            let name = requiredString(members["name"], "\(path)/name")
            if !name.isEmpty, !Template.isName(name.unicodeScalars) {
                complain("\(path)/name", "must have the form \(Template.nameForm)")
            }
            if Apply.reservedNames.contains(name) { complain("\(path)/name", "is a name that Credence fills itself") }
            if profile.fields.contains(where: { $0.name == name }) || captures.contains(where: { $0.name == name }) {
                complain("\(path)/name", "is the name of a field, or of an earlier capture")
            }
            let from = string(members["from"], "\(path)/from") ?? name
            let source =
                members["in"] == nil
                ? .tokenResponse
                : choice(members["in"], "\(path)/in", ProviderProfile.Capture.Source.self) ?? .tokenResponse
            if source == .callback, ["code", "state", "id_token", "access_token", "response"].contains(from) {
                complain("\(path)/from", "is a parameter that Credence keeps itself: what is captured is shown")
            }
            if source == .tokenResponse, profile.isKept(from) {
                complain("\(path)/from", "is a member that Credence keeps itself: what is captured is shown")
            }
            captures.append(ProviderProfile.Capture(name: name, from: from, source: source))
        }
        return captures
    }

    /// Where a consent asks once more.
    mutating func followUp(_ value: JSONValue?, of profile: ProviderProfile, holes: Set<String>) -> Template? {
        let isWanted = profile.capture.contains { $0.source == .followUp }
        guard let members = object(value, "/follow_up", known: ["url"]) else {
            if isWanted, value == nil { complain("/follow_up", "is missing: a capture is of its answer") }
            return nil
        }
        if !isWanted { complain("/follow_up", "is asked for nothing: no capture has \"in\": \"follow_up\"") }
        let path = "/follow_up/url"
        let text = requiredString(members["url"], path)
        guard !text.isEmpty, let template = template(text, path, holes: holes) else { return nil }
        check(template, of: profile.fields, named: "url", at: path, host: "that gets its access token")
        return template
    }

    /// Where the credential goes.
    mutating func apply(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        let named = profile.fields.filter { !$0.isPlain && $0.of == .connection }
        let secrets = Apply.secretHoles(of: profile.kind).union(named.map(\.name))
        let fillable = holes.union(profile.capture.map(\.name)).union(secrets)
        if let members = object(value, "/apply", known: ["headers", "query", "cookies", "placements"]) {
            profile.headers = entries(members["headers"], "/apply/headers", names: holes, values: fillable)
            profile.query = entries(members["query"], "/apply/query", names: holes, values: fillable)
            profile.cookies = entries(members["cookies"], "/apply/cookies", names: holes, values: fillable)
            profile.placements = placements(members["placements"], holes: fillable)
        }
        for (index, header) in profile.headers.enumerated() where header.name.holes.isEmpty {
            let name = header.name.filled([:])
            if !Apply.isToken(name) || Apply.isFraming(name) {
                complain(
                    join("/apply/headers", name),
                    "is the header '\(name)' (number \(index + 1)), which no credential may go into")
            }
            if !profile.cookies.isEmpty, name.lowercased() == "cookie" {
                complain("/apply/headers", "has the header Cookie, which cookies make already")
            }
        }
        for cookie in profile.cookies where cookie.name.holes.isEmpty && !Apply.isToken(cookie.name.filled([:])) {
            complain("/apply/cookies", "has the cookie '\(cookie.name.filled([:]))', whose name no cookie may have")
        }
        let needed: [String] =
            switch profile.kind {
            case .basic: ["basic", "password"] + named.map(\.name)
            case .apiKey: ["api_key"] + named.map(\.name)
            case .oauth2: ["access_token", "basic_token"]
            case .secret: named.map(\.name)
            case .none: []
            }
        let used = Set(
            (profile.headers + profile.query + profile.cookies).flatMap(\.value.holes)
                + profile.placements.flatMap(\.value.holes))
        // In a route's path, or nobody knows yet where.
        let isElsewhere = profile.kind == .none || profile.routeHoles.contains { needed.contains($0) }
        if used.isDisjoint(with: needed), !isElsewhere, profile.unanswered.isEmpty {
            let names = needed.map { "{\($0)}" }.joined(separator: " or ")
            complain(
                "/apply",
                "must say where \(names) goes, such as {\"headers\":{\"Authorization\":\"Bearer {access_token}\"}}")
        }
    }

    mutating func hosts(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        let fillable = holes.union(profile.capture.map(\.name))
        for (index, text) in (strings(value, "/hosts") ?? []).enumerated() {
            guard let template = template(text, "/hosts/\(index)", holes: fillable) else { continue }
            if template.holes.isEmpty, text.contains(",") || HostName.normalized(text) == nil || text.contains("://") {
                complain("/hosts/\(index)", "must be a host such as api.example.com, *.example.com or {field}")
            }
            for capture in profile.capture where capture.source == .callback && template.holes.contains(capture.name) {
                complain(
                    "/hosts/\(index)",
                    "has the hole {\(capture.name)}, which the browser brings: whoever consents would choose the host")
            }
            profile.hosts.append(template)
        }
    }

    private mutating func entries(
        _ value: JSONValue?, _ path: String, names: Set<String>, values: Set<String>
    ) -> [ProviderProfile.Entry] {
        templates(value, path, holes: values).compactMap { entry in
            template(entry.name, join(path, entry.name), holes: names).map {
                ProviderProfile.Entry(name: $0, value: entry.template)
            }
        }
    }
}
