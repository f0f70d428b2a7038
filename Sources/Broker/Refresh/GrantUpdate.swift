import OAuth
import ProviderProfiles
import Sealing

/// Makes the next grant from a token response: the pure step between an answer and its commit.
struct GrantUpdate {
    /// What the response answers.
    enum Occasion {
        /// The owner's consent: nothing of the old grant stays but, where none comes, the same account's refresh token.
        case consent(Account?)
        case refresh
        /// The same grant once more, without anybody (RFC 6749 §4.4, RFC 7523, RFC 8693).
        case reissue
    }

    let sealing: GrantSealing
    let provider: Provider
    /// When the request was sent: the lifetime counts from here, so that a slow answer never stretches it.
    let sentAt: Timestamp
    /// What was asked for; a response without `scope` granted it (RFC 6749 §5.1).
    let requestedScopes: [String]
    /// The key that the tokens are bound to, where a proof was sent (RFC 9449).
    let proofKey: SigningKey?
    /// Chance in `0..<1`, for the jitter of the next refresh.
    let fraction: Double
    /// What a consent brought besides the token response, by the names that it is kept under.
    var attributes: [String: String] = [:]

    func grant(
        after old: StoredConnection, from response: TokenResponse, _ occasion: Occasion
    ) throws(SealingError) -> Grant {
        let id = old.id
        let version = old.grant.version + 1
        var grant = Grant(version: version)
        grant.credential = try sealing.seal(
            .oauth2(accessToken: response.accessToken, tokenType: response.tokenType), for: id, version: version)
        grant.proofKey = try proofKey.map { key throws(SealingError) in
            try sealing.seal(proofKey: key.serialized, for: id, version: version)
        }
        grant.issuedAt = sentAt

        switch occasion {
        case .consent(let account):
            try keepRefreshToken(of: response, old: goesOn(old, account) ? old.grant : nil, in: &grant, id)
            grant.scopes = response.scope ?? requestedScopes
            grant.attributes = captured(from: response).merging(attributes) { own, _ in own }
            grant.account = account?.name
            grant.accountKey = account?.key
        case .refresh:
            try keepRefreshToken(of: response, old: old.grant, in: &grant, id)
            // Absent scopes are unchanged (RFC 6749 §6).
            grant.scopes = response.scope ?? old.grant.scopes
            grant.attributes = old.grant.attributes.merging(captured(from: response)) { _, new in new }
            grant.account = old.grant.account
            grant.accountKey = old.grant.accountKey
            grant.lastRefreshedAt = sentAt
        case .reissue:
            // What can be had again by itself needs no refresh token (RFC 6749 §4.4.3), an exchange may give one.
            if old.connection.grantType == .tokenExchange {
                try keepRefreshToken(of: response, old: nil, in: &grant, id)
            }
            grant.scopes = response.scope ?? requestedScopes
            grant.attributes = captured(from: response)
            grant.lastRefreshedAt = old.grant.version > 0 ? sentAt : nil
        }
        if let subject = try sealing.subject(id: id, grant: old.grant) {
            grant.subject = try sealing.seal(subject: subject, for: id, version: version)
        }
        if let lifetime = lifetime(of: response) { setLifetime(lifetime, of: &grant, isReissuable: old.isReissuable) }
        keepAlive(&grant)
        return grant
    }

    /// A refresh token with an end is used before it, although nobody knows when the access token ends, or it never does.
    private func keepAlive(_ grant: inout Grant) {
        guard grant.refreshAt == nil, grant.refresh != nil, let end = grant.refreshTokenExpiresAt else { return }
        let lifetime = end.since(sentAt)
        guard lifetime > .zero else { return }
        grant.refreshAt = end - min(lifetime / 5, StoredConnection.notice)
    }

