public import HTTPTypes

/// A challenge of `WWW-Authenticate` (RFC 9110 §11.6.1). Foreign text: escape it before it is shown.
public struct AuthenticationChallenge: Sendable, Hashable {
    /// In lower case.
    public let scheme: String
    /// By name, in lower case.
    public internal(set) var parameters: [String: String] = [:]
    public internal(set) var token68: String?

    /// All challenges of an answer; nil where one of them cannot be read, because what follows may then be part of
    /// another's text.
    public static func read(_ fields: HTTPFields) -> [AuthenticationChallenge]? {
        // Several lines are one with commas (RFC 9110 §5.3).
        let text = Array(fields[values: .wwwAuthenticate].joined(separator: ", ").utf8)
        guard text.count <= 16_384 else { return nil }
        var reader = Reader(rest: text[...])
        return reader.challenges()
    }
}

private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func challenges() -> [AuthenticationChallenge]? {
        var challenges: [AuthenticationChallenge] = []
        while true {
            // A list may have empty elements (RFC 9110 §5.6.1.2).
            skip { $0.isSpace || $0 == UInt8(ascii: ",") }
            guard !rest.isEmpty else { return challenges.isEmpty ? nil : challenges }
            if let last = challenges.indices.last, !challenges[last].parameters.isEmpty, let parameter = parameter() {
                guard add(parameter, to: &challenges[last]) else { return nil }
            } else {
                guard let challenge = challenge() else { return nil }
                challenges.append(challenge)
            }
            skip(\.isSpace)
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
        }
    }

    /// A scheme with its first parameter or its token68; further parameters are elements of the list.
    private mutating func challenge() -> AuthenticationChallenge? {
        guard let scheme = token() else { return nil }
        var challenge = AuthenticationChallenge(scheme: scheme.lowercased())
        guard let next = rest.first, next != UInt8(ascii: ",") else { return challenge }
        guard next.isSpace else { return nil }
        skip(\.isSpace)
        if let text = token68() {
            challenge.token68 = text
        } else if let parameter = parameter() {
            guard add(parameter, to: &challenge) else { return nil }
        }
        return challenge
    }

    private func add(_ parameter: (String, String), to challenge: inout AuthenticationChallenge) -> Bool {
        challenge.parameters.updateValue(parameter.1, forKey: parameter.0.lowercased()) == nil
    }

    /// Only where a comma or the end follows. Nothing is read otherwise, as with the others below.
    private mutating func token68() -> String? {
        var ahead = self
        var text = ahead.take { $0.isAlphanumeric || "-._~+/".utf8.contains($0) }
        guard !text.isEmpty else { return nil }
        text += ahead.take { $0 == UInt8(ascii: "=") }
        ahead.skip(\.isSpace)
        guard ahead.rest.isEmpty || ahead.rest.first == UInt8(ascii: ",") else { return nil }
        self = ahead
        return text
    }

    private mutating func parameter() -> (String, String)? {
        var ahead = self
        guard let name = ahead.token() else { return nil }
        ahead.skip(\.isSpace)
        guard ahead.rest.popFirst() == UInt8(ascii: "=") else { return nil }
        ahead.skip(\.isSpace)
        guard let value = ahead.rest.first == UInt8(ascii: "\"") ? ahead.quoted() : ahead.token() else { return nil }
        self = ahead
        return (name, value)
    }

    private mutating func quoted() -> String? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func token() -> String? {
        let text = take { $0.isAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains($0) }
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
    fileprivate var isAlphanumeric: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
