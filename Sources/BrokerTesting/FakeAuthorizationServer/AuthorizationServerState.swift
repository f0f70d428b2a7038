import Crypto
import OAuth

/// What the server knows and what its rules make of it. No sockets, no clock: every call is given the time.
struct AuthorizationServerState: Sendable {
    typealias Answer = FakeAuthorizationServer.Answer
    typealias Behaviour = FakeAuthorizationServer.Behaviour
    typealias Client = FakeAuthorizationServer.Client
    typealias Request = FakeAuthorizationServer.JournalEntry

    /// What one user allowed one client, with all the tokens that came of it.
    struct Grant: Sendable {
        let client: String
        let user: String
        var scope: [String]
        var isRevoked = false
        var origin = Origin()
        var refreshes = 0
    }

    /// How a grant came about.
    struct Origin: Sendable {
        /// The authorization request; empty where there was none.
        var authorization = Parameters()
        /// Where the user was.
        var host: String?
        var hasChallenge = false
        var isDevice = false
    }

    struct Code: Sendable {
        let client: String
        let user: String
        let scope: [String]
        /// As the authorization request had it: the token request must repeat it (RFC 6749 §4.1.3).
        let redirectURI: String?
        let challenge: String?
        let challengeMethod: String
        let expiresAt: Int
        /// For the ID token (OpenID Connect Core §3.1.2.1).
        let nonce: String?
        let origin: Origin
        /// What it was exchanged for.
        var grant: Int?
    }

    struct AccessToken: Sendable {
        let grant: Int
        let scope: [String]
        let issuedAt: Int
        var expiresAt: Int?
        var lifetime: Int?
        /// What the client said of itself in `claims`.
        var claims = ""
        var isRevoked = false
    }

    struct RefreshToken: Sendable {
        let grant: Int
        let serial: Int
        let expiresAt: Int?
        var replacedAt: Int?
        var isRevoked = false
    }

    /// A device authorization under way (RFC 8628).
    struct Device: Sendable {
        let client: String
        let scope: [String]
        let userCode: String
        let expiresAt: Int
        var interval: Int
        var polledAt: Int
        var user: String?
        var isDenied = false
    }

    /// Somebody who logged in and has not decided yet.
    struct Login: Sendable {
        let user: String
        let query: Parameters
    }

    var behaviour: Behaviour
    var users: [String: String]
    var decision: FakeAuthorizationServer.Decision = .ask
    /// Scheme, host and port, once the port is known.
    var origin = "http://127.0.0.1:0"
    var clients: [String: Client] = [:]
    var logins: [String: Login] = [:]
    var codes: [String: Code] = [:]
    var grants: [Grant] = []
    var accessTokens: [String: AccessToken] = [:]
    var refreshTokens: [String: RefreshToken] = [:]
    var devices: [String: Device] = [:]
    var pushed: [String: Parameters] = [:]
    /// Signs ID tokens.
    var signingKey = P256.Signing.PrivateKey()
    /// What assertions and proofs were seen: none counts twice.
    var seenTokens: Set<String> = []
    var counters = FakeAuthorizationServer.Counters()
    var refreshesUnderWay = 0
    /// How many requests with a refresh token are under way.
    var refreshTokensUnderWay: [String: Int] = [:]
    /// When things happened that are limited.
    var tally: [String: [Int]] = [:]
    /// When the request came that is being answered.
    var now = 0
    /// How far the journal was searched for unexpected requests.
    var acknowledged = 0

    init(behaviour: Behaviour, users: [String: String]) {
        self.behaviour = behaviour
        self.users = users
    }

    var issuer: String { origin + behaviour.paths.issuer }

    // MARK: Looking up

    /// Why a token does not open anything; nil for one that does.
    func fault(of token: String, now: Int) -> FakeAuthorizationServer.TokenFault? {
        guard let found = accessTokens[token] else { return .unknown }
        if found.isRevoked || grants[found.grant].isRevoked { return .revoked }
        return isInFuture(found.expiresAt, now: now) ? nil : .expired
    }

