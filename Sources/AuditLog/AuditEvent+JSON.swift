import Broker

extension AuditEvent {
    /// Appends the event as the beginning of one line of JSON, up to its last member. Members in this order; absent ones
    /// are left out: `seq`, `time`, `action`, `caller`, `connection`, `subject`, `version`, `fingerprint`, `purpose`,
    /// `result`, `reason`.
    func append(to line: inout [UInt8], sequence: Int) {
        line.append(contentsOf: #"{"seq":"#.utf8)
        line.append(contentsOf: String(sequence).utf8)
        line.append(contentsOf: #","time":""#.utf8)
        line.append(contentsOf: at.iso8601Bytes(milliseconds: true))
        line.append(UInt8(ascii: "\""))
        Self.append("action", action.rawValue, to: &line)
        Self.append("caller", caller, to: &line)
        if let connection { Self.append("connection", connection, to: &line) }
        if let subject { Self.append("subject", subject, to: &line) }
        if let version {
            line.append(contentsOf: #","version":"#.utf8)
            line.append(contentsOf: String(version).utf8)
        }
        if let fingerprint { Self.append("fingerprint", fingerprint, to: &line) }
        if let purpose { Self.append("purpose", purpose, to: &line) }
        Self.append("result", result, to: &line)
        if let reason { Self.append("reason", reason, to: &line) }
    }

    private static func append(_ name: StaticString, _ value: String, to line: inout [UInt8]) {
        line.append(contentsOf: ",\"".utf8)
        name.withUTF8Buffer { line.append(contentsOf: $0) }
        line.append(contentsOf: "\":\"".utf8)
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
            line.append(contentsOf: value.utf8)
            line.append(UInt8(ascii: "\""))
            return
        }
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": line.append(contentsOf: "\\\"".utf8)
            case "\\": line.append(contentsOf: "\\\\".utf8)
            // Control characters, C1 included, and the two line separators: what a terminal or a reader may obey.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                line.append(contentsOf: "\\u".utf8)
                line.append(contentsOf: String(repeating: "0", count: 4 - digits.count).utf8)
                line.append(contentsOf: digits.utf8)
            default: line.append(contentsOf: String(scalar).utf8)
            }
        }
        line.append(UInt8(ascii: "\""))
    }
}
