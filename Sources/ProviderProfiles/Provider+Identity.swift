public import OAuth

extension Provider {
    /// Where it is told whose account a connection is.
    public struct Identity: Sendable, Hashable {
        public enum Source: Sendable, Hashable {
            /// The claims of the ID token (OpenID Connect Core §2).
            case idToken
            /// The userinfo endpoint (OpenID Connect Core §5.3).
            case userinfo
            /// The token response.
            case tokenResponse
            /// An endpoint of the API, asked with the access token as the profile's `apply` says.
            case endpoint(EndpointURL)
        }

        public let source: Source
        /// A dotted path to what never changes about the account.
        public let id: String
        /// A dotted path to what people know it by; nil where there is nothing.
        public let name: String?

        /// Longer ones are none (OpenID Connect Core §2: 255 characters for `sub`).
        static let longest = 255

        /// The account's id in an answer of the source, or in its claims; nil where there is none. Told apart to the
        /// letter, so a number must be a whole one.
        public func id(in answer: JSONValue) -> String? { Self.text(answer[path: id]) }

        /// The account's name, for people.
        public func name(in answer: JSONValue) -> String? { name.flatMap { Self.text(answer[path: $0]) } }

        private static func text(_ value: JSONValue?) -> String? {
            let text: String
            switch value {
            case .string(let string)?: text = string
            case .number(let number)? where number.text.utf8.allSatisfy { (0x30...0x39).contains($0) }:
                text = number.text
            default: return nil
            }
            guard !text.isEmpty, text.unicodeScalars.count <= longest,
                !text.unicodeScalars.contains(where: Apply.isControl)
            else { return nil }
            return text
        }
    }
}

/// `identity` as the profile has it, with holes.
struct IdentityForm: Sendable {
    enum Source: Sendable {
        case idToken
        case userinfo
        case tokenResponse
        case endpoint(Template)
    }

    let source: Source
    let id: String
    let name: String?
}
