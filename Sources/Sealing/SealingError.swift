/// Why something was not sealed or opened: a stable code, and a sentence that says what to do. Never a secret. Equal
/// when the codes are.
public struct SealingError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case wrongMasterKey = "wrong_master_key"
        case masterKeyUnreadable = "master_key_unreadable"
        case masterKeyPermissive = "master_key_permissive"
        case masterKeyMalformed = "master_key_malformed"
        case masterKeyUnwritable = "master_key_unwritable"
        /// The box was altered, or it belongs to another place.
        case damaged
        case unsupportedSuite = "unsupported_suite"
        case unknownTerm = "unknown_term"
        /// OpenSSL failed where it never should.
        case library
    }

    public let code: Code
    public let description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    public static func damaged(_ what: String) -> SealingError {
        SealingError(.damaged, "Stored data is damaged or was moved: \(what). Restore it from a backup.")
    }

    static func library(_ call: String) -> SealingError {
        SealingError(.library, "OpenSSL failed at \(call): check its installation and restart the service.")
    }

    public static func == (left: SealingError, right: SealingError) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
