import OAuth
import ProviderProfiles
import Sealing

extension Refresher {
    /// What a call to the token endpoint brought.
    struct Called: Sendable {
        let registration: Registration
        let verdict: TokenVerdict
        let sentAt: Timestamp
        let scopes: [String]
        let proofKey: SigningKey?
        let occasion: GrantUpdate.Occasion
    }

    /// Nothing was sent: the host or the client is known not to answer.
    struct Braked: Error {
        let hold: Brakes.Hold
        let verdict: RefreshVerdict
    }

    /// Asks for the next credential, unless a brake is in the way; an administrator's word goes past it.
    nonisolated func call(for claimed: StoredConnection, _ occasion: RefreshOccasion) async throws -> Called {
        let registration = try await registrations.registration(of: claimed.connection)
        let dialect = registration.provider.dialect
        let host = (dialect.refreshEndpoint ?? registration.server.tokenEndpoint)?.origin ?? registration.provider.name
        if case .forced = occasion {
        } else if let hold = await brakes.hold(host: host, client: registration.id) {
            switch hold {
            case .host: throw Braked(hold: hold, verdict: .transient(reason: "provider_unavailable", retryAfter: nil))
            case .client(_, let reason): throw Braked(hold: hold, verdict: .configuration(reason: reason))
            }
        }
        do {
            let called = try await call(for: claimed, registration)
            await brakes.record(
                called.verdict, remedies: registration.provider.remedies, host: host, client: registration.id)
            return called
        } catch let failure as ExchangeFailure {
            if failure.code != .clientKeyUnusable, failure.code != .addressRefused { await brakes.failed(host: host) }
            throw failure
        }
    }

    /// By refresh token, or by the same grant once more.
    private nonisolated func call(
        for claimed: StoredConnection, _ registration: Registration
    ) async throws -> Called {
        let dialect = registration.provider.dialect
        let refreshToken = try sealing.refreshToken(of: claimed)
        let scopes = registration.scopes(of: claimed.connection)
        let isRefresh = refreshToken != nil
        let endpoint =
            isRefresh ? dialect.refreshEndpoint ?? registration.server.tokenEndpoint : registration.server.tokenEndpoint
        guard let endpoint else {
            throw BrokerError(
                .internalError, "The provider has no token endpoint.", actor: .administrator, reason: "no_endpoint")
        }
        let proofKey = try proofKey(of: claimed, registration)
        let begin = try beginning(of: claimed, registration, refreshToken, scopes: scopes)
        let context = TokenRequest.Context(redirectURI: registrations.redirectURI(of: registration.id), scope: scopes)
        let isCall =
            !isRefresh && claimed.connection.grantType == .jwtBearer
            && registration.provider.jwtBearer(clientID: registration.client.id)?.sending == .bearer
        let answer = try await calls.send(registration, proofKey: proofKey, within: policy.callDeadline) {
            client, freshness in
            // A grant that is a JWT has a `jti` of its own: servers refuse to see one twice (RFC 7523 §3).
            let grant = try begin(random.freshness(at: clock.wall))
            if isCall, let assertion = grant["assertion"] {
                return JWTBearerGrant.call(assertion: Secret(assertion), at: endpoint, dialect: dialect)
            }
            return TokenRequest.make(
                grant, at: endpoint, client: client, dialect: dialect, purpose: isRefresh ? .refresh : .grant,
                freshness: freshness, context: context)
        }
        let subject = try sealing.subject(id: claimed.id, grant: claimed.grant)
        var types = proofKey == nil ? TokenTypes.bearer : .dpop
        if claimed.connection.grantType == .tokenExchange, !isRefresh { types = types.union(.notApplicable) }
        return Called(
            registration: registration,
            verdict: TokenResponse.judge(answer.response, dialect: dialect, accepting: types)
                .hiding(registration.secrets + [refreshToken, subject?.token, subject?.actor].compactMap(\.self)),
            sentAt: answer.sentAt,
            scopes: scopes, proofKey: proofKey, occasion: isRefresh ? .refresh : .reissue)
    }

