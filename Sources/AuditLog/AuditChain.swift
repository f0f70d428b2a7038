import Broker
import Crypto

/// The keys of a log: one for its lines, one for the heads.
public struct AuditKeys: Sendable {
    let chain: SymmetricKey
    let head: SymmetricKey

    /// - Parameters: 32 bytes each (`InstallationKey`).
    public init(chain: [UInt8], head: [UInt8]) {
        self.chain = SymmetricKey(data: chain)
        self.head = SymmetricKey(data: head)
    }
}

/// Where the chain stands: each line holds its number, the authenticator of the line before, and its own, made with a key
/// that is sealed in the store. Nobody without it can write, take out, change or reorder a line unseen (security case I29).
struct AuditChain: Sendable {
    /// Of the last line; 0 before the first.
    var sequence = 0
    /// The last line's authenticator, 64 hexadecimal digits.
    var mac: [UInt8] = Self.genesis

    static let genesis = [UInt8](repeating: UInt8(ascii: "0"), count: 64)
    private static let previous = Array(#","prev":""#.utf8)
    private static let own = Array(#"","mac":""#.utf8)
    private static let end = Array("\"}\n".utf8)

    /// One line with its newline; the chain stands at it then.
    mutating func append(_ event: AuditEvent, to line: inout [UInt8], key: SymmetricKey) {
        sequence += 1
        event.append(to: &line, sequence: sequence)
        line.append(contentsOf: Self.previous)
        line.append(contentsOf: mac)
        mac = Self.authenticate(line[...], key)
        line.append(contentsOf: Self.own)
        line.append(contentsOf: mac)
        line.append(contentsOf: Self.end)
    }

    static func authenticate(_ bytes: ArraySlice<UInt8>, _ key: SymmetricKey) -> [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        let code = bytes.withUnsafeBytes { HMAC<SHA256>.authenticationCode(for: $0, using: key) }
        for byte in code {
            digits.append(hexadecimal[Int(byte >> 4)])
            digits.append(hexadecimal[Int(byte & 15)])
        }
        return digits
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}

/// A line as it was read: its number and the two authenticators that it claims.
struct ChainedLine {
    let sequence: Int
    let previous: ArraySlice<UInt8>
    let mac: ArraySlice<UInt8>
    /// What the authenticator is made over.
    let signed: ArraySlice<UInt8>

    private static let start = Array(#"{"seq":"#.utf8)
    private static let tailLength = #","prev":"","mac":""}"#.utf8.count + 128

    /// nil for what is no line of a chain, such as one that a crash cut.
    init?(_ line: ArraySlice<UInt8>) {
        guard line.count > Self.start.count + Self.tailLength, line.starts(with: Self.start),
            let number = Self.number(in: line)
        else { return nil }
        let signedEnd = line.endIndex - #"","mac":""}"#.utf8.count - 64
        let macStart = line.endIndex - 2 - 64
        guard line[signedEnd..<macStart].elementsEqual(#"","mac":""#.utf8), line.suffix(2).elementsEqual("\"}".utf8),
            line[(signedEnd - 64 - 9)..<(signedEnd - 64)].elementsEqual(#","prev":""#.utf8)
        else { return nil }
        sequence = number
        previous = line[(signedEnd - 64)..<signedEnd]
        mac = line[macStart..<(macStart + 64)]
        signed = line[..<signedEnd]
    }

    /// The number that a line begins with, whether or not the rest of it is there.
    static func number(in line: ArraySlice<UInt8>) -> Int? {
        guard line.starts(with: start) else { return nil }
        let digits = line.dropFirst(start.count).prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count < 19 else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    func isAuthentic(_ key: SymmetricKey) -> Bool {
        AuditChain.authenticate(signed, key).elementsEqual(mac)
    }
}

/// The members of a line that this module wrote: names stand once, in a fixed order, and values are escaped.
struct AuditLine {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    /// As it is written, escapes and all; an identifier has none.
    func text(_ name: String) -> String? {
        guard let start = value(of: name), start < bytes.endIndex, bytes[start] == UInt8(ascii: "\"") else {
            return nil
        }
        let rest = bytes[(start + 1)...]
        return rest.firstIndex(of: UInt8(ascii: "\"")).map { String(decoding: rest[..<$0], as: UTF8.self) }
    }

    func number(_ name: String) -> Int? {
        guard let start = value(of: name) else { return nil }
        return Int(String(decoding: bytes[start...].prefix { (0x30...0x39).contains($0) }, as: UTF8.self))
    }

    private func value(of name: String) -> Int? {
        let wanted = Array(",\"\(name)\":".utf8)
        guard bytes.count > wanted.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - wanted.count) where bytes[start] == wanted[0] {
            if bytes[start..<(start + wanted.count)].elementsEqual(wanted) { return start + wanted.count }
        }
        return nil
    }
}

/// A signed word about where the chain stood: `{"seq":…,"time":…,"line":…,"mac":…}`.
struct AuditHead {
    let sequence: Int
    let line: [UInt8]
    /// The whole text without its newline.
    let text: [UInt8]

    init(_ chain: AuditChain, at now: Timestamp, key: SymmetricKey) {
        sequence = chain.sequence
        line = chain.mac
        var text = Array(#"{"seq":\#(chain.sequence),"time":"\#(now.iso8601)","line":""#.utf8)
        text.append(contentsOf: chain.mac)
        let mac = AuditChain.authenticate(text[...], key)
        text.append(contentsOf: #"","mac":""#.utf8)
        text.append(contentsOf: mac)
        text.append(contentsOf: "\"}".utf8)
        self.text = text
    }

    /// nil for what was not signed with this key.
    init?(_ text: ArraySlice<UInt8>, key: SymmetricKey) {
        let end = #"","mac":""}"#.utf8.count + 64
        guard text.count > end + 64 + 9, let number = ChainedLine.number(in: text) else { return nil }
        let signed = text[..<(text.endIndex - end)]
        let mac = text[(text.endIndex - 66)..<(text.endIndex - 2)]
        guard AuditChain.authenticate(signed, key).elementsEqual(mac) else { return nil }
        sequence = number
        line = Array(signed.suffix(64))
        self.text = Array(text)
    }
}
