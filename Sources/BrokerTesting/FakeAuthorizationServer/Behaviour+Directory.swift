import OAuth

extension FakeAuthorizationServer.Behaviour {
    /// Who a server for many tenants says it is for, and the one that its users are in.
    private static let manyTenants: Set<String> = ["common", "organizations", "consumers"]
    private static let usualTenant = "11111111-2222-4333-8444-555555555555"

    /// A directory's server: tokens are for one resource, named by their scope; a refresh gives a new refresh token and
    /// leaves the old one alone; errors have numbers; certificates vouch for clients (A1 to A12, A14, A15).
    ///
    /// - Parameters:
    ///   - tenant: The first part of every path; `common` for many tenants.
    ///   - resource: Whose the scopes without a slash are.
    public static func directory(tenant: String = "tenant1", resource: String = "https://api.example") -> Self {
        var behaviour = Self()
        let concrete = manyTenants.contains(tenant) ? usualTenant : tenant
        behaviour.useDirectoryPaths(tenant: tenant, version: "/v2.0")
        behaviour.advertisedIssuer =
            manyTenants.contains(tenant) ? "{origin}/{tenantid}/v2.0" : "{origin}/\(tenant)/v2.0"
        behaviour.adminConsentTenant = concrete
        behaviour.useDirectoryRules()
        behaviour.clientAssertions.thumbprints = ["PS256": .sha256, "RS256": .sha1]
        behaviour.refreshTokens = .withScope("offline_access")
        behaviour.scopeRule = .oneResource(standard: resource)
        behaviour.resourceRule = .refused
        behaviour.clientCredentialsAreBlocked = manyTenants.contains(tenant)
        behaviour.reportedScope = { scope in
            scope.map { name in
                let isWhole = AuthorizationServerState.identityScopes.contains(name) || name.contains("/")
                return isWhole ? name : "\(resource)/\(name)"
            }
        }
        behaviour.membersOfGrant = { granted in
            var members: [String: String?] = ["ext_expires_in": granted.lifetime.map(String.init)]
            if granted.grantType == "client_credentials" { members["scope"] = .some(nil) }
            let asked = granted.request.form?["client_info"] ?? granted.authorization["client_info"]
            if asked == "1", granted.grantType != "client_credentials" {
                let info = #"{"uid":"\#(granted.user)-object","utid":"\#(concrete)"}"#
                members["client_info"] = jsonString(SigningKeyPair.text(Array(info.utf8)))
            }
            return members
        }
        behaviour.idTokenClaims = { granted in
            claims(of: granted, tenant: concrete, issuer: "\(granted.origin)/\(concrete)/v2.0")
        }
        return behaviour
    }

    /// The same server's older endpoints: `resource` in place of scopes, and every number is a string (A13).
    public static func olderDirectory(tenant: String = "tenant1") -> Self {
        var behaviour = Self()
        behaviour.useDirectoryPaths(tenant: tenant, version: "")
        behaviour.advertisedIssuer = "{origin}/\(tenant)/"
        behaviour.useDirectoryRules()
        behaviour.clientAssertions.thumbprints = ["RS256": .sha1, "PS256": .sha256]
        behaviour.resourceRule = .required
        behaviour.numbersAsStrings = true
        behaviour.membersOfGrant = { granted in
            let lifetime = granted.lifetime ?? 0
            let resource = granted.request.form?["resource"] ?? granted.authorization["resource"] ?? ""
            return [
                "ext_expires_in": String(lifetime), "expires_on": String(granted.now + lifetime),
                "not_before": String(granted.now), "resource": jsonString(resource),
                "scope": granted.grantType == "client_credentials" ? nil : jsonString("user_impersonation"),
            ]
        }
        behaviour.idTokenClaims = { claims(of: $0, tenant: tenant, issuer: "\($0.origin)/\(tenant)/") }
        return behaviour
    }

