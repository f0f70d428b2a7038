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
            try await send(
                token, hint: refreshToken == nil ? "access_token" : "refresh_token", of: deleted.id, to: endpoint,
                registration)
        } catch {
            logFailure(error, of: deleted.id)
        }
    }

    /// What came for a connection that was deleted while the provider was answering.
    func revoke(_ response: TokenResponse, of id: ConnectionID, _ registration: Registration) async {
        guard let endpoint = registration.server.revocationEndpoint else { return }
        do {
            try await send(
                response.refreshToken ?? response.accessToken,
                hint: response.refreshToken == nil ? "access_token" : "refresh_token", of: id, to: endpoint,
                registration)
        } catch {
            logFailure(error, of: id)
        }
    }

    private func send(
        _ token: Secret, hint: String, of id: ConnectionID, to endpoint: EndpointURL, _ registration: Registration
    ) async throws(ExchangeFailure) {
        let request = Revocation.request(
            token: token, hint: hint, at: endpoint, client: registration.client, dialect: registration.provider.dialect)
        let response = try await exchange.send(request, within: .seconds(10))
        logger.info(
            "A deleted connection's token was revoked",
            metadata: ["connection": "\(id)", "verdict": "\(Revocation.judge(response))"])
    }

    private func logFailure(_ error: any Error, of id: ConnectionID) {
        logger.notice(
            "A deleted connection's token could not be revoked at the provider",
            metadata: ["connection": "\(id)", "why": "\(error)"])
    }
}
