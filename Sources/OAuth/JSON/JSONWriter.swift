extension JSONValue {
    /// Compact JSON. Besides what RFC 8259 §7 demands, what a page, a script or a terminal might obey is escaped:
    /// `<`, DEL and C1 controls, U+2028 and U+2029.
    public func serialized() -> String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private func append(to text: inout [UInt8]) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): text.append(contentsOf: number.text.utf8)
        case .string(let string): Self.append(string, to: &text)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                element.append(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let object):
            text.append(UInt8(ascii: "{"))
            for (index, (name, value)) in object.pairs.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                Self.append(name, to: &text)
                text.append(UInt8(ascii: ":"))
                value.append(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text.append(contentsOf: "\\\"".utf8)
            case "\\": text.append(contentsOf: "\\\\".utf8)
            case "\n": text.append(contentsOf: "\\n".utf8)
            case "\r": text.append(contentsOf: "\\r".utf8)
            case "\t": text.append(contentsOf: "\\t".utf8)
            case "\u{0}"..."\u{1F}", "<", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text.append(contentsOf: "\\u".utf8)
                text.append(contentsOf: String(repeating: "0", count: 4 - digits.count).utf8)
                text.append(contentsOf: digits.utf8)
            default: text.append(contentsOf: UTF8.encode(scalar)!)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