    /// The key of the grant; for one that needs nobody, a new one where there is none yet.
    private nonisolated func proofKey(
        of claimed: StoredConnection, _ registration: Registration
    ) throws -> SigningKey? {
        if let kept = try sealing.proofKey(id: claimed.id, grant: claimed.grant) {
            return try SigningKey(serialized: kept)
        }
        return claimed.isReissuable && registration.isDPoPBound ? .generateES256() : nil
    }

    /// The grant's own parameters, made anew for each try: an assertion is never sent twice (security case F26).
    private nonisolated func beginning(
        of claimed: StoredConnection, _ registration: Registration, _ refreshToken: Secret?, scopes: [String]
    ) throws -> (Freshness) throws -> Parameters {
        let separator = registration.provider.dialect.scopeSeparator
        let resources = claimed.connection.resources
        if let refreshToken {
            // Scope is left out: the authorization server then renews what it granted (RFC 6749 §6).
            var parameters = RefreshTokenGrant.parameters(refreshToken: refreshToken, scope: [])
            for resource in resources { parameters.append("resource", resource) }
            return { [parameters] _ in parameters }
        }
        switch claimed.connection.grantType {
        case .clientCredentials:
            let parameters = ClientCredentialsGrant.parameters(
                scope: scopes, separator: separator, resource: resources)
            return { _ in parameters }
        case .jwtBearer:
            let assertion = try assertion(registration, scopes: scopes)
            let isClaim = registration.provider.jwtBearer(clientID: registration.client.id)?.scopeIn == .claim
            return { freshness in
                JWTBearerGrant.parameters(
                    assertion: assertion(freshness), scope: isClaim ? [] : scopes, separator: separator,
                    resource: resources)
            }
        case .tokenExchange:
            guard let subject = try sealing.subject(id: claimed.id, grant: claimed.grant) else { break }
            if registration.provider.dialect.exchangesOnBehalfOf {
                let parameters = TokenExchangeGrant.onBehalfOf(
                    assertion: subject.token, scope: scopes, separator: separator)
                return { _ in parameters }
            }
            let parameters = TokenExchangeGrant.parameters(
                subjectToken: subject.token, subjectTokenType: subject.type, actorToken: subject.actor,
                actorTokenType: subject.actorType, resource: resources, scope: scopes, separator: separator)
            return { _ in parameters }
        case .authorizationCode, .deviceCode, .refreshToken: break
        }
        throw BrokerError.internalError("A connection with nothing to renew was claimed.")
    }

    /// The assertion by which the client speaks for somebody, or for itself (RFC 7523 §2.1 and §3).
    private nonisolated func assertion(
        _ registration: Registration, scopes: [String]
    ) throws -> (Freshness) -> Secret {
        guard let signer = registration.signer else {
            throw BrokerError(
                .invalidRequest,
                "The client \(registration.id) has no key to sign with. Add it: credence clients secret add \(registration.id) --key-file FILE",
                actor: .administrator, reason: "no_client_key")
        }
        let provider = registration.provider
        let clientID = registration.client.id
        let jwtBearer = provider.jwtBearer(clientID: clientID)
        guard
            let audience = jwtBearer?.audience ?? registration.server.issuer
                ?? registration.server.tokenEndpoint?.string
        else {
            throw BrokerError(
                .internalError, "The provider has no token endpoint.", actor: .administrator, reason: "no_endpoint")
        }
        var claims = JSONObject([("iss", .string(jwtBearer?.issuer ?? clientID))])
        claims["sub"] = jwtBearer?.subject.map { .string($0) }
        // Who is called himself needs no name for it.
        if jwtBearer?.sending != .bearer || jwtBearer?.audience != nil { claims["aud"] = .string(audience) }
        if jwtBearer?.scopeIn == .claim, !scopes.isEmpty {
            claims["scope"] = .string(scopes.joined(separator: provider.dialect.scopeSeparator))
        }
        let headers = provider.dialect.assertionCertificateHeaders
        let lifetime = jwtBearer?.lifetime ?? ClientAssertion.usualLifetime
        return { [claims] freshness in
            ClientAssertion.make(
                claims, signer: signer, certificateHeaders: headers, lifetime: lifetime, freshness: freshness)
        }
    }
}
