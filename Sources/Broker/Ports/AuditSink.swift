/// Where audit lines go.
public protocol AuditSink: Sendable {
    /// Returns when the line is written; a secret leaves only after that. On the credential path: no `await`.
    func record(_ event: AuditEvent) throws(AuditFailure)

    /// The last lines, oldest first, each a JSON object.
    func tail(_ count: Int) throws(AuditFailure) -> [String]

    /// Lines after a sequence number, oldest first, each a JSON object.
    func lines(after sequence: Int, limit: Int) throws(AuditFailure) -> [String]

    /// Signs the newest line's place in the chain into a second place, where that changed: whoever cuts the end off the log
    /// has to cut there too.
    func publishHead(at now: Timestamp) throws(AuditFailure)

    /// Where the chain stands: the newest line's number and authenticator.
    func head() -> (sequence: Int, mac: String)

    /// By connection: the newest version of a credential that was handed out since the connection was made. Reads all of it.
    func versionsHandedOut() throws(AuditFailure) -> [String: Int]

    /// Reads all of it again. Takes long where there is much: never on an event loop.
    func verify() throws(AuditFailure) -> AuditVerification
}

/// What a reading of the whole audit log found.
public struct AuditVerification: Sendable, Hashable {
    public var lines = 0
    public var files = 0
    /// Of the first and the last line; nil where there is none.
    public var first: Int?
    public var last: Int?
    /// Signed heads that fit.
    public var heads = 0
    /// What is to be known and is no fault, such as a line that a crash cut.
    public var notes: [String] = []
    /// What no honest service writes: where, and what. A hundred at most.
    public var problems: [String] = []

    public init() {}

    public var isWhole: Bool { problems.isEmpty }
}

/// The line could not be written or read.
public struct AuditFailure: Error, Sendable, CustomStringConvertible {
    /// One sentence that says what to do.
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
