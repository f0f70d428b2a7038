public import OAuth

/// What an import made of a file: a profile a method.
public struct ImportResult: Sendable {
    public var profiles: [ImportedProfile]

    public init(profiles: [ImportedProfile]) {
        self.profiles = profiles
    }
}

/// A profile that was made from something else, and what people should know about that.
public struct ImportedProfile: Sendable {
    /// The profile's name: that of the source, with the method behind it where there are several.
    public var name: String
    /// The profile, as it belongs into `NAME.json`.
    public var document: JSONObject
    /// What only a person knows, as sentences; a profile with needs cannot be used before it has an answer.
    public var needs: [String]
    /// What was wrong with the source, and how it was read all the same.
    public var repairs: [String]
    /// What works, and should be looked at.
    public var warnings: [String]

    public init(
        name: String, document: JSONObject, needs: [String] = [], repairs: [String] = [], warnings: [String] = []
    ) {
        self.name = name
        self.document = document
        self.needs = needs
        self.repairs = repairs
        self.warnings = warnings
    }

    /// The file's content, a member a line.
    public var file: String {
        let lines = document.pairs.map { "  \(JSONValue.string($0).serialized()): \($1.serialized())" }
        return "{\n\(lines.joined(separator: ",\n"))\n}\n"
    }
}

/// Why nothing could be made of a file, for people.
public struct ImportFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
