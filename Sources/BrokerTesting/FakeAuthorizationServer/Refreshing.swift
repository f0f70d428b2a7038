import HTTPTypes
import OAuth

/// RFC 6749 §6.
extension AuthorizationServerState {
    mutating func refresh(_ request: Request, form: Parameters, client: Client, now: Int) -> Answer {
        guard let text = form["refresh_token"], !text.isEmpty else {
            return refusal(.request, "refresh_token is missing", to: request)
        }
        guard let token = refreshTokens[text], grants[token.grant].client == client.id else {
            let isMalformed = !text.hasPrefix(behaviour.refreshTokenPrefix)
            return refusal(
                isMalformed ? .malformedRefreshToken : .refreshToken, "the refresh token is unknown", to: request)
        }
        guard isAtHost(grants[token.grant].origin.host, request) else {
            return refusal(.host, "the refresh token is of another host", to: request)
        }
        guard liveRefreshToken(text, now: now) != nil else { return refuse(token, to: request) }
        if let refused = scopeProblem(form["scope"].map(Self.scopes), to: request)
            ?? resourceProblem(form, grants[token.grant].origin.authorization, to: request)
        {
            return refused
        }
        let granted = grants[token.grant].scope
        let wanted = tokenScope(asked: form["scope"].map(Self.scopes), granted: granted)
        guard behaviour.scopeRule != .free || behaviour.resourceRule == .required || Set(wanted).isSubset(of: granted)
        else {
            return refusal(.scope, "more scope than was granted", to: request)
        }
        if isTooOften(.logins, grants[token.grant].user) {
            return refusal(.tooManyLogins, "too many logins", to: request)
        }
        if behaviour.refreshRevokesAccessTokens { revokeAccessTokens(of: token.grant) }
        grants[token.grant].refreshes += 1
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

    /// Refuses a token that was good once.
    private mutating func refuse(_ token: RefreshToken, to request: Request) -> Answer {
        let isRevoked = token.isRevoked || grants[token.grant].isRevoked
        if token.replacedAt != nil {
            counters.replays += 1
            if behaviour.rotation == .rotateWithReuseDetection { endByReuse(token.grant) }
        }
        let reason: Refusal =
            isRevoked ? .revokedRefreshToken : token.replacedAt != nil ? .refreshToken : .expiredRefreshToken
        return refusal(reason, "the refresh token is expired, revoked or used", to: request)
    }
}
