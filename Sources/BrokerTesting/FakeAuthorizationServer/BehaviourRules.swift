public import OAuth

extension FakeAuthorizationServer {
    /// How much one user may have allowed one client.
    public struct GrantLimit: Sendable, Hashable {
        public var count: Int
        /// Each scope has a count of its own.
        public var perScope: Bool

        public init(count: Int, perScope: Bool) {
            self.count = count
            self.perScope = perScope
        }
    }

    /// How often something may happen, in a window of so many seconds.
    public struct RequestLimit: Sendable, Hashable {
        public enum Subject: Sendable, Hashable {
            /// Tokens for one user, however they were come by.
            case logins
            /// The same body at the token endpoint.
            case identicalRequests
        }

        public var subject: Subject
        public var count: Int
        public var window: Int

        public init(_ subject: Subject, count: Int, window: Int) {
            self.subject = subject
            self.count = count
            self.window = window
        }
    }

    /// Which JWTs are taken (RFC 7523 §3).
    public struct AssertionRules: Sendable {
        /// What the header must say of the certificate, by `alg`; other algorithms are refused. RS256, PS256, ES256.
        public var thumbprints: [String: Thumbprint]
        /// Nil: `aud` is not looked at.
        public var audiences: [Audience]?
        /// `exp` lies at most so many seconds ahead.
        public var lifetime: Int
        /// `jti` must be there; one that was seen is refused in any case.
        public var requiresID: Bool

        public init(
            thumbprints: [String: Thumbprint] = ["ES256": .none], audiences: [Audience]? = [.issuer, .tokenEndpoint],
            lifetime: Int = 600, requiresID: Bool = true
        ) {
            self.thumbprints = thumbprints
            self.audiences = audiences
            self.lifetime = lifetime
            self.requiresID = requiresID
        }
    }

    /// How a header names the certificate (RFC 7515 §4.1.7, §4.1.8).
    public enum Thumbprint: Sendable, Hashable {
        case none
        /// `x5t`
        case sha1
        /// `x5t#S256`
        case sha256
    }

    public enum Audience: Sendable, Hashable {
        case issuer
        case tokenEndpoint
        case fixed(String)
    }

    /// A request that a confidential client may make without its secret.
    public enum Secretless: Sendable, Hashable, CaseIterable {
        case code
        /// A code that a verifier proves (RFC 7636).
        case provenCode
        case refresh
        /// Of what a verifier proved.
        case refreshOfProvenCode
        case device
        /// Of what a device was given.
        case refreshOfDevice
        /// A JWT bearer grant: what signs it is the client's.
        case assertion
    }

    public enum ScopeRule: Sendable, Hashable {
        case free
        /// A token is for one resource, the part of a scope before its last slash; names without one belong to the
        /// standard resource. A refresh token reaches them all. `{resource}/.default` stands alone, and is what client
        /// credentials need.
        case oneResource(standard: String)
    }

    /// The parameter `resource`.
    public enum ResourceRule: Sendable, Hashable {
        /// Read over.
        case optional
        /// Needed with the authorization or the token request, and the same if with both; scopes are read over.
        case required
        case refused
    }

    public enum ResponseMode: String, Sendable, CaseIterable {
        case query
        case fragment
        /// A page that posts the answer to the client.
        case formPost = "form_post"
    }

    public enum RedirectRule: Sendable, Hashable {
        case exact
        /// The same host or one below it, the same port, the same path or one below it; for loopback any port.
        case below
    }

    public enum IntrospectionRule: Sendable, Hashable {
        case honest
        /// Every token is said to be inactive.
        case alwaysInactive
        /// Refused with this status.
        case refused(Int)
    }

    public enum IDTokenAlgorithm: String, Sendable {
        case es256 = "ES256"
        case rs256 = "RS256"
    }

    /// A client that an organization installed.
    public struct Installation: Sendable, Hashable {
        public var client: String
        public var permissions: [String: String]
        /// By name.
        public var repositories: [String]
        public var isSuspended = false

        public init(client: String, permissions: [String: String] = [:], repositories: [String] = []) {
            self.client = client
            self.permissions = permissions
            self.repositories = repositories
        }
    }

    public struct InstallationTokens: Sendable, Hashable {
        public var prefix = "it_"
        public var length = 40
        public var lifetime = 3600
    }

    // MARK: What closures are told

    /// Tokens that are about to be given.
    public struct Granted: Sendable {
        /// By `grant_type`.
        public let grantType: String
        public let client: String
        public let user: String
        /// Of the access token.
        public let scope: [String]
        /// The authorization request; empty where there was none.
        public let authorization: Parameters
        public let request: JournalEntry
        /// How often this grant was refreshed, with this time.
        public let refreshes: Int
        /// Of the access token, in seconds; nil for one that does not expire.
        public let lifetime: Int?
        public let now: Int
        /// Scheme, host and port of this server.
        public let origin: String
    }

    /// A request with a live access token.
    public struct Opened: Sendable {
        public let client: String
        public let user: String
        public let scope: [String]
        public let request: JournalEntry
        public let origin: String
    }

    public enum TokenFault: Sendable, Hashable, CaseIterable {
        case missing
        case unknown
        case expired
        case revoked
    }
}
