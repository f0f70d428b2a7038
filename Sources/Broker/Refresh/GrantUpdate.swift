import OAuth
import ProviderProfiles
import Sealing

/// Makes the next grant from a token response: the pure step between an answer and its commit.
struct GrantUpdate {
    let sealing: GrantSealing
    let provider: Provider
    /// When the request was sent: the lifetime counts from here, so that a slow answer never stretches it.
    let sentAt: Timestamp
    /// What was asked for; a response without `scope` granted it (RFC 6749 §5.1).
    let requestedScopes: [String]
    /// Chance in `0..<1`, for the jitter of the next refresh.
    let fraction: Double

    /// - Parameter renewing: whether the response came from a refresh: then an absent refresh token means that
    ///   the one we hold goes on (RFC 6749 §6), and absent scopes are unchanged.
    func grant(
        after old: Grant, of id: ConnectionID, from response: TokenResponse, renewing: Bool
    ) throws(SealingError) -> Grant {
        let version = old.version + 1
        var grant = Grant(version: version)
        grant.credential = try sealing.seal(
            .oauth2(accessToken: response.accessToken, tokenType: response.tokenType), for: id, version: version)

        if let refreshToken = response.refreshToken {
            grant.refresh = try sealing.seal(refreshToken: refreshToken, for: id, version: version)
            let lifetime = response.refreshTokenExpiresIn ?? provider.refreshTokenPolicy.lifetime
            grant.refreshTokenExpiresAt = lifetime.map { sentAt + .seconds($0) }
        } else if renewing, let kept = try sealing.refreshToken(id: id, grant: old) {
            grant.refresh = try sealing.seal(refreshToken: kept, for: id, version: version)
            grant.refreshTokenExpiresAt = old.refreshTokenExpiresAt
        }

        grant.scopes = response.scope ?? (renewing ? old.scopes : requestedScopes)
        grant.attributes = (renewing ? old.attributes : [:]).merging(captured(from: response)) { _, new in new }
        grant.account = renewing ? old.account : nil
        grant.issuedAt = sentAt
        if let seconds = response.expiresIn ?? provider.expiry.defaultLifetime {
            let lifetime = Duration.seconds(seconds)
            grant.expiresAt = sentAt + lifetime
            if grant.refresh != nil {
                let margin = RefreshPolicy.margin(
                    lifetime: lifetime, configured: provider.expiry.refreshMargin, fraction: fraction)
                grant.refreshAt = sentAt + (lifetime - margin)
            }
        }
        grant.lastRefreshedAt = renewing ? sentAt : nil
        return grant
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
