/// One thing that is wrong with a profile's file.
public struct ProfileProblem: Error, Sendable, Hashable, CustomStringConvertible {
    public let file: String
    /// Where, as a JSON pointer (RFC 6901) such as `/fields/0/pattern`; empty for the file itself.
    public let path: String
    /// What, and what may stand there instead.
    public let message: String

    /// `file: path: message`, in one line.
    public var description: String { path.isEmpty ? "\(file): \(message)" : "\(file): \(path): \(message)" }
}

/// Everything that is wrong, in the order of the files; never empty.
public struct ProfileProblems: Error, Sendable, CustomStringConvertible {
    public let problems: [ProfileProblem]

    /// One problem a line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
