import OAuth
import ProviderProfiles

extension ProfileDraft {
    /// The profile. What says nothing is left out.
    var document: JSONObject {
        var members = JSONObject([
            ("provider", .string(name)), ("title", .string(Self.line(title) ?? name)),
            ("kind", .string(kind.rawValue)),
        ])
        members["documentation"] = documentation.map { .string($0) }
        if !needs.isEmpty { members["needs"] = .array(needs.map { .string(Self.line($0) ?? "") }) }
        if !fields.isEmpty { members["fields"] = .array(fields.map(Self.json)) }
        if kind == .oauth2 {
            var server = JSONObject()
            for (name, url) in endpoints { server[name] = .string(url) }
            for (name, value) in self.server.pairs { server[name] = value }
            members["authorization_server"] = .object(server)
            if !scopes.isEmpty || scopeSeparator != " " {
                members["scopes"] = .object(
                    JSONObject([
                        ("default", .array(scopes.map { .string($0) })), ("separator", .string(scopeSeparator)),
                    ]))
            }
            let parameters = [
                ("authorization_parameters", authorizationParameters), ("token_parameters", tokenParameters),
                ("refresh_parameters", refreshParameters),
            ]
            for (name, pairs) in parameters where !pairs.isEmpty {
                members[name] = .object(JSONObject(pairs.map { ($0.name, .string($0.value)) }))
            }
            let templates = [
                ("authorization_template", authorizationTemplate, []),
                ("token_template", tokenTemplate, tokenQueryTemplate),
                ("refresh_template", refreshTemplate, refreshQueryTemplate),
            ]
            for case (let name, let pairs?, let query) in templates {
                members[name] = .array(
                    pairs.map { .array([.string($0.name), .string($0.value)]) }
                        + query.map { .array([.string($0.name), .string($0.value), .string("query")]) })
            }
            if !departures.isEmpty { members["departures"] = .array(departures.map { .string($0) }) }
        }
        if !placements.isEmpty { members["apply"] = .object(apply) }
        if !routes.isEmpty { members["routes"] = .array(routes.map(Self.json)) }
        if !hosts.isEmpty { members["hosts"] = .array(hosts.map { .string($0) }) }
        if !imported.isEmpty { members["imported"] = .object(imported) }
        return members
    }

    /// What goes into every request stands under its place; the rest is a list.
    private var apply: JSONObject {
        var places: [String: JSONObject] = [:]
        var list: [JSONValue] = []
        for placement in placements {
            let place: String
            switch placement.place {
            case .header: place = "headers"
            case .query: place = "query"
            case .cookie: place = "cookies"
            }
            let isTaken = places[place]?.names.contains { $0.lowercased() == placement.name.lowercased() } == true
            // A profile takes it in placements alone.
            let isHost = placement.place == .header && placement.name.lowercased() == "host"
            if placement.operations.isEmpty, placement.action == nil, !isTaken, !isHost, list.isEmpty {
                places[place, default: JSONObject()][placement.name] = .string(placement.value)
                continue
            }
            var members = JSONObject([
                ("in", .string(placement.place.rawValue)), ("name", .string(placement.name)),
                ("value", .string(placement.value)),
            ])
            if !placement.operations.isEmpty {
                members["operations"] = .array(placement.operations.map { .string($0) })
            }
            members["action"] = placement.action.map { .string($0) }
            list.append(.object(members))
        }
        var apply = JSONObject()
        for name in ["headers", "query", "cookies"] { apply[name] = places[name].map { .object($0) } }
        if !list.isEmpty { apply["placements"] = .array(list) }
        return apply
    }

    private static func json(_ field: Field) -> JSONValue {
        var members = JSONObject([
            ("name", .string(field.name)), ("title", .string(line(field.title) ?? field.name)),
            ("of", .string(field.of.rawValue)),
        ])
        members["help"] = field.help.flatMap(line).map { .string($0) }
        members["default"] = field.default.map { .string($0) }
        if !field.allowedValues.isEmpty {
            members["allowed_values"] = .array(field.allowedValues.map { .string($0) })
        }
        members["is"] = field.meaning.flatMap { $0 == field.name ? nil : .string($0) }
        if field.secret { members["secret"] = .bool(true) }
        if field.required { members["required"] = .bool(true) }
        return .object(members)
    }

    private static func json(_ route: Route) -> JSONValue {
        var members = JSONObject()
        members["url"] = route.url.map { .string($0) }
        members["path"] = route.path.map { .string($0) }
        if !route.operations.isEmpty { members["operations"] = .array(route.operations.map { .string($0) }) }
        if route.isOfRequest { members["of_request"] = .bool(true) }
        return .object(members)
    }

    /// What no text of a profile may hold.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    /// In one line, without control characters and without end; nil when nothing is left.
    static func line(_ text: String) -> String? {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(1000) {
            let next: Unicode.Scalar = isControl(scalar) ? " " : scalar
            if next == " ", line.isEmpty || line.last == " " { continue }
            line.append(next)
        }
        while line.last == " " { line.removeLast() }
        return line.isEmpty ? nil : String(line)
    }
}
