import HTTPTypes

/// Errors to script, by what they mean: `server.script(.fail(.wantsConsent), on: .refresh)`.
extension FakeAuthorizationServer.ErrorBody {
    // MARK: A directory's (A9, A10)

    public static let expiredClientSecret = Self(
        "invalid_client", "The client secret has expired.", status: 401, number: 7_000_222)
    public static let wrongClientSecret = Self(
        "invalid_client", "The client secret is wrong.", status: 401, number: 7_000_215)
    /// Ended by the user or an administrator, or with a password.
    public static let endedGrant = Self(
        "invalid_grant", "The grant has been revoked.", number: 50_173, suberror: "bad_token")
    public static let unusedGrant = Self(
        "invalid_grant", "The refresh token was not used for too long.", number: 700_082, suberror: "token_expired")
    public static let wantsSecondFactor = Self(
        "interaction_required", "Another factor is needed.", number: 50_076, suberror: "basic_action",
        claims: #"{"access_token":{"polids":{"essential":true,"values":["policy-1"]}}}"#)
    public static let blockedByPolicy = Self(
        "interaction_required", "Access is blocked by policy.", number: 53_003, suberror: "message_only",
        claims: #"{"access_token":{"capolids":{"essential":true,"values":["policy-2"]}}}"#)
    public static let wantsConsent = Self(
        "invalid_grant", "The user has not consented.", number: 65_001, suberror: "consent_required")
    public static let busyDirectory = Self(
        "temporarily_unavailable", "The service is not available.", status: 503, number: 90_033)
    public static let throttledDirectory = Self(
        "temporarily_unavailable", "Too many requests.", status: 429, number: 90_055, retryAfter: "7")
    public static let loopInDirectory = Self(
        "invalid_request", "The same request came in a loop.", number: 50_196)

    /// All of them.
    public static let ofDirectory: [Self] = [
        expiredClientSecret, wrongClientSecret, endedGrant, unusedGrant, wantsSecondFactor, blockedByPolicy,
        wantsConsent, busyDirectory, throttledDirectory, loopInDirectory,
    ]

    // MARK: Those of customer records, which only their descriptions tell apart (S13)

    public static let deadRefreshToken = Self("invalid_grant", "expired access/refresh token")
    /// At a refresh: another one at the same time has won.
    public static let lostRace = Self("invalid_grant", "expired authorization code")
    public static let authenticationFailure = Self("invalid_grant", "authentication failure")
    public static let inactiveUser = Self("invalid_grant", "inactive user")
    public static let inactiveOrganization = Self("invalid_grant", "inactive organization")
    public static let restrictedAddress = Self("invalid_grant", "ip restricted or invalid login hours")
    public static let unapprovedConsumer = Self("invalid_grant", "user hasn't approved this consumer")
    public static let wrongAudience = Self("invalid_grant", "audience validation failed")
    public static let invalidAssertion = Self("invalid_grant", "invalid assertion")
    public static let invalidAppAccess = Self("invalid_grant", "invalid app access")
    public static let notAdminApproved = Self("invalid_grant", "user is not admin approved to access this app")
    public static let wrongCredentials = Self("invalid_client", "invalid client credentials", status: 400)
    public static let unknownConsumer = Self("invalid_client_id", "client identifier invalid", status: 400)
    public static let missingApp = Self("OAUTH_EC_APP_NOT_FOUND", "external client app not found")
    public static let mismatchedRedirect = Self("redirect_uri_mismatch", "redirect_uri must match configuration")
    public static let noRunAsUser = Self("invalid_request", "no client credentials user enabled")
    public static let wantsSecretForRefresh = Self("invalid_request", "refresh token flow secret required")
    public static let tooManyLogins = Self("login_rate_exceeded", "login rate exceeded")
    public static let tooManyRequests = Self("rate_limit_exceeded", "rate limit exceeded")
    public static let deniedByUser = Self("access_denied", "end-user denied authorization")

    /// All of them.
    public static let ofCustomerRecords: [Self] = [
        deadRefreshToken, lostRace, authenticationFailure, inactiveUser, inactiveOrganization, restrictedAddress,
        unapprovedConsumer, wrongAudience, invalidAssertion, invalidAppAccess, notAdminApproved, wrongCredentials,
        unknownConsumer, missingApp, mismatchedRedirect, noRunAsUser, wantsSecretForRefresh, tooManyLogins,
        tooManyRequests, deniedByUser,
    ]
}

/// Answers of APIs to script: `server.script(.answer(.tagged("missing_scope")), on: .resource)`.
extension FakeAuthorizationServer.Answer {
    /// A file store's error (D6).
    public static func tagged(_ tag: String, status: Int = 401, members: String = "") -> Self {
        .json(
            #"{"error_summary":"\#(tag)/..","error":{".tag":\#(jsonString(tag))\#(members)}}"#, status: status)
    }

    /// A file store's word for too many requests, in the body and in the header (D6).
    public static func taggedTooManyRequests(retryAfter seconds: Int) -> Self {
        var answer = Self.json(
            #"{"error_summary":"too_many_requests/..","error":{"reason":{".tag":"too_many_requests"},"#
                + #""retry_after":\#(seconds)}}"#, status: 429)
        answer.headerFields[.retryAfter] = String(seconds)
        return answer
    }

    /// Customer records' word for a session that has ended: an array (S4).
    public static let sessionEnded = Self.json(
        #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#, status: 401)

    /// A code host's word for too many requests (H15).
    ///
    /// - Parameter reset: Seconds since 1970.
    public static func usedUp(reset: Int) -> Self {
        var answer = Self.json(#"{"message":"API rate limit exceeded"}"#, status: 403)
        answer.headerFields[.init("x-ratelimit-remaining")!] = "0"
        answer.headerFields[.init("x-ratelimit-reset")!] = String(reset)
        return answer
    }
}
