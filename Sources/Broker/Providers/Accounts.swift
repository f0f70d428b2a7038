import HTTPTypes
import Logging
import OAuth
import ProviderProfiles

/// Whose account a grant is for.
struct Account: Sendable, Hashable {
    /// Beyond doubt, and for comparing alone: the issuer and its subject.
    let key: String
    /// As people know it.
    let name: String

    /// Whether an account is the one that a connection has: to the letter, so that no two subjects are one.
    static func isSame(_ key: String, as account: Account?) -> Bool {
        account.map { isSameText($0.key, key) } ?? false
    }

    /// Begins the keys of accounts that no ID token named.
    static let mark = "id:"
}

/// Finds out whose account a token response is for: by its ID token (OpenID Connect Core §3.1.3.7), or by asking where
/// the profile says.
struct Accounts: Sendable {
    let metadata: PublishedMetadata
    let exchange: any HTTPExchange
    let clock: any BrokerClock
    let random: any RandomSource
    let nonces: ProofNonces
    let logger: Logger

    enum Verdict: Sendable {
        /// nil when nobody says.
        case account(Account?)
        /// What came must not be used.
        case refused(reason: String)
        /// It cannot be judged now.
        case unavailable(reason: String)
    }

    private static let patience: Duration = .seconds(10)

    /// - Parameters:
    ///   - nonce: what the authorization request said; nil at a refresh.
    ///   - code: what the response was exchanged for, for `c_hash`.
    func account(
        of response: TokenResponse, _ registration: Registration, scopes: [String], nonce: String?, code: Secret?,
        proofKey: SigningKey?
    ) async -> Verdict {
        let identity = registration.provider.identity
        var found: Account?
        var subject: String?
        // An ID token nobody asked for says nothing that is used.
        if let idToken = response.idToken, scopes.contains("openid") || identity?.source == .idToken {
            switch await judge(idToken, response, registration, nonce: nonce, code: code) {
            case .valid(let claims):
                subject = claims.subject
                found = Self.account(claims, identity)
            case .refused(let reason): return .refused(reason: reason)
            case .unavailable(let reason): return .unavailable(reason: reason)
            case .unjudged: break
            }
        }
        switch identity?.source {
        case nil, .idToken?: return .account(found)
        case .tokenResponse?:
            return .account(Self.account(response.additional, identity, issuer: registration.issuerName))
        case .userinfo?:
            guard let endpoint = registration.server.userinfoEndpoint else { return .account(found) }
            return await asked(endpoint, response, registration, proofKey, subject: subject, isUserinfo: true)
        case .endpoint(let endpoint)?:
            return await asked(endpoint, response, registration, proofKey, subject: nil, isUserinfo: false)
        }
    }

    // MARK: ID token

    private enum TokenVerdict {
        case valid(IDToken.Claims)
        case refused(String)
        case unavailable(String)
        /// There is no issuer or no key set to judge it by, so nothing it says is used.
        case unjudged
    }

    private func judge(
        _ token: Secret, _ response: TokenResponse, _ registration: Registration, nonce: String?, code: Secret?
    ) async -> TokenVerdict {
        guard let jwks = registration.server.jwksURI,
            let issuers = registration.issuers(of: token)
        else { return .unjudged }
        var isSecondTry = false
        while true {
            let keys: JSONWebKeySet
            do {
                keys = try await metadata.keys(at: jwks, unknownKey: isSecondTry)
            } catch {
                // Keys that are nonsense are as good as none: nothing signed by them can be believed.
                let why = error.detail.hasSuffix(".") ? String(error.detail.dropLast()) : error.detail
                return error.actor == .nobody ? .unavailable(why) : .refused(why)
            }
            var expected = IDToken.Expectation(
                issuers: issuers, clientID: registration.client.id, keys: keys, now: Int(clock.wall.seconds))
            expected.algorithms = SignatureAlgorithm.allowed(
                supported: registration.server.idTokenSigningAlgValuesSupported)
            expected.clientSecret = registration.client.authentication.secret
            expected.nonce = nonce.map { Secret($0) }
            expected.accessToken = response.accessToken
            expected.code = code
            let verdict = IDToken.judge(token, expecting: expected)
            switch verdict {
            case .valid(let claims): return .valid(claims)
            case .invalid(let reason): return .refused("its ID token is not what it must be: \(reason)")
            // Rotated since we looked (OpenID Connect Core §10.1.1): once more, with the keys of now.
            case .unknownKey where !isSecondTry: isSecondTry = true
            case .unknownKey: return .refused("its ID token is signed with a key that the provider does not publish")
            }
        }
    }

    private static func account(_ claims: IDToken.Claims, _ identity: Provider.Identity?) -> Account {
        let name = identity?.name(in: .object(claims.all))
        return Account(
            key: "\(claims.issuer) \(claims.subject)",
            name: bounded(name ?? claims.email ?? claims.preferredUsername ?? claims.name ?? claims.subject))
    }

    private static func account(
        _ members: JSONObject, _ identity: Provider.Identity?, issuer: String
    ) -> Account? {
        guard let id = identity?.id(in: .object(members)) else { return nil }
        return Account(key: "\(Account.mark)\(issuer) \(id)", name: identity?.name(in: .object(members)) ?? id)
    }

