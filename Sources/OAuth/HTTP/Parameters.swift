/// An ordered list of names and values: a query, a form. Prints names alone.
public struct Parameters: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public struct Pair: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        public let name: String
        public let value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        public var description: String { "Pair(\(name))" }
        public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
    }

    public struct Invalid: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    public private(set) var pairs: [Pair]

    public init() {
        pairs = []
    }

    public init(_ pairs: [(String, String)]) {
        self.pairs = pairs.map { Pair($0.0, $0.1) }
    }

    public var isEmpty: Bool { pairs.isEmpty }

    /// The first of that name.
    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    public func values(of name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// The names that stand there more than once.
    public var duplicatedNames: [String] {
        var seen: Set<String> = []
        var twice: [String] = []
        for pair in pairs where !seen.insert(pair.name).inserted && !twice.contains(pair.name) {
            twice.append(pair.name)
        }
        return twice
    }

    public mutating func append(_ name: String, _ value: String) { pairs.append(Pair(name, value)) }

    /// Replaces what is there of that name, or appends.
    public mutating func set(_ name: String, _ value: String) {
        guard let place = pairs.firstIndex(where: { $0.name == name }) else { return append(name, value) }
        pairs[place] = Pair(name, value)
        pairs = pairs.enumerated().filter { $0.offset <= place || $0.element.name != name }.map(\.element)
    }

    public mutating func remove(_ name: String) { pairs.removeAll { $0.name == name } }

    public var description: String { "Parameters(\(pairs.map(\.name).joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: [("names", pairs.map(\.name))]) }

    // MARK: application/x-www-form-urlencoded

    /// Every byte but RFC 3986's unreserved is percent-encoded, the space too: `+` is not understood everywhere.
    public var formURLEncoded: String {
        pairs.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }.joined(separator: "&")
    }

    public static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: encoded.append(byte)
            default:
                encoded.append(UInt8(ascii: "%"))
                encoded.append(digits[Int(byte >> 4)])
                encoded.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    public init(formURLEncoded text: String) throws(Invalid) {
        try self.init(formURLEncoded: Array(text.utf8))
    }

    /// Reads strictly: `+` is a space, percent-encoding must be whole, the result must be UTF-8; 64 KiB and a thousand
    /// pairs at most.
    public init(formURLEncoded bytes: [UInt8]) throws(Invalid) {
        guard bytes.count <= 65_536 else { throw Invalid(description: "it is larger than 64 KiB") }
        pairs = []
        for part in bytes.split(separator: UInt8(ascii: "&")) {
            guard pairs.count < 1000 else { throw Invalid(description: "it has more than a thousand pairs") }
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let value = equals < part.endIndex ? part[(equals + 1)...] : []
            pairs.append(Pair(try Self.decode(part[..<equals]), try Self.decode(value)))
        }
    }

    private static func decode(_ encoded: ArraySlice<UInt8>) throws(Invalid) -> String {
        var bytes: [UInt8] = []
        var place = encoded.startIndex
        while place < encoded.endIndex {
            switch encoded[place] {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard place + 2 < encoded.endIndex,
                    let high = Character(UnicodeScalar(encoded[place + 1])).hexDigitValue,
                    let low = Character(UnicodeScalar(encoded[place + 2])).hexDigitValue
                else { throw Invalid(description: "percent-encoding is cut short") }
                bytes.append(UInt8(high << 4 | low))
                place += 2
            case let byte: bytes.append(byte)
            }
            place += 1
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Invalid(description: "it is not UTF-8") }
        return text
    }
}

extension Parameters {
    /// - Parameter names: new names by old ones.
    func renamed(by names: [String: String]) -> Parameters {
        Parameters(pairs.map { (names[$0.name] ?? $0.name, $0.value) })
    }

    /// An object of texts; a list where a name stands there more than once.
    var json: JSONValue {
        var members = JSONObject()
        for pair in pairs where members[pair.name] == nil {
            let values = values(of: pair.name)
            members[pair.name] = values.count == 1 ? .string(values[0]) : .array(values.map { .string($0) })
        }
        return .object(members)
    }
}
