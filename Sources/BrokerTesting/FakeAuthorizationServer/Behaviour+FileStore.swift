public import HTTPTypes

extension FakeAuthorizationServer.Behaviour {
    /// A file store's server: a refresh token for whoever asks for `token_access_type=offline`, the same for good; what
    /// it says of the account comes with the first answer only; a verifier stands for the secret (D1 to D10).
    ///
    /// - Parameter teamHeader: The client is for teams: `team_id` in place of `account_id`, and calls name their user in
    ///   this header; nil for a client of single users.
    public static func fileStore(teamHeader: HTTPField.Name? = nil) -> Self {
        var behaviour = Self()
        behaviour.paths.authorization = "/oauth2/authorize"
        behaviour.paths.token = "/oauth2/token"
        behaviour.paths.bearerRevocation = "/2/auth/token/revoke"
        behaviour.paths.userinfo = "/2/openid/userinfo"
        behaviour.paths.resource = "/2/users/get_current_account"
        behaviour.paths.revocation = ""
        behaviour.paths.introspection = ""
        behaviour.paths.deviceAuthorization = ""
        behaviour.paths.deviceVerification = ""
        behaviour.paths.pushedAuthorization = ""
        behaviour.metadataDocuments = []
        behaviour.iss = .absent
        behaviour.clientAuthentication = [.basic, .post, .none]
        behaviour.secretless = [.provenCode, .refreshOfProvenCode]
        behaviour.grantTypes = ["authorization_code", "refresh_token"]
        behaviour.pkce = .optional
        behaviour.pkceMethods = ["S256", "plain"]
        behaviour.showsCodeWithoutRedirectURI = true
        behaviour.refreshTokens = .withParameter("token_access_type", "offline")
        behaviour.lastingTokens = ("token_access_type", "legacy")
        behaviour.rotation = .none
        behaviour.accessTokenLifetime = 14_400
        behaviour.accessTokenPrefix = "sl."
        behaviour.accessTokenLength = 1100
        behaviour.tokenType = "bearer"
        behaviour.invalidClientStatus = 400
        behaviour.errors = [
            .client: .init("invalid_client", "Invalid client_id or client_secret", status: 400),
            .code: .init("invalid_grant", "code doesn't exist or has expired"),
            .refreshToken: .init("invalid_grant", "refresh token is invalid or revoked"),
            .malformedRefreshToken: .init("invalid_grant", "refresh token is malformed"),
        ]
        behaviour.membersOfGrant = { granted in
            guard granted.grantType == "authorization_code" else { return ["scope": nil] }
            return teamHeader != nil
                ? ["team_id": jsonString("dbtid:\(granted.user)")]
                : ["account_id": jsonString("dbid:\(granted.user)"), "uid": jsonString(number(of: granted.user))]
        }
        behaviour.resourceTakesPost = true
        behaviour.resourceAnswer = { account(for: $0, teamHeader) }
        behaviour.refusedToken = { fault in
            switch fault {
            case .missing: .text("Missing or malformed Authorization header.", type: "text/plain", status: 400)
            case .expired: .tagged("expired_access_token")
            case .unknown, .revoked: .tagged("invalid_access_token")
            }
        }
        return behaviour
    }

    /// Takes no body at all, or `null` (D9).
    private static func account(
        for opened: FakeAuthorizationServer.Opened, _ teamHeader: HTTPField.Name?
    ) -> FakeAuthorizationServer.Answer {
        let body = String(decoding: opened.request.body, as: UTF8.self)
        guard body.isEmpty || body == "null" else {
            return .text("Error in call: request body: expected null, got value", type: "text/plain", status: 400)
        }
        let selected = teamHeader.flatMap { opened.request.headerFields[$0] }
        guard teamHeader == nil || selected != nil else {
            return .text("Error in call: this token is for a team, name a user", type: "text/plain", status: 400)
        }
        return .json(
            #"{"account_id":\#(jsonString("dbid:\(selected ?? opened.user)")),"#
                + #""email":\#(jsonString("\(opened.user)@example.com")),"#
                + #""name":{"display_name":\#(jsonString(opened.user))}}"#)
    }

    /// The same number for the same text, unlike `hashValue`.
    static func number(of text: String) -> String {
        String(text.utf8.reduce(UInt32(17)) { $0 &* 31 &+ UInt32($1) } % 90_000_000 + 10_000_000)
    }
}
