extension FakeAuthorizationServer.Behaviour {
    /// A code host's server: answers are forms unless JSON is asked for, errors come with status 200 under names of
    /// their own, scopes are separated by commas, credentials stand in the body only, and tokens do not expire.
    public static var codeHost: Self {
        var behaviour = Self()
        behaviour.paths.authorization = "/login/oauth/authorize"
        behaviour.paths.token = "/login/oauth/access_token"
        behaviour.paths.resource = "/user"
        behaviour.metadataDocuments = []
        behaviour.iss = .absent
        behaviour.pkce = .optional
        behaviour.clientAuthentication = [.post]
        behaviour.answerFormat = .formUnlessJSONAccepted
        behaviour.errorsAt200 = true
        behaviour.errorCodes = [
            .client: "incorrect_client_credentials",
            .code: "bad_verification_code",
            .verifier: "bad_verification_code",
            .redirectURI: "redirect_uri_mismatch",
            .refreshToken: "bad_refresh_token",
        ]
        behaviour.codeLifetime = 600
        behaviour.tokenType = "bearer"
        behaviour.scopeSeparatorInAnswer = ","
        behaviour.reportedScope = { $0.filter { $0 != "offline_access" } }
        behaviour.accessTokenPrefix = "gho_"
        behaviour.refreshTokenPrefix = "ghr_"
        behaviour.accessTokenLifetime = nil
        behaviour.refreshTokens = .never
        return behaviour
    }

    /// The same with expiring tokens for whoever asks for `offline_access`, or for everybody. A refresh ends the old
    /// refresh token and the old access tokens at once.
    public static func codeHost(expiring refreshTokens: FakeAuthorizationServer.RefreshTokens) -> Self {
        var behaviour = codeHost
        behaviour.refreshTokens = refreshTokens
        behaviour.onlyRefreshableTokensExpire = true
        behaviour.accessTokenLifetime = 28_800
        behaviour.refreshTokenLifetime = 15_897_600
        behaviour.reportsRefreshTokenLifetime = true
        behaviour.rotation = .rotate
        behaviour.refreshRevokesAccessTokens = true
        return behaviour
    }
}
