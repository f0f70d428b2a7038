import Broker
import Crypto
import HTTPTypes
import OAuth

/// RFC 6749 §3.2: from the token request to tokens or to a refusal.
extension AuthorizationServerState {
    mutating func token(_ request: Request, now: Int) -> Answer {
        guard let form = request.form else {
            return refusal(.request, "the body is not a form", to: request)
        }
        if let problem = problem(of: form, known: knownTokenParameters) {
            return refusal(.request, problem, to: request)
        }
        if behaviour.devicesAskAtTokenEndpoint, form["response_type"] == "device_code" {
            return authorizeDevice(request, now: now)
        }
        let client: Client
        switch authenticate(request, form: form) {
        case .client(let found): client = found
        case .refused(let answer): return answer
        }
        if let refused = proofProblem(request, now: now) { return refused }
        if isTooOften(.identicalRequests, form.formURLEncoded) {
            return refusal(.loop, "the same request came too often", to: request)
        }
        if behaviour.resourceRule == .refused, form["resource"] != nil {
            return refusal(.unwantedResource, "resource is not for this endpoint", to: request)
        }
        let grantType = form["grant_type"] ?? (behaviour.grantTypeIsOptional ? "authorization_code" : "")
        guard !grantType.isEmpty else { return refusal(.request, "grant_type is missing", to: request) }
        guard behaviour.grantTypes?.contains(grantType) ?? true else {
            return refusal(.grantType, "this grant type is not supported here", to: request)
        }
        switch grantType {
        case GrantType.clientCredentials.rawValue, GrantType.tokenExchange.rawValue, GrantType.jwtBearer.rawValue,
            GrantType.deviceCode.rawValue:
            return otherGrant(request, form: form, client: client, now: now)
        case "device" where behaviour.devicesAskAtTokenEndpoint:
            return pollDevice(request, code: form["code"] ?? "", client: client, now: now)
        case "authorization_code": return exchangeCode(request, form: form, client: client, now: now)
        case "refresh_token": return refresh(request, form: form, client: client, now: now)
        default: return refusal(.grantType, "this grant type is not supported here", to: request)
        }
    }

    private var knownTokenParameters: Set<String> {
        let known: Set<String> = [
            "grant_type", "code", "redirect_uri", "client_id", "client_secret", "refresh_token", "scope", "assertion",
            "client_assertion", "client_assertion_type", "device_code", "subject_token", "subject_token_type",
            "resource", "response_type", "format",
        ]
        return behaviour.pkce == .unknown ? known : known.union(["code_verifier"])
    }

    /// What is wrong with a set of parameters before their values are looked at.
    func problem(of parameters: Parameters, known: Set<String>) -> String? {
        if behaviour.refusesDuplicateParameters, let name = parameters.duplicatedNames.first {
            return "\(name) comes twice"
        }
        if behaviour.refusesUnknownParameters, let pair = parameters.pairs.first(where: { !known.contains($0.name) }) {
            return "\(pair.name) is unknown here"
        }
        return nil
    }

    // MARK: Authorization code (RFC 6749 §4.1.3)

    private mutating func exchangeCode(_ request: Request, form: Parameters, client: Client, now: Int) -> Answer {
        guard let text = form["code"], !text.isEmpty else {
            return refusal(.request, "code is missing", to: request)
        }
        guard let code = codes[text], code.client == client.id else {
            return refusal(.code, "the code is unknown", to: request)
        }
        if let grant = code.grant {
            // RFC 6749 §4.1.2: whoever comes second may be the thief, and so may whoever came first.
            endByReuse(grant)
            return refusal(.usedCode, "the code was used before", to: request)
        }
        guard now < code.expiresAt else {
            return refusal(.expiredCode, "the code has expired", to: request)
        }
        guard form["redirect_uri"] == code.redirectURI else {
            return refusal(.redirectURI, "redirect_uri is not the one of the authorization request", to: request)
        }
        guard isAtHost(code.origin.host, request) else {
            return refusal(.host, "the code is of another host", to: request)
        }
        if let refused = verifierProblem(of: code, verifier: form["code_verifier"], to: request) { return refused }
        if let refused = resourceProblem(form, code.origin.authorization, to: request)
            ?? scopeProblem(form["scope"].map(Self.scopes), to: request)
        {
            return refused
        }
        if isTooOften(.logins, code.user) { return refusal(.tooManyLogins, "too many logins", to: request) }
        let grant = open(Grant(client: client.id, user: code.user, scope: code.scope, origin: code.origin))
        codes[text]?.grant = grant
        let isGiven = givesRefreshToken(for: code.scope, code.origin.authorization)
        let refreshToken = isGiven ? mintRefreshToken(for: grant, now: now) : nil
        let scope = tokenScope(asked: form["scope"].map(Self.scopes), granted: code.scope)
        return granted(
            grant, scope: scope, refreshToken: refreshToken, renewable: nil, nonce: code.nonce, to: request, now: now)
    }

