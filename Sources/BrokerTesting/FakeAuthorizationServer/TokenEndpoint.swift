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
        let client: Client
        switch authenticate(request, form: form) {
        case .client(let found): client = found
        case .refused(let answer): return answer
        }
        if let refused = proofProblem(request, now: now) { return refused }
        switch form["grant_type"] {
        case GrantType.clientCredentials.rawValue, GrantType.tokenExchange.rawValue, GrantType.jwtBearer.rawValue,
            GrantType.deviceCode.rawValue:
            return otherGrant(request, form: form, client: client, now: now)
        case "authorization_code": return exchangeCode(request, form: form, client: client, now: now)
        case "refresh_token": return refresh(request, form: form, client: client, now: now)
        case nil, "": return refusal(.request, "grant_type is missing", to: request)
        default: return refusal(.grantType, "this grant type is not supported here", to: request)
        }
    }

    private var knownTokenParameters: Set<String> {
        let known: Set<String> = [
            "grant_type", "code", "redirect_uri", "client_id", "client_secret", "refresh_token", "scope", "assertion",
            "client_assertion", "client_assertion_type", "device_code", "subject_token", "subject_token_type",
            "resource",
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
            return refusal(.code, "the code was used before", to: request)
        }
        guard now < code.expiresAt else {
            return refusal(.code, "the code has expired", to: request)
        }
        guard form["redirect_uri"] == code.redirectURI else {
            return refusal(.redirectURI, "redirect_uri is not the one of the authorization request", to: request)
        }
        if let problem = verifierProblem(of: code, verifier: form["code_verifier"]) {
            return refusal(.verifier, problem, to: request)
        }
        grants.append(Grant(client: client.id, user: code.user, scope: code.scope))
        counters.grants += 1
        let grant = grants.count - 1
        codes[text]?.grant = grant
        let refreshToken = givesRefreshToken(for: code.scope) ? mintRefreshToken(for: grant, now: now) : nil
        return granted(
            grant, scope: code.scope, refreshToken: refreshToken, renewable: nil, nonce: code.nonce, to: request,
            now: now)
    }

    /// RFC 7636 §4.6
    private func verifierProblem(of code: Code, verifier: String?) -> String? {
        guard behaviour.pkce == .required || behaviour.pkce == .optional else { return nil }
        guard let challenge = code.challenge else {
            return verifier == nil ? nil : "code_verifier without a code_challenge before"
        }
        guard let verifier else { return "code_verifier is missing" }
        let answer =
            code.challengeMethod == "S256"
            ? Array(SHA256.hash(data: Array(verifier.utf8))).base64URL : verifier
        return answer == challenge ? nil : "code_verifier does not fit the code_challenge"
    }

    func givesRefreshToken(for scope: [String]) -> Bool {
        switch behaviour.refreshTokens {
        case .always: true
        case .never: false
        case .withScope(let name): scope.contains(name)
        }
    }

    // MARK: Refresh (RFC 6749 §6)

    private mutating func refresh(_ request: Request, form: Parameters, client: Client, now: Int) -> Answer {
        guard let text = form["refresh_token"], !text.isEmpty else {
            return refusal(.request, "refresh_token is missing", to: request)
        }
        guard let token = refreshTokens[text], grants[token.grant].client == client.id else {
            return refusal(.refreshToken, "the refresh token is unknown", to: request)
        }
        guard liveRefreshToken(text, now: now) != nil else {
            if token.replacedAt != nil {
                counters.replays += 1
                if behaviour.rotation == .rotateWithReuseDetection { endByReuse(token.grant) }
            }
            return refusal(.refreshToken, "the refresh token is expired, revoked or used", to: request)
        }
        let granted = grants[token.grant].scope
        let wanted = form["scope"].map(Self.scopes) ?? granted
        guard Set(wanted).isSubset(of: granted) else {
            return refusal(.scope, "more scope than was granted", to: request)
        }
        if behaviour.refreshRevokesAccessTokens { revokeAccessTokens(of: token.grant) }
        var next: String?
        switch behaviour.rotation {
        case .none: break
        case .same: next = text
        case .rotateKeepingOld, .rotate, .rotateWithReuseDetection:
            next = mintRefreshToken(for: token.grant, now: now)
            if token.replacedAt == nil { refreshTokens[text]?.replacedAt = now }
            counters.rotations += 1
        }
        let scope = behaviour.scopeAfterRefresh(wanted)
        return self.granted(token.grant, scope: scope, refreshToken: next, renewable: true, to: request, now: now)
    }

    /// - Parameter renewable: Whether the client has a refresh token, where the answer does not tell.
    mutating func granted(
        _ grant: Int, scope: [String], refreshToken: String?, renewable: Bool?, nonce: String? = nil,
        to request: Request, now: Int
    ) -> Answer {
        let expires = (renewable ?? (refreshToken != nil)) || !behaviour.onlyRefreshableTokensExpire
        let accessToken = mintAccessToken(for: grant, scope: scope, expires: expires, now: now)
        let idToken =
            scope.contains("openid") && request.form?["grant_type"] != "refresh_token"
            ? idToken(for: grants[grant], nonce: nonce, accessToken: accessToken, now: now) : nil
        return tokenAnswer(
            accessToken: accessToken, expires: expires, refreshToken: refreshToken, scope: scope, idToken: idToken,
            to: request, now: now)
    }

    static func scopes(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }
}
