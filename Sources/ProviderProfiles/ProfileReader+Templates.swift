import OAuth

/// A pair of a request's template.
struct TemplatePair: Sendable {
    let name: String
    let value: Template
    let isQuery: Bool
}

extension ProviderProfile {
    /// The pairs with the fields filled in; what comes at run time stays open.
    static func requestTemplate(
        _ pairs: [TemplatePair]?, _ values: [String: String], fields: [Field]
    ) -> ParameterTemplate? {
        guard let pairs else { return nil }
        return ParameterTemplate(
            pairs.map { pair in
                let value = pair.value.parts.map { part -> ParameterTemplate.Part in
                    guard let name = part.hole else { return .text(part.value(values) ?? "") }
                    // A field that is the client's own, unless its value is known here.
                    if let own = hole(name, fields), values[name]?.isEmpty ?? true { return .hole(own) }
                    return .text(part.value(values) ?? "")
                }
                return ParameterTemplate.Pair(name: pair.name, value: value, isQuery: pair.isQuery)
            })
    }

    /// What comes at run time under a name.
    static func hole(_ name: String, _ fields: [Field]) -> ParameterTemplate.Hole? {
        if let hole = ParameterTemplate.Hole(rawValue: name) { return hole }
        switch fields.first(where: { $0.name == name })?.meaning {
        case .clientID?: return .clientID
        case .clientSecret?: return .clientSecret
        default: return nil
        }
    }
}

extension ProfileReader {
    /// What may stand in which request: no secret goes through the browser.
    private static let authorizationHoles: Set<ParameterTemplate.Hole> = [
        .clientID, .redirectURI, .scope, .state, .codeChallenge,
    ]
    private static let tokenHoles: Set<ParameterTemplate.Hole> = [
        .clientID, .clientSecret, .redirectURI, .scope, .code, .codeVerifier,
    ]
    private static let refreshHoles: Set<ParameterTemplate.Hole> = [
        .clientID, .clientSecret, .redirectURI, .scope, .refreshToken,
    ]

    mutating func requestTemplates(_ members: JSONObject, into profile: inout ProviderProfile) {
        let holes = Set(profile.fields.filter { $0.isPlain || $0.meaning?.isClients == true }.map(\.name))
        profile.authorizationTemplate = pairs(
            members["authorization_template"], "/authorization_template", holes, Self.authorizationHoles, profile)
        profile.tokenTemplate = pairs(members["token_template"], "/token_template", holes, Self.tokenHoles, profile)
        profile.refreshTemplate = pairs(
            members["refresh_template"], "/refresh_template", holes, Self.refreshHoles, profile)
        guard let pairs = profile.authorizationTemplate else { return }
        let used = Set(pairs.flatMap(\.value.holes))
        if !used.contains(ParameterTemplate.Hole.state.rawValue) {
            complain("/authorization_template", "must hold {state}: without it anybody's answer would be taken")
        }
        let challenge = ParameterTemplate.Hole.codeChallenge.rawValue
        if !used.contains(challenge), !profile.departures.contains(.flag(.noPKCE)) {
            complain(
                "/authorization_template",
                "holds no {code_challenge}; a provider that refuses it has the departure no_pkce")
        }
    }

    private mutating func pairs(
        _ value: JSONValue?, _ path: String, _ fields: Set<String>, _ runtime: Set<ParameterTemplate.Hole>,
        _ profile: ProviderProfile
    ) -> [TemplatePair]? {
        guard let elements = array(value, path, of: "pairs such as [\"scope\", \"{scope}\"]") else { return nil }
        var pairs: [TemplatePair] = []
        for (index, element) in elements.enumerated() {
            let path = "\(path)/\(index)"
            guard case .array(let sides) = element, (2...3).contains(sides.count) else {
                complain(path, "must be a pair such as [\"scope\", \"{scope}\"], with \"query\" behind it or not")
                continue
            }
            let name = requiredString(sides[0], "\(path)/0")
            let place = sides.count == 3 ? string(sides[2], "\(path)/2") : nil
            if sides.count == 3, place != "query" { complain("\(path)/2", "must be query, or not be there") }
            let text = string(sides[1], "\(path)/1")
            let holes = fields.union(runtime.map(\.rawValue))
            guard let template = template(text, "\(path)/1", holes: holes) else { continue }
            for hole in template.holes {
                if let own = ProviderProfile.hole(hole, profile.fields), !runtime.contains(own) {
                    complain("\(path)/1", "has the hole {\(hole)}, which has no place in this request")
                }
            }
            pairs.append(TemplatePair(name: name, value: template, isQuery: place == "query"))
        }
        return pairs
    }

    /// A parameter whose whole value is the client's ID.
    mutating func clientIDParameters(_ members: JSONObject, _ name: String) -> Set<String> {
        var names: Set<String> = []
        guard case .object(let parameters)? = members[name] else { return [] }
        for (parameter, value) in parameters.pairs {
            if case .string("{client_id}") = value { names.insert(parameter) }
        }
        return names
    }

    mutating func origin(_ value: JSONValue?) -> [(name: String, value: String)] {
        (object(value, "/imported", known: ["from", "class", "method"])?.pairs ?? []).compactMap { name, value in
            string(value, "/imported/\(name)").map { (name, $0) }
        }
    }
}
