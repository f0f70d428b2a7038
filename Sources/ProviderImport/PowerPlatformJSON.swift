/// A JSON value as people write it: names more than once, in any case, booleans as strings.
indirect enum LooseValue: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([LooseValue])
    case object([(name: String, value: LooseValue)])

    /// The member of that name, in whatever case; the last of several. nil for null.
    subscript(name: String) -> LooseValue? {
        guard case .object(let members) = self else { return nil }
        guard let found = members.last(where: { $0.name.isSame(as: name) })?.value else { return nil }
        if case .null = found { return nil }
        return found
    }

    var members: [(name: String, value: LooseValue)] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    var elements: [LooseValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// The text of a string, number or boolean.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let bool): bool ? "true" : "false"
        default: nil
        }
    }

    /// The text, where there is any.
    var filledText: String? { text.flatMap { $0.isEmpty ? nil : $0 } }

    /// A boolean, or its name as text.
    var isTrue: Bool { text?.isSame(as: "true") ?? false }

    /// What stands in `{"value": …}`, or stands there bare.
    var boxedText: String? {
        if case .object = self { return self["value"]?.filledText }
        return filledText
    }
}

/// Reads JSON with the mistakes that people make when they edit it by hand: each is repaired, counted and told.
///
/// It works on bytes. Depth, size and the number of repairs are bounded; time grows with the size alone.
struct LooseReader {
    static let largest = 16 << 20
    static let deepest = 64
    static let mostRepairs = 60

    private(set) var repairs: [String: Int] = [:]
    private let bytes: [UInt8]
    private var place = 0
    private var count = 0

    private struct Stop: Error {}

    /// The value, and what was repaired; nil when it is beyond repair.
    static func read(_ bytes: [UInt8]) -> (value: LooseValue, repairs: [String])? {
        var notes: [String] = []
        guard let text = decoded(bytes, &notes) else { return nil }
        var reader = LooseReader(text)
        guard let value = try? reader.whole() else { return nil }
        return (value, notes + reader.notes)
    }

