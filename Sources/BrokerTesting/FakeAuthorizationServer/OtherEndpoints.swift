import HTTPTypes
import OAuth

extension AuthorizationServerState {
    // MARK: Metadata (RFC 8414 §2, OpenID Connect Discovery §3)

    /// The document at a path, where it stands there and is switched on; nil for any other path.
    func metadata(at path: String) -> Answer? {
        let documents: [(path: String, kind: FakeAuthorizationServer.MetadataDocument)] = [
            ("/.well-known/oauth-authorization-server" + behaviour.paths.issuer, .oauth),
            (behaviour.paths.issuer + behaviour.paths.openIDConfiguration, .openID),
        ]
        guard let document = documents.first(where: { $0.path == path })?.kind else { return nil }
        guard behaviour.metadataDocuments.contains(document) else { return .status(404) }
        let paths = behaviour.paths
        var members: Members = [
            ("issuer", jsonString(advertisedIssuer)),
            ("authorization_endpoint", jsonString(issuer + paths.authorization)),
            ("token_endpoint", jsonString(issuer + paths.token)),
            ("revocation_endpoint", jsonString(issuer + paths.revocation)),
            ("introspection_endpoint", jsonString(issuer + paths.introspection)),
            ("userinfo_endpoint", jsonString(issuer + paths.userinfo)),
            ("response_types_supported", jsonStrings(["code"])),
            ("device_authorization_endpoint", jsonString(issuer + paths.deviceAuthorization)),
            ("jwks_uri", jsonString(issuer + paths.keys)),
            ("id_token_signing_alg_values_supported", jsonStrings([behaviour.idTokenAlgorithm.rawValue])),
            ("grant_types_supported", jsonStrings(GrantType.allCases.map(\.rawValue))),
            (
                "token_endpoint_auth_methods_supported",
                jsonStrings(behaviour.clientAuthentication.map(\.rawValue).sorted())
            ),
            ("authorization_response_iss_parameter_supported", behaviour.iss == .absent ? "false" : "true"),
        ]
        // An endpoint without a path is none.
        members.removeAll { $0.name.hasSuffix("_endpoint") && $0.json == jsonString(issuer) }
        if behaviour.requiresPushedRequests {
            members.append(
                ("pushed_authorization_request_endpoint", jsonString(issuer + paths.pushedAuthorization)))
            members.append(("require_pushed_authorization_requests", "true"))
        }
        if behaviour.pkce == .required || behaviour.pkce == .optional {
            members.append(("code_challenge_methods_supported", jsonStrings(behaviour.pkceMethods.sorted())))
        }
        return .json(Self.json(Self.change(members, by: behaviour.metadataMembers)))
    }

    private var advertisedIssuer: String {
        guard let name = behaviour.advertisedIssuer, name.hasPrefix("{origin}") else {
            return behaviour.advertisedIssuer ?? issuer
        }
        return origin + name.dropFirst("{origin}".count)
    }

    // MARK: Revocation (RFC 7009)

    mutating func revoke(_ request: Request) -> Answer {
        guard let form = request.form, let text = form["token"] else {
            return refusal(.request, "token is missing", to: request)
        }
        let client: Client
        switch authenticate(request, form: form) {
        case .client(let found): client = found
        case .refused(let answer): return answer
        }
        let isKnown = liveRefreshToken(text, now: now) != nil || liveAccessToken(text, now: now) != nil
        if let token = refreshTokens[text], grants[token.grant].client == client.id {
            guard behaviour.revocableTokens.contains(.refreshToken) else {
                return refusal(.tokenType, "refresh tokens cannot be revoked here", to: request)
            }
            // §2.1: the access tokens of the same grant go with it.
            grants[token.grant].isRevoked = true
        } else if let token = accessTokens[text], grants[token.grant].client == client.id {
            guard behaviour.revocableTokens.contains(.accessToken) else {
                return refusal(.tokenType, "access tokens cannot be revoked here", to: request)
            }
            accessTokens[text]?.isRevoked = true
        }
        if behaviour.refusesUnknownRevocation, !isKnown {
            return refusal(.unknownToken, "the token is unknown or ended", to: request)
        }
        // §2.2: an unknown token is as good as revoked.
        return .status(200)
    }

    // MARK: Introspection (RFC 7662)

    mutating func introspect(_ request: Request, now: Int) -> Answer {
        guard let form = request.form, let text = form["token"] else {
            return refusal(.request, "token is missing", to: request)
        }
        if case .refused(let answer) = authenticate(request, form: form) { return answer }
        switch behaviour.introspection {
        case .honest: break
        case .alwaysInactive: return .json(#"{"active":false}"#)
        case .refused(let status): return refusal(.request, "introspection is not allowed", status: status, to: request)
        }
        if let token = liveAccessToken(text, now: now) {
            let grant = grants[token.grant]
            var members: Members = [
                ("active", "true"), ("scope", jsonString(token.scope.joined(separator: " "))),
                ("client_id", jsonString(grant.client)), ("username", jsonString(grant.user)),
                ("sub", jsonString(grant.user)), ("token_type", jsonString(behaviour.tokenType)),
                ("iat", String(token.issuedAt)),
            ]
            if let expiresAt = token.expiresAt { members.append(("exp", String(expiresAt))) }
            return .json(Self.json(members))
        }
        if let token = liveRefreshToken(text, now: now) {
            let grant = grants[token.grant]
            return .json(
                Self.json([
                    ("active", "true"), ("client_id", jsonString(grant.client)), ("username", jsonString(grant.user)),
                ]))
        }
        return .json(#"{"active":false}"#)
    }
}
