/// One thing that is wrong with a profile's file.
public struct ProfileProblem: Error, Sendable, Hashable, CustomStringConvertible {
    public let file: String
    /// Where, as a dotted path into the file; empty for the file itself.
    public let path: String
    /// What, and what may stand there instead.
    public let message: String

    public var description: String { path.isEmpty ? "\(file): \(message)" : "\(file): \(path): \(message)" }
}

public struct ProfileProblems: Error, Sendable, CustomStringConvertible {
    public let problems: [ProfileProblem]
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
