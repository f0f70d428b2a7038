import Foundation

extension ProviderProfile {
    /// The longest value of a field, in bytes.
    static let longestValue = 4096

    /// What is wrong with the values that one side gave, each by itself and as a group.
    /// - Parameter side: who gave them; nil when that is not known.
    func problems(in given: [String: String], of side: Field.Of?) -> [String] {
        let expected = fields.filter { $0.isPlain && (side == nil || $0.of == side) }
        var problems: [String] = []
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let field = expected.first(where: { $0.name == name }) else {
                let known = expected.isEmpty ? "none" : expected.map(\.name).joined(separator: ", ")
                let whose = side.map { "\($0.rawValue) field" } ?? "field"
                problems.append("There is no \(whose) \(Self.printable(name)) at \(self.name); known are: \(known).")
                continue
            }
            if let problem = field.problem(with: value) { problems.append(problem) }
        }
        for (_, group) in groups {
            let names = group.filter { given[$0.name]?.isEmpty == false }.map(\.name)
            if names.count > 1 {
                problems.append("Give one of \(group.map(\.name).joined(separator: ", ")): they are alternatives.")
            }
        }
        return problems
    }

    /// What has still to be given before requests can be made, as sentences for people; empty when nothing is.
    public func needs(_ given: [String: String]) -> [String] { missing(in: withDefaults(given), of: nil) }

    /// The required fields that have no value.
    /// - Parameter values: with the defaults.
    func missing(in values: [String: String], of side: Field.Of?) -> [String] {
        let isGiven = { (field: Field) in values[field.name]?.isEmpty == false }
        return fields.filter { $0.isPlain && $0.required && (side == nil || $0.of == side) }.compactMap { field in
            let alternatives = groups.first { $0.name == field.group }?.fields ?? [field]
            guard !alternatives.contains(where: isGiven) else { return nil }
            return alternatives.count == 1
                ? "The field \(field.name) (\(field.title)) is missing."
                : "Give one of the fields \(alternatives.map(\.name).joined(separator: ", "))."
        }
    }

    /// A default counts for a field that nobody gave; in a group, only where no other of the group is given.
    func withDefaults(_ given: [String: String]) -> [String: String] {
        let givenGroups = Set(fields.filter { given[$0.name]?.isEmpty == false }.compactMap(\.group))
        var values = given
        for field in fields where values[field.name] == nil {
            if let group = field.group, givenGroups.contains(group) { continue }
            values[field.name] = field.default
        }
        return values
    }

    /// In the order of their first fields.
    private var groups: [(name: String, fields: [Field])] {
        var groups: [(name: String, fields: [Field])] = []
        for field in fields {
            guard let name = field.group else { continue }
            if let place = groups.firstIndex(where: { $0.name == name }) {
                groups[place].fields.append(field)
            } else {
                groups.append((name, [field]))
            }
        }
        return groups
    }

    private static func printable(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.prefix(64).map { Apply.isControl($0) ? " " : $0 }))
    }
}

extension ProviderProfile.Field {
    /// Why a value does not fit; nil when it does. Never repeats the value.
    func problem(with value: String) -> String? {
        if value.utf8.count > ProviderProfile.longestValue {
            return "The field \(name) is longer than \(ProviderProfile.longestValue) bytes."
        }
        if value.unicodeScalars.contains(where: Apply.isControl) {
            return "The field \(name) holds control characters."
        }
        if let allowedValues, !allowedValues.contains(value) {
            return "The field \(name) is one of: \(allowedValues.joined(separator: ", "))."
        }
        if let pattern, !Self.matches(value, pattern) {
            return "The field \(name) must have the form \(pattern)\(help.map { " (\($0))" } ?? "")."
        }
        return nil
    }

    /// Whether the whole of the value has the form.
    static func matches(_ value: String, _ pattern: String) -> Bool {
        guard let expression = expression(pattern) else { return false }
        let whole = NSRange(value.startIndex..., in: value)
        return expression.firstMatch(in: value, range: whole)?.range == whole
    }

    /// nil when it is not a regular expression, by itself and anchored: `a)|(b` is one only in brackets.
    static func expression(_ pattern: String) -> NSRegularExpression? {
        guard (try? NSRegularExpression(pattern: pattern)) != nil else { return nil }
        return try? NSRegularExpression(pattern: "\\A(?:\(pattern))\\z")
    }
}
