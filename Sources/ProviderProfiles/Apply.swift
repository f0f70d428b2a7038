import Foundation

/// How a credential is put into a request: headers and query, ready to use. Names are filled already.
public struct Apply: Sendable {
    struct Entry: Sendable {
        let name: String
        let value: Template
    }

    let headers: [Entry]
    let query: [Entry]
    let cookies: [Entry]
    let placed: [PlacementForm]
    /// The profile's fields, for the holes that are not secret.
    let fields: [String: String]
    /// The profile's own names for secrets, and Credence's.
    let meanings: [String: String]

    /// What goes into some requests alone, or gives way to what is there.
    public struct Placement: Sendable {
        public let place: String
        public let name: String
        public let value: String
        /// IDs of operations; empty stands for all.
        public let operations: [String]
        /// `append` or `skip`; nil replaces.
        public let action: String?
    }

    public struct Rendered: Sendable {
        public let headers: [(String, String)]
        /// Not yet percent-encoded.
        public let query: [(String, String)]
        /// Not yet percent-encoded either.
        public let placements: [Placement]
    }

    /// Why a credential cannot be put into a request. Never holds it.
    public struct Refused: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The holes that Credence fills, by kind.
    static func secretHoles(of kind: ProfileKind) -> Set<String> {
        switch kind {
        case .oauth2: ["access_token", "token_type", "basic_token"]
        case .apiKey: ["api_key"]
        case .basic: ["username", "password", "basic"]
        // By the profile's own names.
        case .secret, .none: []
        }
    }

    /// The names that no field and no captured attribute may have.
    static let reservedNames = ProfileKind.allCases.reduce(
        into: Set([
            "refresh_token", "id_token", "client_id", "client_secret",
        ])
    ) {
        $0.formUnion(secretHoles(of: $1))
    }

    /// Where the credential goes, with its own holes left open: for people to look at.
    public var placements: [(in: String, name: String, value: String, operations: [String])] {
        [("header", headers), ("query", query), ("cookie", cookies)].flatMap { place, entries in
            entries.map { (place, $0.name, Self.shown($0.value), []) }
        } + placed.map { ($0.place.rawValue, $0.name, Self.shown($0.value), $0.operations) }
    }

    private static func shown(_ template: Template) -> String {
        template.parts.map { part in
            part == .hole("basic") ? "base64({username}:{password})" : Template(parts: [part]).shown
        }.joined()
    }

    /// What could end a header early, or begin another one, is refused (security case I17). An entry whose value
    /// renders empty is left out.
    /// - Parameter values: by hole: `access_token`, `api_key`, `username` and so on; `basic` is made here.
    public func render(_ values: [String: String]) -> Result<Rendered, Refused> {
        var values = fields.merging(values) { _, own in own }
        for (name, own) in meanings {
            if let value = values[own] ?? values[name] { (values[name], values[own]) = (value, value) }
        }
        do throws(Refused) {
            // RFC 7617 with the token as the user name and no password.
            if needs("basic_token"), let token = values["access_token"] {
                values["basic_token"] = Data("\(token):".utf8).base64EncodedString()
            }
            if needs("basic") { values["basic"] = try Self.basic(values) }
            var headers = try fill(self.headers, values)
            for header in headers where !header.1.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) {
                throw Refused(description: "the header \(header.0) would hold characters outside of ASCII")
            }
            let cookies = try fill(self.cookies, values)
            for cookie in cookies where !cookie.1.utf8.allSatisfy(Self.isCookieByte) {
                throw Refused(description: "the cookie \(cookie.0) would hold characters that no cookie may hold")
            }
            if !cookies.isEmpty {
                headers.append(("Cookie", cookies.map { "\($0.0)=\($0.1)" }.joined(separator: "; ")))
            }
            return .success(
                Rendered(headers: headers, query: try fill(query, values), placements: try place(values)))
        } catch {
            return .failure(error)
        }
    }

    private func fill(_ entries: [Entry], _ values: [String: String]) throws(Refused) -> [(String, String)] {
        var filled: [(String, String)] = []
        for entry in entries {
            let value = entry.value.filled(values)
            guard !value.unicodeScalars.contains(where: Self.isControl) else {
                throw Refused(description: "the value of \(entry.name) would hold control characters")
            }
            if !value.isEmpty { filled.append((entry.name, value)) }
        }
        return filled
    }

    private func place(_ values: [String: String]) throws(Refused) -> [Placement] {
        var placements: [Placement] = []
        for form in placed {
            guard let filled = try fill([Entry(name: form.name, value: form.value)], values).first else { continue }
            let bytes = filled.1.utf8
            let isCarried =
                switch form.place {
                case .header where Self.isHost(form.name):
                    HostName.normalized(filled.1) != nil && !filled.1.contains { $0 == "*" || $0 == "/" }
                case .header: bytes.allSatisfy { 0x20...0x7E ~= $0 }
                case .cookie: bytes.allSatisfy(Self.isCookieByte)
                case .query: true
                }
            guard isCarried else {
                throw Refused(description: "the \(form.place.rawValue) \(form.name) would hold characters it cannot")
            }
            placements.append(
                Placement(
                    place: form.place.rawValue, name: form.name, value: filled.1, operations: form.operations,
                    action: form.action == .override ? nil : form.action.rawValue))
        }
        return placements
    }

    private func needs(_ hole: String) -> Bool {
        (headers + query + cookies).contains { $0.value.holes.contains(hole) }
            || placed.contains { $0.value.holes.contains(hole) }
    }

    /// RFC 7617 §2, in UTF-8: a colon in the user name would move the border to the password.
    private static func basic(_ values: [String: String]) throws(Refused) -> String {
        guard let username = values["username"], let password = values["password"] else {
            throw Refused(description: "Basic needs a user name and a password")
        }
        let pair = "\(username):\(password)"
        guard !pair.unicodeScalars.contains(where: isControl) else {
            throw Refused(description: "user name or password holds control characters (RFC 7617 §2)")
        }
        guard !username.utf8.contains(UInt8(ascii: ":")) else {
            throw Refused(description: "the user name holds a colon, which Basic cannot carry (RFC 7617 §2)")
        }
        return Data(pair.utf8).base64EncodedString()
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    /// RFC 9110 §5.6.2: what a header's or a cookie's name is made of.
    static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                $0.isASCIIAlphanumeric || "!#$%&'*+-.^_`|~".unicodeScalars.contains($0)
            }
    }

    static func isHost(_ header: String) -> Bool { header.lowercased() == "host" }

    /// Headers by which one request becomes two, or goes elsewhere.
    static func isFraming(_ header: String) -> Bool {
        ["host", "content-length", "transfer-encoding", "connection"].contains(header.lowercased())
    }

    /// RFC 6265 §4.1.1: visible ASCII but the quote, comma, semicolon and backslash.
    private static func isCookieByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\",;\\".utf8.contains(byte)
    }
}
