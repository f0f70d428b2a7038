/// What a store holds of a secret: `suite(1) term(4) salt(32) commitment(32) nonce(12) ciphertext tag(16)`.
public struct SealedBox: Sendable, Hashable {
    static let headerCount = 1 + 4 + 32 + 32 + 12
    /// How much longer a box is than what it holds.
    public static let overhead = headerCount + Primitives.tagCount
    /// AES-256-GCM under a key of this write alone, from HKDF-SHA-512 with a 32-byte commitment.
    static let suite: UInt8 = 1

    public let bytes: [UInt8]

    /// Takes what a store held. Only the form is checked here; the content when it is opened.
    public init(_ bytes: [UInt8]) throws(SealingError) {
        guard bytes.count >= Self.overhead else { throw .damaged("a sealed box is too short") }
        guard bytes[0] == Self.suite else {
            throw SealingError(
                .unsupportedSuite, "A sealed box uses suite \(bytes[0]), which this Credence does not open: use the version that wrote it.")
        }
        self.bytes = bytes
    }

    public var suite: UInt8 { bytes[0] }

    /// The number of the data key that it is sealed under.
    public var term: UInt32 { bytes[1..<5].reduce(0) { $0 << 8 | UInt32($1) } }
}

/// Where a box belongs. Rebuilt from the row it is read from, never stored: a box that was moved does not open
/// (security case S2).
public struct SealContext: Sendable, Hashable {
    /// Stable numbers: they stand in every box's additional data.
    public enum Table: UInt16, Sendable, CaseIterable {
        case connection = 1
        case client = 2
        case clientSecret = 3
        case pendingAuthorization = 4
        case keyRing = 5
        case ticket = 6
        case audit = 7
        case spool = 8
        case webhook = 9
    }

    public enum Column: UInt16, Sendable, CaseIterable {
        case credential = 1
        case refresh = 2
        case secret = 3
        case verifier = 4
        case dataKey = 5
        case auditKey = 6
        case payload = 7
    }

    public let table: Table
    public let column: Column
    public let record: String
    public let version: UInt64

    public init(table: Table, column: Column, record: String, version: UInt64) {
        self.table = table
        self.column = column
        self.record = record
        self.version = version
    }

    /// `"CRD1" suite term tenant(16) table(2) column(2) record(32) version(8)`, fixed width. The tenant is zeros: there
    /// is one. The record is the SHA-256 of its ID, since IDs are of any length up to 128.
    func additionalData(suite: UInt8, term: UInt32) -> [UInt8] {
        var data: [UInt8] = Array("CRD1".utf8)
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
