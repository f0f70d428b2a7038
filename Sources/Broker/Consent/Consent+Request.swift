import Logging
import OAuth
import ProviderProfiles
import Sealing

/// The authorization request: made here, pushed where the provider takes it so (RFC 9126).
extension Consent {
    /// Where the browser goes. What could not be brought to an end with this provider is not begun.
    func authorizationEndpoint(of registration: Registration, asked: [String]) throws(ConsentFailure) -> EndpointURL {
        let server = registration.server
        guard let endpoint = server.authorizationEndpoint else { throw Self.lacking("has no authorization endpoint") }
        guard server.tokenEndpoint != nil else { throw Self.lacking("has no token endpoint") }
        // Whoever asks for an ID token must be able to believe it (OpenID Connect Discovery §3: jwks_uri is REQUIRED).
        if asked.contains("openid"), registration.provider.discoveryIssuer != nil, server.jwksURI == nil {
            throw Self.lacking("publishes no keys for the ID token that is asked for")
        }
        return endpoint
    }

    private static func lacking(_ what: String) -> ConsentFailure {
        ConsentFailure(.misconfigured, "The provider \(what). An administrator must act.")
    }

    func authorizationRequest(
        _ registration: Registration, _ stored: StoredConnection, _ wishes: ConsentWishes, scopes: [String],
        state: String, verifier: Secret?, proofKey: SigningKey?
    ) -> AuthorizationRequest {
        var request = AuthorizationRequest(
            clientID: registration.client.id, redirectURI: registrations.redirectURI(of: registration.id),
            scope: scopes, state: Secret(state), codeChallenge: verifier.map { PKCE.challenge(for: $0) },
            additional: Parameters(wishes.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
        request.resource = stored.connection.resources
        request.loginHint = wishes.loginHint
        request.prompt = wishes.prompt
        // What a refresh was refused for, unless whoever made the link knows better.
        request.claims = wishes.claims ?? stored.grant.failure?.claims
        if scopes.contains("openid") { request.nonce = Self.nonce(forState: state) }
        request.dpopJKT = proofKey?.publicKey.thumbprint
        return request
    }

    /// The ID token's nonce (OpenID Connect Core §3.1.2.1): made from the state, which only the browser and we know, so
    /// that there is nothing more to keep.
    static func nonce(forState state: String) -> String {
        sha256(Array("credence nonce \(state)".utf8)).base64URL
    }

    /// Where to send the browser.
    func location(
        of request: AuthorizationRequest, at endpoint: EndpointURL, _ registration: Registration,
        _ proofKey: SigningKey?, _ id: ConnectionID
    ) async throws(ConsentFailure) -> String {
        let dialect = registration.provider.dialect
        guard let pushEndpoint = registration.server.pushedAuthorizationRequestEndpoint,
            registration.provider.pushesAuthorizationRequests
        else {
            guard !registration.server.requirePushedAuthorizationRequests else {
                throw ConsentFailure(
                    .misconfigured,
                    "The provider wants pushed requests and names no endpoint. An administrator must act."
                )
            }
            return request.url(at: endpoint, dialect: dialect)
        }
        let response: EndpointResponse
        do {
            response = try await calls.send(registration, proofKey: proofKey, within: .seconds(10)) {
                client, freshness in
                PushedAuthorizationRequest.request(
                    request, at: pushEndpoint, client: client, dialect: dialect, freshness: freshness)
            }.response
        } catch {
            throw notSent(error, id)
        }
        switch PushedAuthorizationRequest.judge(response) {
        case .accepted(let requestURI, _):
            return PushedAuthorizationRequest.url(at: endpoint, clientID: request.clientID, requestURI: requestURI)
        case .refused(let error): throw refused(error, registration.provider, id)
        case .malformed(let reason, let status):
            logger.notice(
                "A pushed authorization request got an answer that cannot be read",
                metadata: ["connection": "\(id)", "status": "\(status)", "why": "\(reason)"])
            throw Self.noAnswer
        case .unavailable: throw Self.noAnswer
        }
    }

    /// Gets a code for the owner to enter (RFC 8628 §3.1).
    func beginDevice(_ stored: StoredConnection) async throws(ConsentFailure) {
        do {
            // Whoever reloads the page keeps the code that is shown.
            if let device = try await devices.deviceConsent(of: stored), device.status(at: clock.now) == "pending" {
                return
            }
            _ = try await devices.begin(stored)
        } catch {
            logger.notice(
                "A device authorization cannot begin", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            switch error.actor {
            case .nobody: throw Self.noAnswer
            default: throw ConsentFailure(.misconfigured, error.detail, providerError: error.reason)
            }
        }
    }
}
