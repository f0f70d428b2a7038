import OAuth
import ProviderProfiles

/// Calls a provider's endpoints in our client's name.
///
/// One request is one method of authentication, sent once. It is made again in two cases only, in which the
/// authorization server has said that it did nothing: with the client's next secret after `invalid_client`
/// (security case R14), and with the nonce that a proof lacked (RFC 9449 §8; F25), once.
struct ProviderCalls: Sendable {
    let exchange: any HTTPExchange
    let registrations: Registrations
    let nonces: ProofNonces
    let clock: any BrokerClock
    let random: any RandomSource

    struct Answer: Sendable {
        let response: EndpointResponse
        /// When the request that was answered left: lifetimes count from here.
        let sentAt: Timestamp
    }

    /// - Parameters:
    ///   - proofKey: the key that the tokens are bound to; nil for bearer tokens.
    ///   - deadline: for all of it together.
    ///   - make: builds the request anew for each try.
    func send(
        _ registration: Registration, proofKey: SigningKey?, within deadline: Duration,
        _ make: (Client, Freshness) throws -> EndpointRequest
    ) async throws -> Answer {
        let began = clock.now
        var place = 0
        var hasAnsweredNonce = false
        while true {
            let candidate = registration.candidates[place]
            let sentAt = clock.now
            var request = try make(candidate.client, random.freshness(at: clock.wall))
            if let proofKey {
                request.prove(
                    with: proofKey, nonce: await nonces.nonce(for: registration.nonceScope),
                    freshness: random.freshness(at: clock.wall))
            }
            let response = try await exchange.send(request, within: max(deadline - sentAt.since(began), .seconds(1)))
            if proofKey != nil {
                let nonce = DPoPProof.nonce(in: response)
                if let nonce { await nonces.remember(nonce, for: registration.nonceScope) }
                if nonce != nil, !hasAnsweredNonce, DPoPProof.wantsNonce(response) {
                    hasAnsweredNonce = true
                    continue
                }
            }
            let isInvalidClient = OAuthError.code(in: response) == "invalid_client"
            registration.trial?.answered(by: candidate.number, isInvalidClient: isInvalidClient)
            if isInvalidClient {
                if place + 1 < registration.candidates.count {
                    place += 1
                    continue
                }
            } else if place > 0, registration.trial == nil {
                await registrations.remember(candidate.number, of: registration.id)
            }
            return Answer(response: response, sentAt: sentAt)
        }
    }
}

/// The nonces that servers gave last (RFC 9449 §8 and §9), by authorization server or by a resource's origin; a thousand at
/// most.
actor ProofNonces {
    private var known: [String: String] = [:]

    func nonce(for server: String) -> String? { known[server] }

    func remember(_ nonce: String, for server: String) {
        if known.count >= 1000, known[server] == nil { known.removeAll() }
        known[server] = nonce
    }
}

extension Registration {
    /// Tenants of one host are authorization servers of their own, with nonces of their own.
    fileprivate var nonceScope: String { server.issuer ?? server.tokenEndpoint?.string ?? provider.name }
}

extension EndpointURL {
    /// Scheme, host and port.
    var origin: String {
        let host = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(host):\(port ?? (isSecure ? 443 : 80))"
    }
}
