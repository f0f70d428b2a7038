/// What a store holds of a secret: `suite(1) term(4) salt(32) commitment(32) nonce(12) ciphertext tag(16)`, 97 bytes
/// more than the secret; the term is big-endian.
public struct SealedBox: Sendable, Hashable {
    static let saltRange = 5..<37
    static let commitmentRange = 37..<69
    static let nonceRange = 69..<81
    static let headerCount = 81

    /// How much longer a box is than what it holds.
    public static let overhead = headerCount + Primitives.tagCount
    /// AES-256-GCM under a key of this write alone, from HKDF-SHA-512 with a 32-byte commitment.
    static let currentSuite: UInt8 = 1

    public let bytes: [UInt8]

    /// Takes what a store held. Only the form is checked here; the content when it is opened.
    public init(_ bytes: [UInt8]) throws(SealingError) {
        guard let suite = bytes.first else { throw .damaged("a sealed box is empty") }
        // The floor and the ceiling are one: there is one suite (security case S9).
        guard suite == Self.currentSuite else {
            throw SealingError(
                .unsupportedSuite,
                "A sealed box uses suite \(suite), which this Credence does not open: use the version that wrote it.")
        }
        guard bytes.count >= Self.overhead else { throw .damaged("a sealed box is too short") }
        self.bytes = bytes
    }

    public var suite: UInt8 { bytes[0] }

    /// The number of the data key that it is sealed under.
    public var term: UInt32 { bytes[1..<5].reduce(0) { $0 << 8 | UInt32($1) } }
}
