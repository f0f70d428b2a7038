/// What a store that lives in files can do besides.
public protocol StoreMaintenance: Sendable {
    /// What the database itself finds wrong with it; empty when it is in order. Reads all of it.
    func damage() async throws(StoreFailure) -> [String]

    /// A consistent copy in one new file, while writing goes on.
    func copy(to path: String) async throws(StoreFailure)

    /// Puts a manifest into a copy, with what it takes to tell that nobody changed the copy since.
    /// - Parameter seal: given the manifest's text, returns its authenticator.
    func sign(
        copy path: String, _ manifest: BackupManifest, _ seal: @Sendable (String) -> [UInt8]
    ) async throws(StoreFailure)
}

/// What a backup says of itself.
public struct BackupManifest: Sendable, Hashable, Codable {
    public var format = 1
    /// RFC 3339.
    public var createdAt: String
    public var credence: String
    /// Where the audit log stood: a restored store goes on behind it.
    public var auditSequence: Int
    public var auditMAC: String
    /// Rows by table; filled in from the copy itself.
    public var tables: [String: Int] = [:]
    /// SHA-256 over every row of every table, in hexadecimal digits; filled in from the copy itself.
    public var digest = ""

    public init(createdAt: String, credence: String, auditSequence: Int, auditMAC: String) {
        self.createdAt = createdAt
        self.credence = credence
        self.auditSequence = auditSequence
        self.auditMAC = auditMAC
    }
}