    /// The same grant with a lifetime that was asked for afterwards (RFC 7662), one version on.
    func grant(
        _ old: StoredConnection, expiringAt expiry: Timestamp
    ) throws(SealingError) -> Grant? {
        guard let material = try sealing.material(of: old), let issuedAt = old.grant.issuedAt, expiry > issuedAt else {
            return nil
        }
        let version = old.grant.version + 1
        var grant = old.grant
        grant.version = version
        grant.attempt = nil
        grant.credential = try sealing.seal(material, for: old.id, version: version)
        grant.refresh = try sealing.refreshToken(of: old).map { token throws(SealingError) in
            try sealing.seal(refreshToken: token, for: old.id, version: version)
        }
        grant.proofKey = try sealing.proofKey(id: old.id, grant: old.grant).map { key throws(SealingError) in
            try sealing.seal(proofKey: key, for: old.id, version: version)
        }
        grant.subject = try sealing.subject(id: old.id, grant: old.grant).map { subject throws(SealingError) in
            try sealing.seal(subject: subject, for: old.id, version: version)
        }
        setLifetime(expiry.since(issuedAt), of: &grant, isReissuable: old.isReissuable)
        return grant
    }

    /// Whether a consent that brings no refresh token leaves the one there was in use: some providers give it once, at the
    /// first consent of an account. Only for the same account beyond doubt, and while the old one is good.
    private func goesOn(_ old: StoredConnection, _ account: Account?) -> Bool {
        guard let key = old.grant.accountKey, Account.isSame(key, as: account) else { return false }
        return old.grant.reauthorization == nil && old.grant.proofKey == nil && proofKey == nil
    }

    private func lifetime(of response: TokenResponse) -> Duration? {
        if let seconds = response.expiresIn { return .seconds(seconds) }
        if let moment = response.expiresAt {
            let lifetime = Timestamp(seconds: Int64(moment)).since(sentAt)
            if lifetime > .zero { return lifetime }
        }
        return provider.expiry.defaultLifetime.map { .seconds($0) }
    }

    /// - Parameter old: whose refresh token goes on where the response brings none (RFC 6749 §6); nil for none.
    private func keepRefreshToken(
        of response: TokenResponse, old: Grant?, in grant: inout Grant, _ id: ConnectionID
    ) throws(SealingError) {
        if provider.dialect.refreshesByAccessToken, response.refreshToken == nil {
            // What renews itself ends with itself.
            grant.refresh = try sealing.seal(refreshToken: response.accessToken, for: id, version: grant.version)
            grant.refreshTokenExpiresAt = lifetime(of: response).map { sentAt + $0 }
        } else if let refreshToken = response.refreshToken {
            grant.refresh = try sealing.seal(refreshToken: refreshToken, for: id, version: grant.version)
            let lifetime = response.refreshTokenExpiresIn ?? provider.refreshTokenPolicy.lifetime
            grant.refreshTokenExpiresAt = lifetime.map { sentAt + .seconds($0) }
        } else if let old, let kept = try sealing.refreshToken(id: id, grant: old) {
            grant.refresh = try sealing.seal(refreshToken: kept, for: id, version: grant.version)
            grant.refreshTokenExpiresAt = old.refreshTokenExpiresAt
        }
    }

    private func setLifetime(_ lifetime: Duration, of grant: inout Grant, isReissuable: Bool) {
        let issuedAt = grant.issuedAt ?? sentAt
        grant.expiresAt = issuedAt + lifetime
        guard grant.refresh != nil || isReissuable else { return }
        let margin = RefreshPolicy.margin(
            lifetime: lifetime, configured: provider.expiry.refreshMargin, fraction: fraction)
        grant.refreshAt = issuedAt + (lifetime - margin)
    }

    /// The callback's parameters that the profile names, 4 KiB each at most.
    static func captured(from callback: Parameters, by provider: Provider) -> [String: String] {
        var attributes: [String: String] = [:]
        for capture in provider.capture {
            if let value = capture.value(in: callback), value.utf8.count <= 4096 { attributes[capture.name] = value }
        }
        return attributes
    }

    /// The members of the response that the profile names. Text only; anything longer than 4 KiB is left out.
    private func captured(from response: TokenResponse) -> [String: String] {
        var attributes: [String: String] = [:]
        for capture in provider.capture {
            if let value = capture.value(in: response), value.utf8.count <= 4096 {
                attributes[capture.name] = value
            }
        }
        return attributes
    }
}
