public import OAuth

/// How a credential is come by.
public enum ProfileKind: String, Sendable, CaseIterable {
    /// By consent, at an authorization server.
    case oauth2
    case apiKey = "api_key"
    case basic
    /// Secrets by name, as the profile's fields have them.
    case secret
    /// Nothing: the API asks nobody who calls.
    case none
}

/// A provider, described as data (docs/provider-profile.schema.json): RFC 8414 metadata with holes, and what the
/// provider does differently.
public struct ProviderProfile: Sendable {
    /// A value that a client or a connection fills in, and where it goes by `{name}`.
    public struct Field: Sendable, Hashable {
        /// A value that Credence keeps by itself, whatever the profile calls it.
        public enum Meaning: String, Sendable, CaseIterable {
            /// The client's, given when it is added.
            case clientID = "client_id"
            case clientSecret = "client_secret"
            /// The connection's secret.
            case apiKey = "api_key"
            case username, password

            var isClients: Bool { self == .clientID || self == .clientSecret }
        }

        /// Whether it is given by itself, with the fields: not with the client's ID, nor with a secret.
        public var isPlain: Bool { !secret && meaning == nil }

        public enum Of: String, Sendable, CaseIterable { case client, connection }

        public let name: String
        public let title: String
        public let help: String?
        public let `default`: String?
        /// A regular expression for the whole value, anchored at both ends.
        public let pattern: String?
        public let allowedValues: [String]?
        /// Whether it is sealed: given with a connection's secret, not with its fields.
        public let secret: Bool
        /// Which of Credence's own values it is; nil for one of the profile's.
        public let meaning: Meaning?
        /// Who fills it in. Never taken from the other one: see `ProviderProfile.provider(client:connection:allowHTTP:)`.
        public let of: Of
        /// In a group: that one of the group is.
        public let required: Bool
        /// Fields of one group are alternatives: at most one is given, and a default counts only where none is.
        public let group: String?
    }

    /// What a consent or refresh brings besides tokens, and the connection keeps.
    public struct Capture: Sendable, Hashable {
        public enum Source: String, Sendable, CaseIterable {
            case tokenResponse = "token_response"
            /// The parameters that the browser brings back with the code: the owner's word, not the provider's.
            case callback
            /// The answer of the profile's `follow_up`.
            case followUp = "follow_up"
        }

        /// The name it is kept under.
        public let name: String
        /// A dotted path into the token response, or the callback's parameter.
        public let from: String
        public let source: Source

        /// The callback's value; nil where it does not come from there, is not there, or stands there twice.
        public func value(in callback: Parameters) -> String? {
            let values = source == .callback ? callback.values(of: from) : []
            guard values.count == 1, let value = values.first, !value.isEmpty,
                !value.unicodeScalars.contains(where: Apply.isControl)
            else { return nil }
            return value
        }

        /// The text of a string, number or boolean; nil for anything else, and where there is nothing.
        public func value(in response: TokenResponse) -> String? {
            source == .tokenResponse ? text(in: .object(response.additional)) : nil
        }

        public func value(inFollowUp answer: JSONValue) -> String? {
            source == .followUp ? text(in: answer) : nil
        }

        private func text(in value: JSONValue) -> String? {
            let text: String? =
                switch value[path: from] {
                case .string(let text)?: text
                case .number(let number)?: number.text
                case .bool(let bool)?: bool ? "true" : "false"
                default: nil
                }
            return text
        }
    }

    public struct Expiry: Sendable, Hashable {
        /// In seconds, where the answer does not say.
        public var defaultLifetime: Int?
        /// In seconds before the expiry, in place of the rule.
        public var refreshMargin: Int?
        /// What the answer's `expires_in` counts.
        public var unit = LifetimeUnit.seconds
    }

    public struct RefreshToken: Sendable, Hashable {
        /// Whether a refresh replaces it. Unknown counts as true.
        public var rotates = true
        /// For how many seconds the old one still works.
        public var grace = 0
        /// In seconds; nil when it does not expire by itself, or nobody knows.
        public var lifetime: Int?
    }

    /// A name and its value, in the order of the file.
    struct Entry: Sendable {
        let name: Template
        let value: Template
    }

    public let name: String
    public let title: String
    public let kind: ProfileKind
    public internal(set) var documentation: String?
    /// The day somebody last held it against the provider's documentation, such as `2026-11-22`.
    public internal(set) var checked: String?
    /// What only a person knows, and the profile still lacks: nothing can be made of it before it has an answer.
    public internal(set) var unanswered: [String] = []
    /// Where an import has it from, and what it was there.
    public internal(set) var imported: [(name: String, value: String)] = []
    public internal(set) var fields: [Field] = []
    /// The members of `authorization_server` that are URLs, by name, with holes.
    var endpoints: [(name: String, template: Template)] = []
    var tokenEndpointAuthMethodsSupported: [String]?
    var tokenEndpointAuthSigningAlgValuesSupported: [String]?
    var codeChallengeMethodsSupported: [String]?
    public internal(set) var grantTypesSupported: [String]?
    var authorizationResponseIssParameterSupported = false
    var requirePushedAuthorizationRequests = false
    var dpopSigningAlgValuesSupported: [String]?
    var idTokenSigningAlgValuesSupported: [String]?
    var defaultScopes: [Template] = []
    var scopeSeparator = " "
    /// The field that says `expiry.defaultLifetime`, where one does.
    var defaultLifetimeField: String?
    var authorizationParameters: [(name: String, template: Template)] = []
    var tokenParameters: [(name: String, template: Template)] = []
    var refreshParameters: [(name: String, template: Template)] = []
    /// Parameters whose whole value is the client's ID.
    var clientIDParameters: [String: Set<String>] = [:]
    /// In place of the standard's parameters.
    var authorizationTemplate: [TemplatePair]?
    var tokenTemplate: [TemplatePair]?
    var refreshTemplate: [TemplatePair]?
    /// Of requests to the token endpoint.
    var tokenHeaders: [(name: String, template: Template)] = []
    public internal(set) var departures: [Departure] = []
    public internal(set) var errors: ErrorMap = [:]
    public internal(set) var expiry = Expiry()
    public internal(set) var refreshToken = RefreshToken()
    public internal(set) var capture: [Capture] = []
    var identity: IdentityForm?
    /// What is asked once more at a consent, with the new token, for the captures of `follow_up`.
    var followUp: Template?
    var adminConsent: AdminConsentForm?
    var jwtBearer: JWTBearerForm?
    var revocation: RevocationForm?
    var assertionAudience: AssertionAudienceForm?
    var assertionCertificateHeaders: Set<CertificateHeader> = []
    /// With holes of fields and claims.
    var idTokenIssuers: [Template] = []
    /// Whether tokens are bound to a key of the client (RFC 9449).
    public internal(set) var isDPoPBound = false
    var headers: [Entry] = []
    var query: [Entry] = []
    var cookies: [Entry] = []
    var placements: [PlacementForm] = []
    var routes: [RouteForm] = []
    var hosts: [Template] = []
    /// The holes of its routes' paths.
    var routeHoles: [String] { routes.filter(\.isPath).flatMap(\.template.holes) }
    /// The file as it was read. Holds nothing secret.
    public let source: JSONValue

    init(name: String, title: String, kind: ProfileKind, source: JSONValue) {
        self.name = name
        self.title = title
        self.kind = kind
        self.source = source
    }
}
