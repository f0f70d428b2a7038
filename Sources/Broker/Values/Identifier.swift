/// The name of a record, chosen by its creator: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
///
/// `Kind` keeps a connection's name from being taken for a client's.
public struct Identifier<Kind>: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let string: String

    /// Fails when the text is not of the form above.
    public init?(_ string: some StringProtocol) {
        let bytes = string.utf8
        guard let first = bytes.first, bytes.count <= 128, Self.isAlphanumeric(first),
            bytes.allSatisfy({ Self.isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D })
        else { return nil }
        self.string = String(string)
    }

    private init(unchecked string: String) {
        self.string = string
    }

    /// A name nobody can guess: 128 random bits in lower-case hexadecimal.
    public static func random(from source: any RandomSource) -> Identifier {
        Identifier(unchecked: source.bytes(16).hexadecimal)
    }

    public static func < (left: Identifier, right: Identifier) -> Bool {
        left.string < right.string
    }

    public var description: String { string }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

public typealias ConnectionID = Identifier<Connection>
public typealias ClientID = Identifier<RegisteredClient>
public typealias CallerID = Identifier<Caller>
