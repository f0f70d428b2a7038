/// Reads JSON strictly (RFC 8259): UTF-8 alone, no member twice, no trailing commas, no lone surrogates, and bounds on
/// size, depth and number of members. What an authorization server sends is hostile until it is read.
public struct JSONReader {
    public struct Limits: Sendable {
        public var bytes: Int
        public var depth: Int
        /// Members and elements in all.
        public var members: Int

        public init(bytes: Int = 1 << 20, depth: Int = 32, members: Int = 10_000) {
            self.bytes = bytes
            self.depth = depth
            self.members = members
        }
    }

    /// Where reading stopped, and why. Never what stood there.
    public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        public let offset: Int
        public let reason: String

        public var description: String { "\(reason) at byte \(offset)" }
    }

    public static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(Failure) -> JSONValue {
        guard bytes.count <= limits.bytes else { throw Failure(offset: limits.bytes, reason: "too large") }
        var reader = JSONReader(bytes: bytes, limits: limits)
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.place == bytes.count else { throw reader.failure("something follows the value") }
        return value
    }

    private let bytes: [UInt8]
    private let limits: Limits
    private var place = 0
    private var members = 0

    private init(bytes: [UInt8], limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    private func failure(_ reason: String) -> Failure { Failure(offset: place, reason: reason) }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= limits.depth else { throw failure("nested too deeply") }
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), (UInt8(ascii: "0")...UInt8(ascii: "9"))?: return .number(try number())
        case nil: throw failure("the text ends early")
        default: throw failure("no value begins like this")
        }
    }

    private mutating func count() throws(Failure) {
        members += 1
        guard members <= limits.members else { throw failure("too many members") }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONObject {
        place += 1
        var object = JSONObject()
        skipSpace()
        if next == UInt8(ascii: "}") {
            place += 1
            return object
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a member's name is missing") }
            try count()
            let name = try string()
            guard object[name] == nil else { throw failure("a member stands there twice") }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure("a colon is missing") }
            place += 1
            skipSpace()
            object[name] = try value(depth: depth + 1)
            skipSpace()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "}"):
                place += 1
                return object
            default: throw failure("a comma or a brace is missing")
            }
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> [JSONValue] {
        place += 1
        var elements: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            place += 1
            return elements
        }
        while true {
            skipSpace()
            try count()
            elements.append(try value(depth: depth + 1))
            skipSpace()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "]"):
                place += 1
                return elements
            default: throw failure("a comma or a bracket is missing")
            }
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard place + count <= bytes.count,
            text.withUTF8Buffer({ $0.elementsEqual(bytes[place..<place + count]) })
        else { throw failure("no value begins like this") }
        place += count
        return value
    }

    private mutating func number() throws(Failure) -> JSONNumber {
        let start = place
        if next == UInt8(ascii: "-") { place += 1 }
        guard let first = next, isDigit(first) else { throw failure("a digit is missing") }
        place += 1
        if first != UInt8(ascii: "0") { skipDigits() }
        if next == UInt8(ascii: ".") {
            place += 1
            guard let digit = next, isDigit(digit) else { throw failure("a digit is missing") }
            skipDigits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            guard let digit = next, isDigit(digit) else { throw failure("a digit is missing") }
            skipDigits()
        }
        guard place - start <= 64 else { throw failure("a number is too long") }
        return JSONNumber(validText: String(decoding: bytes[start..<place], as: UTF8.self))
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private mutating func skipDigits() {
        while let byte = next, isDigit(byte) { place += 1 }
    }

    private mutating func string() throws(Failure) -> String {
        place += 1
        var text: [UInt8] = []
        while true {
            guard let byte = next else { throw failure("a string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw failure("a string is not UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"):
                place += 1
                try escape(into: &text)
            case 0x00...0x1F: throw failure("a control character stands in a string")
            default:
                text.append(byte)
                place += 1
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = next else { throw failure("a string does not end") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800...0xDBFF).contains(code) {
                guard next == UInt8(ascii: "\\") else { throw failure("a surrogate stands alone") }
                place += 1
                guard next == UInt8(ascii: "u") else { throw failure("a surrogate stands alone") }
                place += 1
                let low = try fourDigits()
                guard (0xDC00...0xDFFF).contains(low) else { throw failure("a surrogate stands alone") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("a surrogate stands alone") }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: throw failure("no escape is written like this")
        }
    }

    private mutating func fourDigits() throws(Failure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw failure("a hexadecimal digit is missing")
            }
            code = code << 4 | UInt32(digit)
            place += 1
        }
        return code
    }
}
