public import HTTPTypes
public import OAuth

extension FakeAuthorizationServer {
    /// What a request is for.
    public enum Endpoint: Sendable, Hashable {
        case metadata
        case authorization
        /// By `grant_type`, empty when the request has none.
        case token(grant: String)
        case revocation
        case introspection
        /// RFC 8628 §3.1.
        case deviceAuthorization
        /// Where a person enters the code of a device (RFC 8628 §3.3).
        case deviceVerification
        /// RFC 9126.
        case pushedAuthorization
        /// The keys that ID tokens are signed with (RFC 7517 §5).
        case keys
        case userinfo
        /// An API that takes access tokens.
        case resource
        /// An access token's check, exchange or end, as the client.
        case applicationToken
        /// The end of all that a user allowed the client.
        case applicationGrant
        case installationToken
        case installationRevocation
        /// The end of a token and its grant, by itself.
        case bearerRevocation
        case adminConsent

        public static let codeExchange = Endpoint.token(grant: "authorization_code")
        public static let refresh = Endpoint.token(grant: "refresh_token")
    }

    /// One request as it came, before anything was decided.
    public struct JournalEntry: Sendable {
        public let method: HTTPRequest.Method
        /// `Host`, with the port.
        public let host: String
        /// Without the query.
        public let path: String
        public let query: Parameters
        public let headerFields: HTTPFields
        public let body: [UInt8]
        /// The body as a form; nil when it is none.
        public let form: Parameters?
        /// Nil for a path or method that this server does not have.
        public let endpoint: Endpoint?

        /// A request that no client of this server should make.
        public var isUnexpected: Bool { endpoint == nil }

        var hostName: String { String(host.prefix { $0 != ":" }) }
    }

    /// What happened, by an independent witness.
    public struct Counters: Sendable, Equatable {
        public var grants = 0
        public var accessTokens = 0
        /// Refresh tokens replaced by a new one.
        public var rotations = 0
        /// Refresh tokens sent again after they were replaced.
        public var replays = 0
        /// Grants ended by reuse of a code or a refresh token.
        public var grantsEndedByReuse = 0
        /// The most refresh requests that were under way at one time.
        public var maximumParallelRefreshes = 0
    }
}