    private static func bounded(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(255).map {
                $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : Character($0)
            })
    }

    // MARK: Asking

    /// - Parameter subject: what the ID token said, which userinfo must say too (OpenID Connect Core §5.3.2).
    private func asked(
        _ endpoint: EndpointURL, _ response: TokenResponse, _ registration: Registration, _ proofKey: SigningKey?,
        subject: String?, isUserinfo: Bool
    ) async -> Verdict {
        do {
            let answer = try await ask(endpoint, response, registration, proofKey, asApplied: !isUserinfo)
            switch UserInfo.judge(answer, expectsSubject: isUserinfo) {
            case .claims(let members, let said):
                if let subject, let said, !isSameText(subject, said) {
                    return .refused(reason: "ID token and userinfo speak of two accounts")
                }
                let identity = registration.provider.identity
                return .account(Self.account(members, identity, issuer: registration.issuerName))
            case .refused(let status):
                return .refused(reason: "the provider does not take the token it gave (\(status))")
            case .malformed(let reason): return .refused(reason: "its identity cannot be read: \(reason)")
            case .unavailable(let status): return .unavailable(reason: "status \(status)")
            }
        } catch {
            return .unavailable(reason: "\(error)")
        }
    }

    // MARK: Asking further

    enum FollowUp: Sendable {
        /// By the names that they are kept under; empty where the profile asks for nothing.
        case found([String: String])
        case failed(reason: String)
    }

    /// What the profile keeps of one more answer of the provider's.
    func followUp(
        _ response: TokenResponse, _ registration: Registration, proofKey: SigningKey?
    ) async -> FollowUp {
        guard let endpoint = registration.provider.followUp else { return .found([:]) }
        do {
            let answer = try await ask(endpoint, response, registration, proofKey, asApplied: true)
            guard let value = answer.followUpValue else {
                return .failed(reason: "status \(answer.status), or no JSON")
            }
            var attributes: [String: String] = [:]
            for capture in registration.provider.capture {
                if let text = capture.value(inFollowUp: value), text.utf8.count <= 4096 {
                    attributes[capture.name] = text
                }
            }
            return .found(attributes)
        } catch {
            return .failed(reason: "\(error)")
        }
    }

    /// Once more with the nonce that a resource server asks for (RFC 9449 §9), and never a third time.
    private func ask(
        _ endpoint: EndpointURL, _ response: TokenResponse, _ registration: Registration, _ proofKey: SigningKey?,
        asApplied: Bool
    ) async throws -> EndpointResponse {
        var isSecondTry = false
        while true {
            let request = await request(to: endpoint, response, registration, proofKey, asApplied: asApplied)
            let answer = try await exchange.send(request, within: Self.patience)
            guard request.headerFields[DPoPProof.field] != nil, let nonce = DPoPProof.nonce(in: answer) else {
                return answer
            }
            await nonces.remember(nonce, for: endpoint.origin)
            guard !isSecondTry, DPoPProof.wantsNonce(answer) else { return answer }
            isSecondTry = true
        }
    }

    /// - Parameter asApplied: as the profile's `apply` says, and not as OpenID Connect does.
    private func request(
        to endpoint: EndpointURL, _ response: TokenResponse, _ registration: Registration, _ proofKey: SigningKey?,
        asApplied: Bool
    ) async -> EndpointRequest {
        var request = UserInfo.request(
            at: endpoint, accessToken: response.accessToken, tokenType: response.tokenType)
        if asApplied,
            let applied = try? registration.provider.apply.render([
                "access_token": response.accessToken.reveal(), "token_type": response.tokenType,
            ]).get()
        {
            // Where the token has a place of its own, it does not stand in Authorization besides.
            let isBound = response.tokenType == "DPoP"
            if !isBound, !applied.headers.contains(where: { $0.0.lowercased() == "authorization" }) {
                request.headerFields[.authorization] = nil
            }
            for (name, value) in applied.headers {
                // A bound token goes by its own scheme, whatever the profile says of bearers (RFC 9449 §7.1).
                guard let field = HTTPField.Name(name), !isBound || field != .authorization else { continue }
                request.headerFields[field] = value
            }
            if let url = try? EndpointURL(endpoint.appending(Parameters(applied.query))) { request.url = url }
        }
        if response.tokenType == "DPoP", let proofKey {
            request.prove(
                with: proofKey, nonce: await nonces.nonce(for: endpoint.origin), accessToken: response.accessToken,
                freshness: random.freshness(at: clock.wall))
        }
        return request
    }
}

extension Registration {
    /// What stands for the issuer where there is none.
    var issuerName: String { server.issuer ?? provider.name }

    /// Who may have issued this ID token: the server's own issuer, or those the profile names; nil when nobody can say.
    fileprivate func issuers(of token: Secret) -> [String]? {
        let claims = IDToken.unverifiedClaims(token)
        let named = provider.idTokenIssuers { name in
            if case .string(let value)? = claims?[name] { value } else { nil }
        }
        // A profile whose issuers need a claim that is not there names nobody, and then nobody may have issued it.
        return named.isEmpty && !provider.namesIDTokenIssuers ? nil : named
    }
}
