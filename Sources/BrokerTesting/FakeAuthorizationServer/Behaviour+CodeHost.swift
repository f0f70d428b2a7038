import HTTPTypes

extension FakeAuthorizationServer.Behaviour {
    /// A code host's server: answers are forms unless JSON is asked for, errors come with status 200 under names of
    /// their own, scopes are separated by commas, credentials stand in the body only, and tokens do not expire
    /// (H1 to H6, H8 to H12, H14).
    public static var codeHost: Self {
        var behaviour = Self()
        behaviour.useCodeHostPaths(api: "")
        behaviour.metadataDocuments = []
        behaviour.iss = .absent
        behaviour.pkce = .optional
        behaviour.clientAuthentication = [.post]
        behaviour.secretless = [.device, .refreshOfDevice]
        behaviour.requiresResponseType = false
        behaviour.grantTypeIsOptional = true
        behaviour.grantTypes = [
            "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
        ]
        behaviour.answerFormat = .formUnlessJSONAccepted
        behaviour.errorsAt200 = true
        behaviour.errorCodes = [
            .client: "incorrect_client_credentials",
            .code: "bad_verification_code",
            .verifier: "bad_verification_code",
            .redirectURI: "redirect_uri_mismatch",
            .refreshToken: "bad_refresh_token",
            .deviceCode: "incorrect_device_code",
            .deviceFlow: "device_flow_disabled",
        ]
        behaviour.codeLifetime = 600
        behaviour.tokenType = "bearer"
        behaviour.scopeSeparatorInAnswer = ","
        behaviour.reportedScope = { normalised($0) }
        behaviour.accessTokenPrefix = "gho_"
        behaviour.refreshTokenPrefix = "ghr_"
        behaviour.accessTokenLifetime = nil
        behaviour.refreshTokens = .never
        behaviour.grantLimit = .init(count: 10, perScope: true)
        behaviour.deviceCodeLifetime = 900
        behaviour.pollInterval = 5
        behaviour.deviceMembers = ["verification_uri_complete": nil]
        behaviour.userCodeHasHyphen = true
        behaviour.installationTokens.prefix = "ghs_"
        behaviour.resourceAnswer = { user(of: $0) }
        return behaviour
    }

    /// The same with expiring tokens for whoever asks for `offline_access`, or for everybody. A refresh ends the old
    /// refresh token and the old access tokens at once (H6, H7).
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

    /// The same on a company's own machine: the API has a path of its own, challenges are read over, and
    /// `offline_access` means nothing (H5, H6, H13).
    public static var ownCodeHost: Self {
        var behaviour = codeHost
        behaviour.useCodeHostPaths(api: "/api/v3")
        behaviour.pkce = .ignored
        return behaviour
    }

    private mutating func useCodeHostPaths(api: String) {
        paths.authorization = "/login/oauth/authorize"
        paths.token = "/login/oauth/access_token"
        paths.deviceAuthorization = "/login/device/code"
        paths.deviceVerification = "/login/device"
        paths.resource = api + "/user"
        paths.applicationToken = api + "/applications/{client}/token"
        paths.applicationGrant = api + "/applications/{client}/grant"
        paths.installationToken = api + "/app/installations/{installation}/access_tokens"
        paths.installationRevocation = api + "/installation/token"
        paths.revocation = ""
        paths.introspection = ""
        paths.userinfo = ""
        paths.pushedAuthorization = ""
    }

    /// Without what is asked for and never reported, and without what another scope holds (H4).
    private static func normalised(_ scope: [String]) -> [String] {
        scope.filter { name in
            let parent = name.split(separator: ":").first.map(String.init) ?? name
            return name != "offline_access" && (parent == name || !scope.contains(parent))
        }
    }

    /// Who has the token, with its scopes in a header (H12).
    private static func user(of opened: FakeAuthorizationServer.Opened) -> FakeAuthorizationServer.Answer {
        var answer = FakeAuthorizationServer.Answer.json(
            #"{"login":\#(jsonString(opened.user)),"id":\#(number(of: opened.user))}"#)
        answer.headerFields[.init("X-OAuth-Scopes")!] = normalised(opened.scope).joined(separator: ", ")
        return answer
    }
}