    func liveAccessToken(_ token: String, now: Int) -> AccessToken? {
        guard let found = accessTokens[token], !found.isRevoked, !grants[found.grant].isRevoked,
            isInFuture(found.expiresAt, now: now)
        else { return nil }
        return found
    }

    /// One that would be taken without being a replay.
    func liveRefreshToken(_ token: String, now: Int) -> RefreshToken? {
        guard let found = refreshTokens[token], !found.isRevoked, !grants[found.grant].isRevoked,
            isInFuture(found.expiresAt, now: now)
        else { return nil }
        if let replacedAt = found.replacedAt, behaviour.rotation != .rotateKeepingOld,
            now >= replacedAt + behaviour.rotationGrace
        {
            return nil
        }
        return found
    }

    func newestRefreshToken(user: String, client: String?, now: Int) -> String? {
        let live = refreshTokens.filter { token, found in
            let grant = grants[found.grant]
            return grant.user == user && (client == nil || grant.client == client) && found.replacedAt == nil
                && liveRefreshToken(token, now: now) != nil
        }
        return live.max { $0.value.serial < $1.value.serial }?.key
    }

    private func isInFuture(_ moment: Int?, now: Int) -> Bool {
        guard let moment else { return true }
        return now < moment
    }

    // MARK: Minting

    mutating func mintAccessToken(for grant: Int, scope: [String], expires: Bool, now: Int) -> String {
        let token = Self.token(behaviour.accessTokenPrefix, length: behaviour.accessTokenLength)
        let lifetime = expires ? behaviour.accessTokenLifetime : nil
        accessTokens[token] = AccessToken(
            grant: grant, scope: scope, issuedAt: now, expiresAt: lifetime.map { now + $0 }, lifetime: lifetime)
        counters.accessTokens += 1
        return token
    }

    mutating func mintRefreshToken(for grant: Int, now: Int) -> String {
        let token = behaviour.refreshTokenPrefix + Self.randomText()
        refreshTokens[token] = RefreshToken(
            grant: grant, serial: refreshTokens.count, expiresAt: behaviour.refreshTokenLifetime.map { now + $0 })
        return token
    }

    /// Writes down what a user allowed, and ends the oldest where that is one too many.
    mutating func open(_ grant: Grant) -> Int {
        grants.append(grant)
        counters.grants += 1
        guard let limit = behaviour.grantLimit else { return grants.count - 1 }
        let alike = grants.indices.filter { index in
            let other = grants[index]
            return !other.isRevoked && other.client == grant.client && other.user == grant.user
                && (!limit.perScope || Set(other.scope) == Set(grant.scope))
        }
        for index in alike.prefix(max(0, alike.count - limit.count)) { grants[index].isRevoked = true }
        return grants.count - 1
    }

    /// Whether something happened too often now, with this time.
    mutating func isTooOften(_ subject: FakeAuthorizationServer.RequestLimit.Subject, _ what: String) -> Bool {
        guard let limit = behaviour.requestLimits.first(where: { $0.subject == subject }) else { return false }
        let key = "\(subject) \(what)"
        let recent = (tally[key] ?? []).filter { $0 > now - limit.window } + [now]
        tally[key] = recent
        return recent.count > limit.count
    }

    mutating func revokeAccessTokens(of grant: Int) {
        for token in accessTokens.keys where accessTokens[token]?.grant == grant {
            accessTokens[token]?.isRevoked = true
        }
    }

    /// Ends a grant because a code or a refresh token of it came twice.
    mutating func endByReuse(_ grant: Int) {
        guard !grants[grant].isRevoked else { return }
        grants[grant].isRevoked = true
        counters.grantsEndedByReuse += 1
    }

    /// Unlike any other, and at least that long.
    static func token(_ prefix: String, length: Int) -> String {
        var token = prefix + randomText()
        let least = max(length, token.utf8.count)
        while token.utf8.count < least { token += randomText() }
        return String(token.prefix(least))
    }

    /// 128 random bits in hexadecimal.
    static func randomText() -> String {
        let words = [UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)]
        return words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
