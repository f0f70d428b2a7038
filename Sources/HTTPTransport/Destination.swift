internal import OAuth

/// Where one request goes: read out of its URL, spelled anew, so that what was judged is what is dialled.
struct Destination: Sendable, Equatable {
    enum Host: Sendable, Equatable {
        case name(String)
        case address(IPAddress)
    }

    let isSecure: Bool
    let host: Host
    let port: Int
    /// The path and the query, beginning with a slash.
    let target: String

    /// The host as it stands in a URL.
    var hostInURL: String {
        switch host {
        case .name(let name): name
        case .address(let address): address.isIPv6 ? "[\(address)]" : "\(address)"
        }
    }

    var url: String { "\(isSecure ? "https" : "http")://\(hostInURL):\(port)\(target)" }
}

enum DestinationVerdict: Sendable, Equatable {
    case accepted(Destination)
    case refused(reason: String)
}

extension EgressPolicy {
    /// Reads the URL and judges everything but a name's addresses.
    func judge(_ url: EndpointURL) -> DestinationVerdict {
        let scheme = url.scheme.lowercased()
        guard scheme == "https" || scheme == "http" else { return .refused(reason: "only https may be called") }
        let isSecure = scheme == "https"
        guard isSecure || allowHTTP else { return .refused(reason: "http is allowed in development only") }
        guard let host = Destination.Host(url.host) else {
            return .refused(reason: "the host is neither a name nor an address in its one spelling")
        }
        let port = url.port ?? (isSecure ? 443 : 80)
        guard (1...65_535).contains(port), allowedPorts?.contains(port) ?? true else {
            return .refused(reason: "port \(port) is not one of the allowed ports")
        }
        guard let target = Destination.target(path: url.path, query: url.query) else {
            return .refused(reason: "the path or the query is not percent-encoded as it must be")
        }
        if case .address(let address) = host, let reason = refusal(of: [address]) { return .refused(reason: reason) }
        return .accepted(Destination(isSecure: isSecure, host: host, port: port, target: target))
    }
}

extension Destination.Host {
    /// - Parameter text: the host of a URL, an IPv6 address with or without its brackets.
    init?(_ text: String) {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if let address = IPAddress(bare) {
            // IPv4 has no brackets (RFC 3986, section 3.2.2).
            guard address.isIPv6 || bare == text else { return nil }
            self = .address(address)
        } else if Self.isName(text), !Self.endsInNumber(text) {
            self = .name(text.lowercased())
        } else {
            return nil
        }
    }

    /// ASCII letters, digits, hyphens and underscores in labels of 1 to 63 bytes, 253 bytes in all (RFC 1035,
    /// section 2.3.4); international names come in their A-label form. No dot at the end: certificates hold none.
    private static func isName(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.count) && label.allSatisfy(isNameByte)
            }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Whether programs would read the name as an IPv4 address in another spelling: `2130706433`, `0x7f.1`,
    /// `017700000001`, `127.1` (WHATWG URL, "ends in a number").
    private static func endsInNumber(_ text: String) -> Bool {
        guard let last = text.lowercased().split(separator: ".").last else { return false }
        if last.hasPrefix("0x") { return last.dropFirst(2).allSatisfy(\.isHexDigit) }
        return last.allSatisfy(\.isNumber)
    }
}

extension Destination {
    /// The request target (RFC 9112, section 3.2.1).
    ///
    /// It must leave nothing for the client's URL parser to mend: finding one byte that does not belong, that
    /// parser encodes all the rest once more. Brackets, which queries often hold bare, are encoded here.
    fileprivate static func target(path: String, query: String?) -> String? {
        guard path.isEmpty || path.hasPrefix("/") else { return nil }
        let text = ((path.isEmpty ? "/" : path) + (query.map { "?\($0)" } ?? ""))
            .split(separator: "[", omittingEmptySubsequences: false).joined(separator: "%5B")
            .split(separator: "]", omittingEmptySubsequences: false).joined(separator: "%5D")
        guard text.utf8.allSatisfy(isTargetByte) else { return nil }
        let encoded = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false).dropFirst()
        guard encoded.allSatisfy({ $0.prefix(2).filter(isHexDigit).count == 2 }) else { return nil }
        return text
    }

    /// The bytes of a path and a query (RFC 3986, sections 3.3 and 3.4).
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~%!$&'()*+,;=:@/?".utf8.contains(byte)
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool { Character(Unicode.Scalar(byte)).isHexDigit }
}
