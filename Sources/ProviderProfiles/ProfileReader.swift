import OAuth

/// Walks a profile's JSON and collects everything that is wrong, so that it is all said at once.
struct ProfileReader {
    let file: String
    private(set) var problems: [ProfileProblem] = []

    init(file: String) {
        self.file = file
    }

    mutating func complain(_ path: String, _ message: String) {
        problems.append(ProfileProblem(file: file, path: path, message: message))
    }

    /// The members of an object; those that are not known are complained of.
    mutating func object(_ value: JSONValue?, _ path: String, known: [String]) -> JSONObject? {
        guard let value, value != .null else { return nil }
        guard case .object(let members) = value else {
            complain(path, "must be an object")
            return nil
        }
        for name in members.names where !known.contains(name) {
            complain(join(path, name), "is not known here; known are: \(known.joined(separator: ", "))")
        }
        return members
    }

    /// An object in a list, where null is none.
    mutating func element(_ value: JSONValue, _ path: String, known: [String]) -> JSONObject? {
        if value == .null { complain(path, "must be an object") }
        return object(value, path, known: known)
    }

    mutating func string(_ value: JSONValue?, _ path: String) -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let text)?: return text
        default:
            complain(path, "must be a string")
            return nil
        }
    }

    mutating func requiredString(_ value: JSONValue?, _ path: String) -> String {
        switch value {
        case nil, .null?: complain(path, "is missing")
        case .string("")?: complain(path, "must not be empty")
        default: break
        }
        return string(value, path) ?? ""
    }

    mutating func bool(_ value: JSONValue?, _ path: String) -> Bool? {
        switch value {
        case nil, .null?: return nil
        case .bool(let bool)?: return bool
        default:
            complain(path, "must be true or false")
            return nil
        }
    }

    mutating func seconds(_ value: JSONValue?, _ path: String) -> Int? {
        switch value {
        case nil, .null?: return nil
        case .number(let number)?:
            if let int = number.int, (0...Int(Int32.max)).contains(int) { return int }
            fallthrough
        default:
            complain(path, "must be a whole number of seconds, or null")
            return nil
        }
    }

    mutating func strings(_ value: JSONValue?, _ path: String) -> [String]? {
        guard let value, value != .null else { return nil }
        guard case .array(let elements) = value else {
            complain(path, "must be a list of strings")
            return nil
        }
        return elements.enumerated().compactMap { index, element in
            if element == .null { complain(join(path, "\(index)"), "must be a string") }
            return string(element, join(path, "\(index)"))
        }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ value: JSONValue?, _ path: String, _: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let text = string(value, path) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            complain(
                path, "is '\(text)' but must be one of: \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return choice
    }

    /// A template whose holes are among the known.
    mutating func template(_ value: JSONValue?, _ path: String, holes known: Set<String>) -> Template? {
        guard let text = string(value, path) else { return nil }
        return template(text, path, holes: known)
    }

    mutating func template(_ text: String, _ path: String, holes known: Set<String>) -> Template? {
        guard let template = Template(text) else {
            complain(path, "has a brace that is not part of a {field} hole")
            return nil
        }
        for hole in template.holes where !known.contains(hole) {
            complain(path, "has the hole {\(hole)}, but known are: \(known.sorted().joined(separator: ", "))")
        }
        return template
    }

    /// An object of names and templates, in order.
    mutating func templates(_ value: JSONValue?, _ path: String, holes: Set<String>) -> [(
        name: String, template: Template
    )] {
        guard let value, value != .null else { return [] }
        guard case .object(let members) = value else {
            complain(path, "must be an object of strings")
            return []
        }
        var found: [(name: String, template: Template)] = []
        for (name, value) in members.pairs {
            if value == .null { complain(join(path, name), "must be a string") }
            if let template = template(value, join(path, name), holes: holes) { found.append((name, template)) }
        }
        return found
    }

    func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
