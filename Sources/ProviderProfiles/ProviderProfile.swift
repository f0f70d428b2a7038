public import OAuth

/// How a credential is come by.
public enum ProfileKind: String, Sendable, CaseIterable {
    /// By consent, at an authorization server.
    case oauth2
    case apiKey = "api_key"
    case basic
}

/// A provider, described as data (docs/provider-profile.schema.json): RFC 8414 metadata with holes, and what the
/// provider does differently.
public struct ProviderProfile: Sendable {
    /// A value that a client or a connection fills in, and where it goes by `{name}`.
    public struct Field: Sendable, Hashable {
        public enum Of: String, Sendable, CaseIterable { case client, connection }

        public let name: String
        public let title: String
        public let help: String?
        public let `default`: String?
        /// A regular expression for the whole value.
        public let pattern: String?
        public let allowedValues: [String]?
        public let secret: Bool
        public let of: Of
        public let required: Bool
        /// Fields of one group are alternatives: a default counts only where no other of the group is given.
        public let group: String?
    }

    /// A member of the token response that the connection keeps.
    public struct Capture: Sendable, Hashable {
        /// The name it is kept under.
        public let name: String
        /// A dotted path into the token response.
        public let from: String

        public func value(in response: TokenResponse) -> String? {
            switch JSONValue.object(response.additional)[path: from] {
            case .string(let text)?: text
            case .number(let number)?: number.text
            case .bool(let bool)?: bool ? "true" : "false"
            default: nil
            }
        }
    }

    public struct Expiry: Sendable, Hashable {
        /// In seconds, where the answer does not say.
        public var defaultLifetime: Int?
        /// In seconds before the expiry, in place of the rule.
        public var refreshMargin: Int?
    }

    public struct RefreshToken: Sendable, Hashable {
        /// Whether a refresh replaces it. Unknown counts as true.
        public var rotates = true
        /// For how many seconds the old one still works.
        public var grace = 0
        /// In seconds; nil when it does not expire by itself, or nobody knows.
        public var lifetime: Int?
    }

    public var name: String
    public var title: String
    public var kind: ProfileKind
    public var documentation: String?
    /// The day somebody last held it against the provider's documentation.
    public var checked: String?
    public var fields: [Field] = []
    /// The members of RFC 8414 that are URLs, by name, with holes.
    var endpoints: [(name: String, template: Template)] = []
    var tokenEndpointAuthMethodsSupported: [String]?
    var codeChallengeMethodsSupported: [String]?
    var grantTypesSupported: [String]?
    var authorizationResponseIssParameterSupported = false
    public var defaultScopes: [String] = []
    var scopeSeparator = " "
    var authorizationParameters: [(name: String, template: Template)] = []
    var tokenParameters: [(name: String, template: Template)] = []
    var refreshParameters: [(name: String, template: Template)] = []
    public var departures: [Departure] = []
    public var errors: [String: OAuthError.Remedy] = [:]
    public var expiry = Expiry()
    public var refreshToken = RefreshToken()
    public var capture: [Capture] = []
    var applyHeaders: [(name: Template, value: Template)] = []
    var applyQuery: [(name: Template, value: Template)] = []
    var hosts: [Template] = []
    /// The file as it was read.
    public var source: JSONValue
}
