import OAuth

/// Walks a profile's JSON and collects everything that is wrong, so that it is all said at once. Paths are JSON
/// pointers (RFC 6901).
struct ProfileReader {
    let file: String
    let allowHTTP: Bool
    private(set) var problems: [ProfileProblem] = []

    init(file: String, allowHTTP: Bool) {
        self.file = file
        self.allowHTTP = allowHTTP
    }

    mutating func complain(_ path: String, _ message: String) {
        problems.append(ProfileProblem(file: file, path: path, message: message))
    }

    /// The members of an object; those that are not known are complained of.
    mutating func object(_ value: JSONValue?, _ path: String, known: [String]) -> JSONObject? {
        guard let members = object(value, path) else { return nil }
        for name in members.names where !known.contains(name) {
            complain(join(path, name), "is not known here; known are: \(known.joined(separator: ", "))")
        }
        return members
    }

    /// The members of an object of any names.
    mutating func object(_ value: JSONValue?, _ path: String) -> JSONObject? {
        switch value {
        case nil: return nil
        case .object(let members)?: return members
        default:
            complain(path, "must be an object")
            return nil
        }
    }

    mutating func array(_ value: JSONValue?, _ path: String, of what: String) -> [JSONValue]? {
        switch value {
        case nil: return nil
        case .array(let elements)?: return elements
        default:
            complain(path, "must be a list of \(what)")
            return nil
        }
    }

    /// Text without control characters: it is printed.
    mutating func string(_ value: JSONValue?, _ path: String) -> String? {
        switch value {
        case nil: return nil
        case .string(let text)?:
            if text.unicodeScalars.contains(where: Apply.isControl) {
                complain(path, "must not hold control characters")
                return nil
            }
            return text
        default:
            complain(path, "must be a string")
            return nil
        }
    }

    mutating func requiredString(_ value: JSONValue?, _ path: String) -> String {
        guard value != nil else {
            complain(path, "is missing")
            return ""
        }
        guard let text = string(value, path) else { return "" }
        if text.isEmpty { complain(path, "must not be empty") }
        return text
    }

    mutating func bool(_ value: JSONValue?, _ path: String) -> Bool? {
        switch value {
        case nil: return nil
        case .bool(let bool)?: return bool
        default:
            complain(path, "must be true or false")
            return nil
        }
    }

    /// - Parameter orNull: whether null may say that nobody knows.
    mutating func seconds(_ value: JSONValue?, _ path: String, orNull: Bool = true) -> Int? {
        switch value {
        case nil: return nil
        case .null? where orNull: return nil
        case .number(let number)?:
            if let int = number.int, (0...Int(Int32.max)).contains(int) { return int }
        default: break
        }
        complain(path, "must be a whole number of seconds from 0 to \(Int32.max)\(orNull ? ", or null" : "")")
        return nil
    }

    mutating func strings(_ value: JSONValue?, _ path: String) -> [String]? {
        array(value, path, of: "strings")?.enumerated().map { string($1, join(path, "\($0)")) ?? "" }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ value: JSONValue?, _ path: String, _: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let value else {
            complain(path, "is missing; it is one of: \(allowed)")
            return nil
        }
        guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
            complain(path, "must be one of: \(allowed)")
            return nil
        }
        return choice
    }

    /// A template whose holes are among the known.
    /// - Parameter claims: whether a hole may be a claim's too.
    mutating func template(
        _ text: String?, _ path: String, holes known: Set<String>, claims: Bool = false
    ) -> Template? {
        guard let text else { return nil }
        guard let template = Template(text, claims: claims) else {
            let holes = claims ? "{field} or {claim:NAME}" : "{field}"
            complain(path, "has a brace that is not part of a \(holes) hole; a brace itself is written twice")
            return nil
        }
        for hole in template.holes where !known.contains(hole) && !(claims && Template.claim(ofHole: hole) != nil) {
            let names = known.isEmpty ? "none" : known.sorted().joined(separator: ", ")
            complain(path, "has the hole {\(hole)}, which nothing fills; known are: \(names)")
        }
        return template
    }

    /// An object of names and templates, in order.
    mutating func templates(
        _ value: JSONValue?, _ path: String, holes: Set<String>
    ) -> [(name: String, template: Template)] {
        var found: [(name: String, template: Template)] = []
        for (name, value) in object(value, path)?.pairs ?? [] {
            if name.isEmpty { complain(join(path, name), "must have a name") }
            let text = string(value, join(path, name))
            if let template = template(text, join(path, name), holes: holes) { found.append((name, template)) }
        }
        return found
    }

    /// RFC 6901 §3.
    func join(_ path: String, _ name: String) -> String {
        let escaped = name.flatMap { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }
        return "\(path)/\(String(escaped))"
    }
}
