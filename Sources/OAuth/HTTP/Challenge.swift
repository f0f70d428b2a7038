public import HTTPTypes

/// One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Foreign text: escape it before it is shown. Prints
/// scheme and names alone.
public struct Challenge: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// In lower case.
    public let scheme: String
    /// By names in lower case.
    public internal(set) var parameters: [String: String] = [:]
    /// What stands there instead of parameters, as with Negotiate.
    public internal(set) var token68: String?

    init(scheme: String) {
        self.scheme = scheme.lowercased()
    }

    /// The scopes that it would take (RFC 6750 §3); nil where it does not say.
    public var scope: [String]? { parameters["scope"]?.split(separator: " ").map(String.init) }

    public var description: String { "\(([scheme] + parameters.keys.sorted()).joined(separator: " "))" }
    public var customMirror: Mirror { Mirror(self, children: ["challenge": description]) }

    /// All challenges of an answer, several lines being one with commas (RFC 9110 §5.3). nil when there is none, or when
    /// any of it cannot be read: what follows may then be part of another's text.
    public static func read(_ fields: HTTPFields) -> [Challenge]? {
        read(fields[values: .wwwAuthenticate].joined(separator: ", "))
    }

    /// 16 KiB at most.
    static func read(_ header: String) -> [Challenge]? {
        let bytes = Array(header.utf8)
        guard bytes.count <= 16_384 else { return nil }
        var reader = ChallengeReader(rest: bytes[...])
        return reader.challenges()
    }
}

/// Reads by the grammar of RFC 9110: no parameter twice in a challenge, none after a token68, nothing but a comma between
/// two things. Whoever reads more kindly reads something else than the next.
private struct ChallengeReader {
    var rest: ArraySlice<UInt8>

    mutating func challenges() -> [Challenge]? {
        var challenges: [Challenge] = []
        var takesParameters = false
        while true {
            // A list may have empty elements (§5.6.1.2).
            skip { $0.isSpace || $0 == UInt8(ascii: ",") }
            guard !rest.isEmpty else { return challenges.isEmpty ? nil : challenges }
            if takesParameters, let parameter = parameter() {
                guard add(parameter, to: &challenges[challenges.count - 1]) else { return nil }
            } else {
                guard let scheme = token() else { return nil }
                var challenge = Challenge(scheme: scheme)
                // Parameters need a space after the scheme: `Basic, realm="x"` has none.
                takesParameters = rest.first?.isSpace == true
                guard takesParameters || rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
                skip(\.isSpace)
                if takesParameters, let text = token68() {
                    challenge.token68 = text
                    takesParameters = false
                } else if takesParameters, let parameter = parameter() {
                    guard add(parameter, to: &challenge) else { return nil }
                }
                challenges.append(challenge)
            }
            skip(\.isSpace)
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
        }
    }

    private func add(_ parameter: (name: String, value: String), to challenge: inout Challenge) -> Bool {
        challenge.parameters.updateValue(parameter.value, forKey: parameter.name.lowercased()) == nil
    }

    // Each of these reads all of what it is for, or nothing.

    /// Only where a comma or the end follows: `a=b` is a parameter.
    private mutating func token68() -> String? {
        var ahead = self
        let text = ahead.take { $0.isLetterOrDigit || "-._~+/".utf8.contains($0) }
        guard !text.isEmpty else { return nil }
        let padding = ahead.take { $0 == UInt8(ascii: "=") }
        ahead.skip(\.isSpace)
        guard ahead.rest.isEmpty || ahead.rest.first == UInt8(ascii: ",") else { return nil }
        self = ahead
        return text + padding
    }

    private mutating func parameter() -> (name: String, value: String)? {
        var ahead = self
        guard let name = ahead.token() else { return nil }
        ahead.skip(\.isSpace)
        guard ahead.rest.popFirst() == UInt8(ascii: "=") else { return nil }
        ahead.skip(\.isSpace)
        guard let value = ahead.rest.first == UInt8(ascii: "\"") ? ahead.quoted() : ahead.token() else { return nil }
        self = ahead
        return (name, value)
    }

    /// §5.6.4.
    private mutating func quoted() -> String? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), escaped.isText else { return nil }
                text.append(escaped)
            default:
                guard byte.isText else { return nil }
                text.append(byte)
            }
        }
        return nil
    }

    /// §5.6.2.
    private mutating func token() -> String? {
        let text = take { $0.isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) }
        return text.isEmpty ? nil : text
    }

    private mutating func take(_ isWanted: (UInt8) -> Bool) -> String {
        let taken = rest.prefix(while: isWanted)
        rest = rest.dropFirst(taken.count)
        return String(decoding: taken, as: UTF8.self)
    }

    private mutating func skip(_ isUnwanted: (UInt8) -> Bool) { rest = rest.drop(while: isUnwanted) }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x09 }
    fileprivate var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
    /// Anything but a control character.
    fileprivate var isText: Bool { self == 0x09 || (self >= 0x20 && self != 0x7F) }
}
