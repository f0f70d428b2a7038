/// Where audit lines go.
public protocol AuditSink: Sendable {
    /// Returns when the line is written; a secret leaves only after that. On the credential path: no `await`.
    func record(_ event: AuditEvent) throws(AuditFailure)

    /// The last lines, oldest first, each a JSON object.
    func tail(_ count: Int) throws(AuditFailure) -> [String]
}

/// The line could not be written or read.
public struct AuditFailure: Error, Sendable, CustomStringConvertible {
    /// One sentence that says what to do.
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
