import OAuth

extension ProfileReader {
    private static let fieldMembers = [
        "name", "title", "help", "default", "pattern", "allowed_values", "secret", "of", "required", "group",
    ]

    /// - Parameter kind: nil when it is not known.
    mutating func fields(_ value: JSONValue?, kind: ProfileKind?) -> [ProviderProfile.Field] {
        var fields: [ProviderProfile.Field] = []
        for (index, element) in (array(value, "/fields", of: "objects") ?? []).enumerated() {
            let path = "/fields/\(index)"
            guard let field = field(element, path) else { continue }
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
        return fields
    }

    private mutating func field(_ value: JSONValue, _ path: String) -> ProviderProfile.Field? {
        guard let members = object(value, path, known: Self.fieldMembers) else { return nil }
        let name = requiredString(members["name"], "\(path)/name")
        if !name.isEmpty, !Template.isName(name.unicodeScalars) {
            complain("\(path)/name", "must have the form \(Template.nameForm)")
        }
        if Apply.reservedNames.contains(name) { complain("\(path)/name", "is a name that Credence fills itself") }
        let pattern = string(members["pattern"], "\(path)/pattern")
        let isPattern = pattern.map { ProviderProfile.Field.expression($0) != nil } ?? true
        if !isPattern { complain("\(path)/pattern", "is not a regular expression") }
        let allowedValues = strings(members["allowed_values"], "\(path)/allowed_values")
        if allowedValues == [] { complain("\(path)/allowed_values", "must not be empty: then nothing fits") }
        if pattern != nil, allowedValues != nil { complain("\(path)/pattern", "has no place beside allowed_values") }
        if bool(members["secret"], "\(path)/secret") == true {
            complain(
                "\(path)/secret", "must be false: client secrets, keys and passwords are sealed, fields are not")
        }
        let field = ProviderProfile.Field(
            name: name, title: requiredString(members["title"], "\(path)/title"),
            help: string(members["help"], "\(path)/help"),
            default: string(members["default"], "\(path)/default"), pattern: isPattern ? pattern : nil,
            allowedValues: allowedValues, secret: false,
            of: choice(members["of"], "\(path)/of", ProviderProfile.Field.Of.self) ?? .client,
            required: bool(members["required"], "\(path)/required") ?? false,
            group: string(members["group"], "\(path)/group"))
        if let standard = field.default, let problem = field.problem(with: standard) {
            complain("\(path)/default", "does not fit: \(problem)")
        }
        return field
    }
}
