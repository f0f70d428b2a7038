/// Stable numbers of two bytes: they stand in every box's additional data, so none may change or be used again.
public enum SealTable: UInt16, Sendable, CaseIterable {
    case connection = 1
    case client = 2
    case clientSecret = 3
    case pendingAuthorization = 4
    case keyRing = 5
    case ticket = 6
    case audit = 7
    case spool = 8
    case webhook = 9
    case deviceConsent = 10
    case heldGrant = 11
}

/// Stable numbers, as those of `SealTable`.
public enum SealColumn: UInt16, Sendable, CaseIterable {
    case credential = 1
    case refresh = 2
    case secret = 3
    case verifier = 4
    case dataKey = 5
    case auditKey = 6
    case payload = 7
    case proofKey = 8
    case subject = 9
}

/// Where a box belongs. Rebuilt from the row it is read from, never stored: a box that was moved does not open
/// (security cases S2 and S3).
public struct SealContext: Sendable, Hashable {
    public let table: SealTable
    public let column: SealColumn
    public let record: String
    public let version: UInt64

    /// - Parameters:
    ///   - record: the ID of the row.
    ///   - version: counts up with each write, so that an old box does not open in a newer row.
    public init(table: SealTable, column: SealColumn, record: String, version: UInt64) {
        self.table = table
        self.column = column
        self.record = record
        self.version = version
    }

    /// `"CRD1" suite(1) term(4) tenant(16) table(2) column(2) record(32) version(8)`, numbers big-endian: 69 bytes,
    /// whatever the row. The tenant is reserved and zero: there is none. The record is the SHA-256 of its ID in UTF-8,
    /// since an ID is a string of up to 128 characters.
    func additionalData(suite: UInt8, term: UInt32) -> [UInt8] {
        var data: [UInt8] = Array("CRD1".utf8)
        data.reserveCapacity(69)
        data.append(suite)
        data.append(bigEndian: term)
        data.append(contentsOf: repeatElement(0, count: 16))
        data.append(bigEndian: table.rawValue)
        data.append(bigEndian: column.rawValue)
        data.append(contentsOf: sha256(Array(record.utf8)))
        data.append(bigEndian: version)
        return data
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
