import OAuth

extension Departure {
    /// The departures without a value.
    public enum Flag: String, Sendable, Hashable, CaseIterable {
        /// The provider refuses `code_challenge`. Weakens the flow (RFC 9700 §2.1.1).
        case noPKCE = "no_pkce"
        /// Authorization requests are not pushed, although there is an endpoint for it (RFC 9126).
        case noPAR = "no_par"
        /// Scopes of an authorization request stand with a bare `+` between them.
        case plusBetweenScopes = "plus_between_scopes"
        /// The token request repeats `state`.
        case stateInTokenRequest = "state_in_token_request"
        /// Token requests are a JSON object.
        case jsonTokenRequest = "json_token_request"
        /// Token requests have an empty body: secrets, codes and tokens stand in the address, where proxies and logs of
        /// the provider see them (RFC 6749 §2.3.1 forbids it).
        case unsafeQueryTokenRequest = "unsafe_query_token_request"
        /// The same, and by GET.
        case unsafeGetTokenRequest = "unsafe_get_token_request"
        /// The same for refreshes alone.
        case unsafeGetRefreshRequest = "unsafe_get_refresh_request"
        /// Client id and secret are not form-encoded in Basic.
        case rawBasic = "raw_basic"
        /// In Basic the secret is the user name, and nothing the password.
        case secretAsUsername = "secret_as_username"
        /// The secret stands in `Authorization: Bearer`, the client id in the body.
        case secretAsBearer = "secret_as_bearer"
        /// `client_id` stands in the body beside Basic, which says it already.
        case clientIDWithBasic = "client_id_with_basic"
        /// `client_id` stands beside an assertion that says it already (RFC 7521 §4.2).
        case clientIDWithAssertion = "client_id_with_assertion"
        /// A refresh is asked for by `client_id` alone, as by a public client.
        case refreshWithoutSecret = "refresh_without_secret"
        /// There is no refresh token: the access token is renewed by itself, sent as `refresh_token`.
        case refreshByAccessToken = "refresh_by_access_token"
        /// A token exchange is asked for as a JWT bearer grant with `requested_token_use=on_behalf_of`.
        case onBehalfOf = "on_behalf_of"
        /// Token answers are form-encoded, whatever their type says.
        case formResponse = "form_response"

        /// See `Departure.place`.
        var place: String {
            switch self {
            case .jsonTokenRequest, .unsafeQueryTokenRequest, .unsafeGetTokenRequest: "the body of token requests"
            case .rawBasic, .secretAsUsername, .secretAsBearer: "the secret in Authorization"
            default: rawValue
            }
        }

        func apply(to dialect: inout Dialect) {
            switch self {
            case .noPKCE: dialect.pkce = false
            case .plusBetweenScopes: dialect.joinsScopesByPlus = true
            case .stateInTokenRequest: dialect.repeatsState = true
            case .jsonTokenRequest: dialect.tokenRequestForm = .json
            case .unsafeQueryTokenRequest: dialect.tokenRequestForm = .query
            case .unsafeGetTokenRequest: dialect.tokenRequestForm = .get
            case .unsafeGetRefreshRequest: dialect.refreshRequestForm = .get
            case .rawBasic: dialect.secretForm = .rawBasic
            case .secretAsUsername: dialect.secretForm = .username
            case .secretAsBearer: dialect.secretForm = .bearer
            case .clientIDWithBasic: dialect.sendsClientIDWithBasic = true
            case .clientIDWithAssertion: dialect.sendsClientIDWithAssertion = true
            case .refreshWithoutSecret: dialect.refreshesWithoutSecret = true
            case .refreshByAccessToken: dialect.refreshesByAccessToken = true
            case .onBehalfOf: dialect.exchangesOnBehalfOf = true
            case .formResponse: dialect.acceptsFormResponse = true
            // Which request is made, not how: `Provider` says it.
            case .noPAR: break
            }
        }
    }
}