    /// UTF-8 without a byte order mark; what is no UTF-8 is taken as Latin-1. nil when it is too large.
    static func decoded(_ bytes: [UInt8], _ notes: inout [String]) -> [UInt8]? {
        guard bytes.count <= largest else { return nil }
        var bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            bytes.removeFirst(3)
            notes.append("A byte order mark was passed over.")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return bytes }
        notes.append("The text is no UTF-8; it was read as Latin-1.")
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + bytes.count / 8)
        for byte in bytes {
            if byte < 0x80 {
                text.append(byte)
            } else {
                text.append(0xC0 | byte >> 6)
                text.append(0x80 | byte & 0x3F)
            }
        }
        return text
    }

    /// The value that begins at a place, whatever follows it.
    static func value(in bytes: [UInt8], at place: Int) -> LooseValue? {
        var reader = LooseReader(bytes)
        reader.place = place
        reader.skipSpace()
        return try? reader.value(depth: 1)
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var notes: [String] {
        repairs.sorted { $0.key < $1.key }.map { $0.value == 1 ? "\($0.key)." : "\($0.key), \($0.value) times." }
    }

    private mutating func repair(_ what: String) throws {
        count += 1
        guard count <= Self.mostRepairs else { throw Stop() }
        repairs[what, default: 0] += 1
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func whole() throws -> LooseValue {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard place == bytes.count else {
            // A bracket too many at the end closes nothing.
            while let byte = next, byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                try repair("A bracket too many at the end was passed over")
                place += 1
                skipSpace()
            }
            guard place == bytes.count else { throw Stop() }
            return value
        }
        return value
    }

    /// White space, and the Unicode spaces that editors leave (U+00A0, U+1680, U+2000 to U+200B, U+202F, U+205F, U+3000,
    /// U+FEFF).
    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: place += 1
            case 0xC2, 0xE1, 0xE2, 0xE3, 0xEF:
                let rest = bytes[place...].prefix(3)
                let length: Int
                if rest.starts(with: [0xC2, 0xA0]) {
                    length = 2
                } else if rest.elementsEqual([0xE1, 0x9A, 0x80]) || rest.elementsEqual([0xE3, 0x80, 0x80])
                    || rest.elementsEqual([0xEF, 0xBB, 0xBF]) || rest.elementsEqual([0xE2, 0x80, 0xAF])
                    || rest.elementsEqual([0xE2, 0x81, 0x9F])
                    || (rest.starts(with: [0xE2, 0x80]) && rest.count == 3 && (0x80...0x8B).contains(rest.last!))
                {
                    length = 3
                } else {
                    return
                }
                place += length
                repairs["A Unicode space was taken as a space", default: 0] += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws -> LooseValue {
        guard depth <= Self.deepest else { throw Stop() }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
            let start = place
            while let byte = next, Self.isOfNumber(byte), place - start <= 64 { place += 1 }
            return .number(String(decoding: bytes[start..<place], as: UTF8.self))
        default: throw Stop()
        }
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E || byte | 0x20 == 0x65
    }

    private mutating func literal(_ text: StaticString, _ value: LooseValue) throws -> LooseValue {
        let count = text.utf8CodeUnitCount
        guard place + count <= bytes.count,
            text.withUTF8Buffer({ $0.elementsEqual(bytes[place..<place + count]) })
        else { throw Stop() }
        place += count
        return value
    }

    private mutating func object(depth: Int) throws -> LooseValue {
        place += 1
        var members: [(name: String, value: LooseValue)] = []
        while true {
            skipSpace()
            switch next {
            case nil:
                try repair("A missing bracket was added at the end")
                return .object(members)
            case UInt8(ascii: "}"):
                place += 1
                return .object(members)
            case UInt8(ascii: "\""): break
            default: throw Stop()
            }
            let name = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw Stop() }
            place += 1
            skipSpace()
            members.append((name, try value(depth: depth + 1)))
            guard try separator(closing: UInt8(ascii: "}")) else { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws -> LooseValue {
        place += 1
        var elements: [LooseValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            place += 1
            return .array(elements)
        }
        while true {
            skipSpace()
            guard next != nil else {
                try repair("A missing bracket was added at the end")
                return .array(elements)
            }
            if next == UInt8(ascii: "]") {
                place += 1
                return .array(elements)
            }
            elements.append(try value(depth: depth + 1))
            guard try separator(closing: UInt8(ascii: "]")) else { return .array(elements) }
        }
    }

    /// Whether another member or element follows.
    private mutating func separator(closing: UInt8) throws -> Bool {
        skipSpace()
        switch next {
        case UInt8(ascii: ","):
            place += 1
            skipSpace()
            if next == closing { try repair("A comma before a closing bracket was passed over") }
            return true
        case closing:
            place += 1
            return false
        case nil:
            try repair("A missing bracket was added at the end")
            return false
        case UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "["):
            try repair("A missing comma was added")
            return true
        default: throw Stop()
        }
    }

    private mutating func string() throws -> String {
        place += 1
        let start = place
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        if next == UInt8(ascii: "\"") {
            place += 1
            return String(decoding: bytes[start..<place - 1], as: UTF8.self)
        }
        var text = Array(bytes[start..<place])
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0x00...0x1F:
                try repair("A control character was left standing in a text")
                text.append(byte)
            default: text.append(byte)
            }
        }
        throw Stop()
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let byte = next else { throw Stop() }
        place += 1
        switch byte {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"):
            guard var code = unit() else { throw Stop() }
            if (0xD800...0xDBFF).contains(code), next == UInt8(ascii: "\\"), bytes.count > place + 1,
                bytes[place + 1] == UInt8(ascii: "u")
            {
                place += 2
                guard let low = unit() else { throw Stop() }
                code = (0xDC00...0xDFFF).contains(low) ? 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) : 0xFFFD
            }
            text.append(contentsOf: UTF8.encode(Unicode.Scalar(code) ?? "\u{FFFD}")!)
        default: text.append(byte)
        }
    }

    private mutating func unit() -> UInt32? {
        guard place + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { return nil }
        place += 4
        return code
    }
}

extension String {
    /// Without regard to the case of ASCII letters.
    func isSame(as other: String) -> Bool {
        let (one, two) = (utf8, other.utf8)
        guard one.count == two.count else { return false }
        return zip(one, two).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 | 0x20 && (0x61...0x7A).contains($0 | 0x20)) }
    }

    /// ASCII letters in lower case, the rest as it is.
    var asciiLowercased: String {
        guard utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