    /// RFC 7636 §4.6
    private func verifierProblem(of code: Code, verifier: String?, to request: Request) -> Answer? {
        guard behaviour.pkce == .required || behaviour.pkce == .optional else { return nil }
        guard let challenge = code.challenge else {
            return verifier == nil
                ? nil : refusal(.verifier, "code_verifier without a code_challenge before", to: request)
        }
        guard let verifier else { return refusal(.missingVerifier, "code_verifier is missing", to: request) }
        let answer =
            code.challengeMethod == "S256"
            ? Array(SHA256.hash(data: Array(verifier.utf8))).base64URL : verifier
        return answer == challenge
            ? nil : refusal(.verifier, "code_verifier does not fit the code_challenge", to: request)
    }

    func givesRefreshToken(for scope: [String], _ authorization: Parameters) -> Bool {
        switch behaviour.refreshTokens {
        case .always: true
        case .never: false
        case .withScope(let name): scope.contains(name)
        case .withAnyScope(let names): !names.isDisjoint(with: scope)
        case .withParameter(let name, let value): authorization[name] == value
        }
    }

    func isAtHost(_ host: String?, _ request: Request) -> Bool {
        !behaviour.separatesHosts || host == nil || host == request.host
    }

    // MARK: Tokens

    /// - Parameter renewable: Whether the client has a refresh token, where the answer does not tell.
    mutating func granted(
        _ grant: Int, scope: [String], refreshToken: String?, renewable: Bool?, nonce: String? = nil,
        to request: Request, now: Int
    ) -> Answer {
        let origin = grants[grant].origin
        let isLasting = behaviour.lastingTokens.map { origin.authorization[$0.name] == $0.value } ?? false
        let expires =
            !isLasting && ((renewable ?? (refreshToken != nil)) || !behaviour.onlyRefreshableTokensExpire)
        let grantType = request.form?["grant_type"] ?? "authorization_code"
        let old = behaviour.repeatsAccessToken && grantType == "refresh_token" ? lastAccessToken(of: grant) : nil
        let accessToken = old ?? mintAccessToken(for: grant, scope: scope, expires: expires, now: now)
        accessTokens[accessToken]?.claims = request.form?["claims"] ?? origin.authorization["claims"] ?? ""
        let granted = FakeAuthorizationServer.Granted(
            grantType: grantType, client: grants[grant].client, user: grants[grant].user, scope: scope,
            authorization: origin.authorization, request: request, refreshes: grants[grant].refreshes,
            lifetime: expires ? behaviour.accessTokenLifetime : nil, now: now, origin: self.origin)
        let idToken =
            scope.contains("openid") && grantType != "refresh_token"
            ? idToken(for: granted, nonce: nonce, accessToken: accessToken) : nil
        return tokenAnswer(granted, accessToken: accessToken, refreshToken: refreshToken, idToken: idToken)
    }

    private func lastAccessToken(of grant: Int) -> String? {
        accessTokens.filter { $0.value.grant == grant && fault(of: $0.key, now: now) == nil }
            .max { $0.value.issuedAt < $1.value.issuedAt }?.key
    }

    static func scopes(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }
}