    private mutating func useDirectoryPaths(tenant: String, version: String) {
        paths.issuer = "/" + tenant
        paths.authorization = "/oauth2\(version)/authorize"
        paths.token = "/oauth2\(version)/token"
        paths.deviceAuthorization = "/oauth2\(version)/devicecode"
        paths.openIDConfiguration = "\(version)/.well-known/openid-configuration"
        paths.keys = "/discovery\(version)/keys"
        paths.adminConsent = "/adminconsent"
        paths.userinfo = "/oidc/userinfo"
        paths.resource = "/v1.0/me"
        paths.revocation = ""
        paths.introspection = ""
        paths.pushedAuthorization = ""
    }

    private mutating func useDirectoryRules() {
        metadataDocuments = [.openID]
        iss = .absent
        pkce = .optional
        pkceMethods = ["S256", "plain"]
        clientAssertions = .init(audiences: [.tokenEndpoint], lifetime: 86_400)
        responseModes = [.query, .fragment, .formPost]
        codeLifetime = 600
        accessTokenLifetime = 4312
        refreshTokenLifetime = 7_776_000
        rotation = .rotateKeepingOld
        grantTypes = [
            "authorization_code", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ]
        knowsOnBehalfOf = true
        idTokenAlgorithm = .rs256
        errorNumberPrefix = "AADSTS"
        errors = Self.directoryErrors
        deviceCodeLifetime = 900
        pollInterval = 5
        deviceMembers = [
            "verification_uri_complete": nil,
            "message": jsonString("To sign in, open the page and enter the code."),
        ]
        resourceAnswer = { opened in
            .json(
                #"{"id":"\#(opened.user)-object","displayName":"\#(opened.user)","#
                    + #""userPrincipalName":"\#(opened.user)@tenant.example"}"#)
        }
    }

    private static func claims(
        of granted: FakeAuthorizationServer.Granted, tenant: String, issuer: String
    ) -> [String: String?] {
        [
            "iss": jsonString(issuer), "tid": jsonString(tenant), "oid": jsonString(granted.user + "-object"),
            "preferred_username": jsonString("\(granted.user)@tenant.example"), "email": nil,
        ]
    }

    private static let directoryErrors: [FakeAuthorizationServer.Refusal: FakeAuthorizationServer.ErrorBody] = [
        .client: .wrongClientSecret,
        .unknownClient: .init("unauthorized_client", "The application was not found.", status: 400, number: 700_016),
        .missingCredential: .init("invalid_client", "A secret or an assertion is needed.", number: 7_000_218),
        .needlessCredential: .init("invalid_client", "The client is public.", number: 700_025),
        .expiredSecret: .expiredClientSecret,
        .assertion: .init("invalid_client", "The certificate is not registered.", status: 401, number: 700_027),
        .code: .init("invalid_grant", "The code is not valid.", number: 70_000),
        .usedCode: .init("invalid_grant", "The code was already redeemed.", number: 54_005),
        .expiredCode: .init("invalid_grant", "The code has expired.", number: 70_008),
        .redirectURI: .init("invalid_request", "The redirect URI does not match.", number: 50_011),
        .verifier: .init("invalid_grant", "The code_verifier does not match.", number: 501_481),
        .refreshToken: .init("invalid_grant", "The refresh token is not valid.", number: 70_000, suberror: "bad_token"),
        .expiredRefreshToken: .unusedGrant,
        .revokedRefreshToken: .endedGrant,
        .scope: .init("invalid_scope", "The scope is not valid.", number: 70_011),
        .unwantedResource: .init("invalid_request", "resource does not fit these endpoints.", number: 901_002),
        .host: .init("invalid_request", "The tenant is of another cloud.", number: 90_038),
        .clientCredentials: .init("invalid_request", "The tenant must be a concrete one.", number: 9_001_023),
        .bearerAssertion: .init("invalid_grant", "The assertion is not valid.", number: 50_013),
        .loop: .init("invalid_request", "The same request came in a loop.", number: 50_196),
        .deviceCode: .init("bad_verification_code", "The device code is not known."),
        .devicePending: .init("authorization_pending", "The user has not signed in yet.", number: 70_016),
        .deviceDenied: .init("authorization_declined", "The user declined."),
        .deviceExpired: .init("expired_token", "The code has expired.", number: 70_019),
    ]
}
