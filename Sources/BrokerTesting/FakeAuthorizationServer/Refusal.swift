extension FakeAuthorizationServer {
    /// Why the server refuses. One that has a `general` is worded as that is, where it has no words of its own.
    public enum Refusal: Sendable, Hashable, CaseIterable {
        case request
        case client
        case unknownClient
        case missingCredential
        /// A public client sent a secret.
        case needlessCredential
        case expiredSecret
        case assertion
        case grantType
        case code
        case usedCode
        case expiredCode
        case redirectURI
        case verifier
        case missingVerifier
        case refreshToken
        case malformedRefreshToken
        case expiredRefreshToken
        case revokedRefreshToken
        /// Another refresh with the same token is under way.
        case parallelRefresh
        case scope
        case tokenType
        /// At revocation.
        case unknownToken
        case missingResource
        case unwantedResource
        case host
        case clientCredentials
        /// A JWT bearer grant.
        case bearerAssertion
        /// A user who has not allowed that anybody speaks for him.
        case notPreAuthorized
        case deviceFlow
        case deviceCode
        case devicePending
        case deviceTooFast
        case deviceDenied
        case deviceExpired
        case tooManyLogins
        case loop

        /// The code in RFC 6749 §5.2, RFC 7009 §2.2.1 or RFC 8628 §3.5.
        var standardCode: String {
            switch self {
            case .request, .missingResource, .unwantedResource, .host, .loop: "invalid_request"
            case .client, .unknownClient, .missingCredential, .needlessCredential, .expiredSecret, .assertion:
                "invalid_client"
            case .grantType: "unsupported_grant_type"
            case .code, .usedCode, .expiredCode, .redirectURI, .verifier, .missingVerifier, .refreshToken,
                .malformedRefreshToken, .expiredRefreshToken, .revokedRefreshToken, .parallelRefresh,
                .bearerAssertion, .notPreAuthorized, .deviceCode:
                "invalid_grant"
            case .scope: "invalid_scope"
            case .tokenType: "unsupported_token_type"
            case .unknownToken: "invalid_token"
            case .clientCredentials, .deviceFlow: "unauthorized_client"
            case .devicePending: "authorization_pending"
            case .deviceTooFast: "slow_down"
            case .deviceDenied: "access_denied"
            case .deviceExpired: "expired_token"
            case .tooManyLogins: "temporarily_unavailable"
            }
        }

        var general: Refusal? {
            switch self {
            case .unknownClient, .missingCredential, .needlessCredential, .expiredSecret, .assertion: .client
            case .usedCode, .expiredCode: .code
            case .missingVerifier: .verifier
            case .malformedRefreshToken, .expiredRefreshToken, .revokedRefreshToken, .parallelRefresh: .refreshToken
            case .notPreAuthorized: .bearerAssertion
            case .missingResource, .unwantedResource: .request
            default: nil
            }
        }
    }

    /// An error of the token endpoint and its like (RFC 6749 §5.2), with what some add to it.
    public struct ErrorBody: Sendable, Hashable {
        public var code: String
        /// Nil: in this server's own words.
        public var description: String?
        /// Nil: as RFC 6749 has it.
        public var status: Int?
        /// `error_codes`, for servers that number their errors; the first stands in the description.
        public var number: Int?
        public var suberror: String?
        /// JSON, which is sent inside a string.
        public var claims: String?
        /// `Retry-After` as it stands in the header.
        public var retryAfter: String?
        /// More members by name, each a JSON text.
        public var members: [String: String] = [:]

        public init(
            _ code: String, _ description: String? = nil, status: Int? = nil, number: Int? = nil,
            suberror: String? = nil, claims: String? = nil, retryAfter: String? = nil
        ) {
            self.code = code
            self.description = description
            self.status = status
            self.number = number
            self.suberror = suberror
            self.claims = claims
            self.retryAfter = retryAfter
        }
    }
}
