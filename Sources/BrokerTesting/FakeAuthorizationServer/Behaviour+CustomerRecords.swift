extension FakeAuthorizationServer.Behaviour {
    /// Customer records' server: answers say when a token was issued and not when it ends, and where its API is; many
    /// errors share a code (S1 to S17).
    ///
    /// - Parameters:
    ///   - rotating: A refresh gives a new refresh token, and the old one used again ends them all (S6).
    ///   - instances: Where the API is: the first, after a refresh the second, and so on; none: here (S2, S3).
    ///   - audiences: Whom assertions may be for beside this server (S11).
    public static func customerRecords(
        rotating: Bool = false, instances: [String] = [], audiences: [String] = []
    ) -> Self {
        var behaviour = Self()
        behaviour.useRecordPaths()
        behaviour.metadataDocuments = [.openID]
        behaviour.iss = .absent
        behaviour.clientAssertions.thumbprints = ["RS256": .none]
        behaviour.bearerAssertions = .init(
            thumbprints: ["RS256": .none], audiences: [.issuer] + audiences.map { .fixed($0) }, lifetime: 180,
            requiresID: false)
        behaviour.grantTypes = [
            "authorization_code", "refresh_token", "client_credentials", "device",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ]
        behaviour.secretless = [.assertion]
        behaviour.separatesHosts = true
        behaviour.pkce = .optional
        behaviour.assumedPKCEMethod = "S256"
        behaviour.codeLifetime = 900
        behaviour.refreshTokens = .withAnyScope(["refresh_token", "offline_access"])
        behaviour.rotation = rotating ? .rotateWithReuseDetection : .none
        behaviour.refusesParallelRefreshes = true
        behaviour.grantLimit = .init(count: 5, perScope: false)
        behaviour.expiry = .absent
        behaviour.accessTokenLifetime = 7200
        behaviour.useExtendsAccessTokens = true
        behaviour.accessTokenPrefix = "00Dxx0000001gPF!AQ."
        behaviour.refreshTokenPrefix = "5Aep"
        behaviour.reportedScope = { $0.reversed() }
        behaviour.readsFormatParameter = true
        behaviour.idTokenAlgorithm = .rs256
        behaviour.membersOfGrant = { granted in
            let last = instances.indices.last.map { min($0, granted.refreshes) }
            return [
                "instance_url": jsonString(last.map { instances[$0] } ?? granted.origin),
                "id": jsonString("\(granted.origin)/id/\(organization)/\(identifier(of: granted.user))"),
                "issued_at": jsonString(String(granted.now * 1000)), "signature": jsonString("bWFkZXVw"),
            ]
        }
        behaviour.devicesAskAtTokenEndpoint = true
        behaviour.deviceMembers = ["verification_uri_complete": nil, "expires_in": nil]
        behaviour.pollInterval = 5
        behaviour.refusesUnknownRevocation = true
        behaviour.invalidClientStatus = 400
        behaviour.errors = recordErrors
        behaviour.refusedToken = { _ in .sessionEnded }
        behaviour.userinfoAnswer = { opened in
            .json(
                #"{"user_id":\#(jsonString(identifier(of: opened.user))),"organization_id":"\#(organization)","#
                    + #""preferred_username":\#(jsonString("\(opened.user)@example.com"))}"#)
        }
        return behaviour
    }

    private static let organization = "00Dxx0000001gPFEAY"

    private static func identifier(of user: String) -> String { "005xx" + number(of: user) + "0xAAC" }

    private mutating func useRecordPaths() {
        paths.authorization = "/services/oauth2/authorize"
        paths.token = "/services/oauth2/token"
        paths.revocation = "/services/oauth2/revoke"
        paths.introspection = "/services/oauth2/introspect"
        paths.userinfo = "/services/oauth2/userinfo"
        paths.keys = "/id/keys"
        paths.resource = "/services/data"
        paths.deviceAuthorization = ""
        paths.deviceVerification = "/setup/connect"
        paths.pushedAuthorization = ""
    }

    private static let recordErrors: [FakeAuthorizationServer.Refusal: FakeAuthorizationServer.ErrorBody] = [
        .client: .wrongCredentials,
        .unknownClient: .unknownConsumer,
        .grantType: .init("unsupported_grant_type", "grant type not supported"),
        .code: .init("invalid_grant", "invalid authorization code"),
        .usedCode: .init("invalid_grant", "expired authorization code"),
        .expiredCode: .init("invalid_grant", "expired authorization code"),
        .redirectURI: .mismatchedRedirect,
        .verifier: .init("invalid_request", "invalid code verifier"),
        .missingVerifier: .init("invalid_grant", "missing required code verifier"),
        .refreshToken: .deadRefreshToken,
        .parallelRefresh: .lostRace,
        .host: .deadRefreshToken,
        .unknownToken: .init("invalid_token", "the token provided is invalid"),
        .clientCredentials: .noRunAsUser,
        .bearerAssertion: .invalidAssertion,
        .notPreAuthorized: .unapprovedConsumer,
        .tooManyLogins: .tooManyLogins,
        .deviceDenied: .deniedByUser,
        .deviceFlow: .init("unsupported_response_type", "the device flow is blocked for this app"),
    ]
}
