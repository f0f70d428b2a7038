import Logging
import OAuth
import ProviderProfiles
import Sealing

/// Tells the provider that a deleted connection's tokens are no longer wanted (RFC 7009).
///
/// The connection is gone whether or not this succeeds. The refresh token goes first: an authorization server that
/// revokes it ends the access token with it (RFC 7009 §2.1).
struct Revoker: Sendable {
    let registrations: Registrations
    let sealing: GrantSealing
    let exchange: any HTTPExchange
    let logger: Logger

    func revoke(_ deleted: StoredConnection) async {
        guard deleted.connection.kind == .oauth2, deleted.grant.version > 0 else { return }
        do {
            let registration = try await registrations.registration(of: deleted.connection)
            guard let endpoint = registration.server.revocationEndpoint else { return }
            let refreshToken = try sealing.refreshToken(of: deleted)
            guard let token = try refreshToken ?? sealing.material(of: deleted)?.principalSecret else { return }
            let request = Revocation.request(
                token: token, hint: refreshToken == nil ? "access_token" : "refresh_token", at: endpoint,
                client: registration.client, dialect: registration.provider.dialect)
            let response = try await exchange.send(request, within: .seconds(10))
            logger.info(
                "A deleted connection's token was revoked",
                metadata: ["connection": "\(deleted.id)", "verdict": "\(Revocation.judge(response))"])
        } catch {
            logger.notice(
                "A deleted connection's token could not be revoked at the provider",
                metadata: ["connection": "\(deleted.id)", "why": "\(error)"])
        }
    }
}
