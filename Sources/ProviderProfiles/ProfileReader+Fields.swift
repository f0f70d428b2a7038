import OAuth

extension ProfileReader {
    private static let fieldMembers = [
        "name", "title", "help", "default", "pattern", "allowed_values", "secret", "is", "of", "required", "group",
    ]

    /// - Parameter kind: nil when it is not known.
    mutating func fields(_ value: JSONValue?, kind: ProfileKind?) -> [ProviderProfile.Field] {
        var fields: [ProviderProfile.Field] = []
        for (index, element) in (array(value, "/fields", of: "objects") ?? []).enumerated() {
            let path = "/fields/\(index)"
            guard let field = field(element, path, kind: kind) else { continue }
            if fields.contains(where: { $0.name == field.name }) {
                complain("\(path)/name", "is the name of an earlier field")
            }
            if field.of == .client, let kind, kind != .oauth2 {
                complain("\(path)/of", "must be connection: there are no clients of kind \(kind.rawValue)")
            }
            if let group = field.group, let first = fields.first(where: { $0.group == group }) {
                if first.of != field.of {
                    complain("\(path)/of", "must be \(first.of.rawValue), as in the rest of its group")
                }
                if field.default != nil, fields.contains(where: { $0.group == group && $0.default != nil }) {
                    complain("\(path)/default", "is the second default of its group; one can have one")
                }
            }
            fields.append(field)
        }
        for meaning in ProviderProfile.Field.Meaning.allCases where fields.count(where: { $0.meaning == meaning }) > 1 {
            complain("/fields", "has \(meaning.rawValue) twice")
        }
        return fields
    }

    /// What a field is without saying so, and whether the kind knows of it.
    private mutating func meaning(
        _ members: JSONObject, _ name: String, _ path: String, kind: ProfileKind?
    ) -> ProviderProfile.Field.Meaning? {
        let fitting: [ProviderProfile.Field.Meaning] =
            switch kind {
            case .oauth2?: [.clientID, .clientSecret]
            case .apiKey?: [.apiKey]
            case .basic?: [.username, .password]
            default: []
            }
        guard members["is"] != nil else {
            return kind == .oauth2 ? nil : fitting.first { $0.rawValue == name }
        }
        guard let meaning = choice(members["is"], "\(path)/is", ProviderProfile.Field.Meaning.self) else { return nil }
        if !fitting.contains(meaning), kind != nil {
            complain("\(path)/is", "is \(meaning.rawValue), of which this kind knows nothing")
        }
        return meaning
    }

    /// Names that Credence fills itself: of the profile's kind, and of what it never shows.
    private static func reserved(_ kind: ProfileKind?) -> Set<String> {
        switch kind {
        case .secret?, .none?: ["access_token", "refresh_token", "id_token"]
        case .apiKey?, .basic?:
            Apply.secretHoles(of: kind ?? .basic).union(["access_token", "refresh_token", "id_token"])
        // A key, or a user name and password, may stand beside the token.
        case .oauth2?:
            Apply.reservedNames.subtracting(["api_key", "username", "password"])
                .union(ParameterTemplate.Hole.allCases.map(\.rawValue))
        case nil: Apply.reservedNames.union(ParameterTemplate.Hole.allCases.map(\.rawValue))
        }
    }

    private mutating func field(
        _ value: JSONValue, _ path: String, kind: ProfileKind?
    ) -> ProviderProfile.Field? {
        guard let members = object(value, path, known: Self.fieldMembers) else { return nil }
        let name = requiredString(members["name"], "\(path)/name")
        if !name.isEmpty, !Template.isName(name.unicodeScalars) {
            complain("\(path)/name", "must have the form \(Template.nameForm)")
        }
        let meaning = meaning(members, name, path, kind: kind)
        if meaning?.rawValue != name, Self.reserved(kind).contains(name) || Template.claim(ofHole: name) != nil {
            complain("\(path)/name", "is a name that Credence fills itself")
        }
        let pattern = string(members["pattern"], "\(path)/pattern")
        let isPattern = pattern.map { ProviderProfile.Field.expression($0) != nil } ?? true
        if !isPattern { complain("\(path)/pattern", "is not a regular expression") }
        let allowedValues = strings(members["allowed_values"], "\(path)/allowed_values")
        if allowedValues == [] { complain("\(path)/allowed_values", "must not be empty: then nothing fits") }
        if pattern != nil, allowedValues != nil { complain("\(path)/pattern", "has no place beside allowed_values") }
        let isSecret = bool(members["secret"], "\(path)/secret") ?? false
        let of = choice(members["of"], "\(path)/of", ProviderProfile.Field.Of.self) ?? .client
        if isSecret, of == .client, meaning?.isClients != true {
            complain(
                "\(path)/secret",
                "must be false for a client's field but its secret, which has \"is\": \"client_secret\"")
        }
        if isSecret, members["default"] != nil {
            complain("\(path)/default", "must not be there: it would be no secret")
        }
        let field = ProviderProfile.Field(
            name: name, title: requiredString(members["title"], "\(path)/title"),
            help: string(members["help"], "\(path)/help"),
            default: string(members["default"], "\(path)/default"), pattern: isPattern ? pattern : nil,
            allowedValues: allowedValues, secret: isSecret, meaning: meaning, of: of,
            required: bool(members["required"], "\(path)/required") ?? false,
            group: string(members["group"], "\(path)/group"))
        if let standard = field.default, let problem = field.problem(with: standard) {
            complain("\(path)/default", "does not fit: \(problem)")
        }
        return field
    }
}
