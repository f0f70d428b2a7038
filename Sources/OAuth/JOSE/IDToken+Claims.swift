extension IDToken {
    /// What a valid token says (OpenID Connect Core 1.0 §2, §5.1). Prints the names of its claims alone: what they say
    /// is about a person.
    public struct Claims: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        public let issuer: String
        /// Who it is about, by a name that the issuer gives to nobody else.
        public let subject: String
        public let audience: [String]
        /// All of them, as they came.
        public let all: JSONObject
        let exactExpiry: Double
        let exactIssueTime: Double

        init(_ members: JSONObject) throws(Invalid) {
            all = members
            guard case .string(let issuer)? = members["iss"], !issuer.isEmpty else {
                throw Invalid(reason: "it names no issuer")
            }
            // §2: at most 255 ASCII characters.
            guard case .string(let subject)? = members["sub"], (1...255).contains(subject.utf8.count),
                subject.utf8.allSatisfy({ 0x20...0x7E ~= $0 })
            else { throw Invalid(reason: "it names no subject") }
            guard let expiry = try Self.time(members, "exp") else { throw Invalid(reason: "it does not say its end") }
            guard let issueTime = try Self.time(members, "iat") else {
                throw Invalid(reason: "it does not say when it was issued")
            }
            self.issuer = issuer
            self.subject = subject
            audience = try Self.audience(members["aud"])
            exactExpiry = expiry
            exactIssueTime = issueTime
        }

        private static func audience(_ value: JSONValue?) throws(Invalid) -> [String] {
            switch value {
            case .string(let one)?: return [one]
            case .array(let elements)?:
                let texts = elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
                guard texts.count == elements.count, !texts.isEmpty else { fallthrough }
                return texts
            default: throw Invalid(reason: "it does not say whom it is for")
            }
        }

        /// A NumericDate (RFC 7519 §2): a number, with or without a fraction.
        static func time(_ members: JSONObject, _ name: String) throws(Invalid) -> Double? {
            switch members[name] {
            case nil, .null?: return nil
            case .number(let number)? where number.double.isFinite: return number.double
            default: throw Invalid(reason: "its \(name) is not a time")
            }
        }

        // MARK: Reading

        /// Seconds since 1970.
        public var expiry: Int { Self.whole(exactExpiry) }
        public var issueTime: Int { Self.whole(exactIssueTime) }
        /// When the person signed in; nil where it does not say.
        public var authTime: Int? { (try? Self.time(all, "auth_time")).flatMap { $0 }.map(Self.whole) }

        // As somebody wrote them: escape them before they are shown.
        public var email: String? { text("email") }
        public var preferredUsername: String? { text("preferred_username") }
        public var name: String? { text("name") }

        /// Whether the issuer says that the address is the person's; some say it as text.
        public var isEmailVerified: Bool { [.bool(true), .string("true")].contains(all["email_verified"]) }

        private func text(_ name: String) -> String? {
            guard case .string(let text)? = all[name], (1...1024).contains(text.utf8.count),
                text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
            else { return nil }
            return text
        }

        /// Within the years that anybody can write.
        private static func whole(_ seconds: Double) -> Int {
            Int(min(max(seconds, -62_135_596_800), 253_402_300_799))
        }

        public var description: String { "Claims(\(all.names.joined(separator: ", ")))" }
        public var customMirror: Mirror { Mirror(self, children: [("names", all.names)]) }
    }
}
