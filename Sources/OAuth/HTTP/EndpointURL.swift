/// The URL of an endpoint: absolute, http or https, without user information, fragment, backslash, space or control
/// characters. Read by hand and strictly: what two parsers read differently is how requests end up elsewhere.
public struct EndpointURL: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public struct Invalid: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    public let string: String
    /// `http` or `https`.
    public let scheme: String
    /// In lower case; an IPv6 address without its brackets.
    public let host: String
    /// nil where none is written.
    public let port: Int?
    /// Begins with a slash.
    public let path: String
    public let query: String?

    public init(_ string: String) throws(Invalid) {
        func invalid(_ why: String) -> Invalid { Invalid(description: why) }
        guard string.utf8.count <= 8192 else { throw invalid("it is longer than 8 KiB") }
        guard string.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) }) else {
            throw invalid("it holds characters that no URL may hold unencoded")
        }
        // RFC 3986 §2.1
        guard
            string.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false).dropFirst()
                .allSatisfy({ $0.prefix(2).count { Character(UnicodeScalar($0)).isHexDigit } == 2 })
        else { throw invalid("a percent sign in it stands before no two hexadecimal digits") }
        guard let colon = string.range(ofFirst: "://") else { throw invalid("it is not an absolute URL") }
        scheme = string[..<colon.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { throw invalid("it is neither https nor http") }
        guard !string.contains("#") else { throw invalid("it has a fragment") }
        let rest = string[colon.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        guard !authority.contains("@") else { throw invalid("it holds user information") }
        (host, port) = try Self.hostAndPort(authority)
        let tail = rest[authorityEnd...]
        let mark = tail.firstIndex(of: "?")
        let path = tail[..<(mark ?? tail.endIndex)]
        self.path = path.isEmpty ? "/" : String(path)
        query = mark.map { String(tail[tail.index(after: $0)...]) }
        self.string = string
    }

    private static let forbidden: Set<UInt8> = Set("\\\"<>^`{|}".utf8)

    private static func hostAndPort(_ authority: Substring) throws(Invalid) -> (String, Int?) {
        func invalid(_ why: String) -> Invalid { Invalid(description: why) }
        var host = authority
        var port: Int?
        let isBracketed = authority.hasPrefix("[")
        let afterHost: Substring.Index
        if isBracketed {
            guard let bracket = authority.firstIndex(of: "]") else { throw invalid("its host is not an address") }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            afterHost = authority.index(after: bracket)
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw invalid("its host is not an address")
            }
        } else {
            afterHost = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<afterHost]
            guard !host.isEmpty, host.utf8.count <= 253,
                host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_") })
            else { throw invalid("its host is not a name") }
        }
        let suffix = authority[afterHost...]
        if !suffix.isEmpty {
            guard suffix.hasPrefix(":"), suffix.dropFirst().allSatisfy(\.isNumber),
                let number = Int(suffix.dropFirst()),
                (1...65_535).contains(number)
            else { throw invalid("its port is not a port") }
            port = number
        }
        return (host.lowercased(), port)
    }

    public var isSecure: Bool { scheme == "https" }

    /// Whether it may be called: https, or, where http is allowed, a host of this machine or network. Development needs no
    /// more, and a token must not cross the Internet in the clear for it.
    public func isSafe(allowHTTP: Bool) -> Bool { isSecure || (allowHTTP && isLocal) }

    /// Loopback and private addresses (RFC 1918, RFC 4193), `localhost` and the names of no public domain (RFC 6761,
    /// RFC 6762), names without a dot.
    private var isLocal: Bool {
        if host.contains(":") { return host == "::1" || host.hasPrefix("fc") || host.hasPrefix("fd") }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = labels.compactMap { UInt8($0) }
        if labels.count == 4, bytes.count == 4 {
            switch (bytes[0], bytes[1]) {
            case (127, _), (10, _), (192, 168), (172, 16...31): return true
            default: return false
            }
        }
        return labels.count == 1 || ["localhost", "local", "internal", "test"].contains(labels.last.map(String.init))
    }

    /// The URL with more in its query; what is there stays.
    public func appending(_ parameters: Parameters) -> String {
        parameters.isEmpty ? string : appending(query: parameters.formURLEncoded)
    }

    /// - Parameter more: encoded already.
    func appending(query more: String) -> String {
        guard let query else { return "\(string)?\(more)" }
        let separator = query.isEmpty || query.hasSuffix("&") ? "" : "&"
        return "\(string)\(separator)\(more)"
    }

    /// Without the query, which may hold what is nobody's business.
    public var description: String {
        let host = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")\(path)"
    }
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}

extension String {
    fileprivate func range(ofFirst needle: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
