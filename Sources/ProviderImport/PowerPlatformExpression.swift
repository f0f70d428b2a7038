/// A text of a policy, with the calls in it: `Bearer @headers('Authorization')`.
struct PowerPlatformExpression {
    enum Part: Equatable {
        case text(String)
        /// A field of the connection, and what stands for it when nobody fills it in.
        case field(String, standard: String?)
        /// A header of the request.
        case header(String)
        /// What only a request knows, as it is written.
        case other(String)
    }

    let parts: [Part]

    init(_ source: String) {
        let bytes = Array(source.utf8)
        var parts: [Part] = []
        var text: [UInt8] = []
        var place = 0
        while place < bytes.count {
            guard bytes[place] == UInt8(ascii: "@"), let (part, end) = Self.call(bytes, at: place) else {
                text.append(bytes[place])
                place += 1
                continue
            }
            if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
            text = []
            parts.append(part)
            place = end
        }
        if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
        self.parts = parts
    }

    /// `@name(…)` or `@{name(…)}` at a place, and where it ends.
    private static func call(_ bytes: [UInt8], at start: Int) -> (Part, end: Int)? {
        var place = start + 1
        let isBraced = place < bytes.count && bytes[place] == UInt8(ascii: "{")
        if isBraced { place += 1 }
        let nameStart = place
        while place < bytes.count, (0x41...0x5A).contains(bytes[place] & 0xDF) { place += 1 }
        guard place > nameStart, place < bytes.count, bytes[place] == UInt8(ascii: "(") else { return nil }
        let name = String(decoding: bytes[nameStart..<place], as: UTF8.self).asciiLowercased
        var arguments: [String] = []
        var argument: [UInt8] = []
        var quote: UInt8?
        var depth = 0
        var isQuoted = false
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if let open = quote {
                if byte == open { quote = nil } else { argument.append(byte) }
                continue
            }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): (quote, isQuoted) = (byte, true)
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: ",") where depth == 1:
                arguments.append(String(decoding: argument, as: UTF8.self))
                argument = []
            case 0x20 where !isQuoted || argument.isEmpty: break
            default: argument.append(byte)
            }
            if depth == 0 { break }
        }
        guard depth == 0, quote == nil else { return nil }
        if isQuoted || !argument.isEmpty { arguments.append(String(decoding: argument, as: UTF8.self)) }
        if isBraced {
            guard place < bytes.count, bytes[place] == UInt8(ascii: "}") else { return nil }
            place += 1
        }
        let raw = String(decoding: bytes[start..<place], as: UTF8.self)
        switch name {
        case "connectionparameters":
            guard let field = arguments.first, !field.isEmpty else { return (.other(raw), place) }
            let standard = arguments.count > 1 && !arguments[1].isEmpty ? arguments[1] : nil
            return (.field(field, standard: standard), place)
        case "headers": return (arguments.first.map { .header($0) } ?? .other(raw), place)
        default: return (.other(raw), place)
        }
    }

    var fields: [String] {
        parts.compactMap { if case .field(let name, _) = $0 { name } else { nil } }
    }

    var isOfRequest: Bool {
        parts.contains {
            switch $0 {
            case .header, .other: true
            default: false
            }
        }
    }
}
