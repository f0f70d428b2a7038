import OAuth

/// What authorization servers publish of themselves: their metadata (RFC 8414, OpenID Connect Discovery) and their keys
/// (RFC 7517 §5). Fetched once for all who ask, kept for an hour, bounded.
actor PublishedMetadata {
    private let exchange: any HTTPExchange
    private let clock: any BrokerClock
    private let allowHTTP: Bool

    /// An issuer has two documents, and they need not say the same: which one leads is part of the name.
    private struct Document: Hashable {
        let issuer: String
        let isOpenID: Bool
    }

    private var servers: [Document: (value: AuthorizationServer, at: Timestamp)] = [:]
    private var discoveries: [Document: Task<Result<AuthorizationServer, BrokerError>, Never>] = [:]
    private var keySets: [EndpointURL: (value: JSONWebKeySet, at: Timestamp)] = [:]
    private var fetches: [EndpointURL: Task<Result<JSONWebKeySet, BrokerError>, Never>] = [:]

    private static let lifetime: Duration = .seconds(3600)
    /// How long a key set is not asked for again because a token names a key that is not in it: whoever sends such
    /// tokens must not make us hammer the provider.
    private static let keyCoolDown: Duration = .seconds(30)
    /// Of each kind.
    private static let limit = 1000

    init(exchange: any HTTPExchange, clock: any BrokerClock, allowHTTP: Bool) {
        self.exchange = exchange
        self.clock = clock
        self.allowHTTP = allowHTTP
    }

    // MARK: Metadata

    /// - Parameter prefersOpenID: whether the document of OpenID Connect is asked for first.
    func server(_ issuer: String, prefersOpenID: Bool) async throws(BrokerError) -> AuthorizationServer {
        let document = Document(issuer: issuer, isOpenID: prefersOpenID)
        if let known = servers[document], clock.now.since(known.at) < Self.lifetime { return known.value }
        let task =
            discoveries[document]
            ?? Task { [exchange, allowHTTP] in
                await Self.discover(issuer, prefersOpenID: prefersOpenID, allowHTTP: allowHTTP, by: exchange)
            }
        discoveries[document] = task
        let result = await task.value
        discoveries[document] = nil
        switch result {
        case .success(let server):
            if servers.count >= Self.limit { servers.removeAll() }
            servers[document] = (server, clock.now)
            return server
        case .failure(let error):
            // What was true an hour ago beats nothing while the provider's metadata is away.
            if let known = servers[document], error.code == .providerUnavailable {
                // Asked again in a minute: until then nobody else waits for metadata that is away.
                servers[document] = (known.value, clock.now - (Self.lifetime - .seconds(60)))
                return known.value
            }
            throw error
        }
    }

    // MARK: Keys

    /// The key set; at most as old as the lifetime, and while the server is away as old as it must be.
    /// - Parameter unknownKey: whether a token names a key that is not in the set: then it is fetched anew, once in a
    ///   cool-down (rotation, OpenID Connect Core §10.1.1).
    func keys(at url: EndpointURL, unknownKey: Bool = false) async throws(BrokerError) -> JSONWebKeySet {
        if let known = keySets[url] {
            let age = clock.now.since(known.at)
            if age < (unknownKey ? Self.keyCoolDown : Self.lifetime) { return known.value }
        }
        let task = fetches[url] ?? Task { [exchange] in await Self.fetchKeys(at: url, by: exchange) }
        fetches[url] = task
        let result = await task.value
        fetches[url] = nil
        switch result {
        case .success(let keys):
            if keySets.count >= Self.limit { keySets.removeAll() }
            keySets[url] = (keys, clock.now)
            return keys
        case .failure(let error):
            // Security case I27: while the server is away, the keys it had are the keys it has.
            if let known = keySets[url] { return known.value }
            throw error
        }
    }

    private static func fetchKeys(
        at url: EndpointURL, by exchange: any HTTPExchange
    ) async -> Result<JSONWebKeySet, BrokerError> {
        do {
            switch JSONWebKeySet.judge(try await exchange.send(JSONWebKeySet.request(at: url), within: .seconds(10))) {
            case .keys(let keys): return .success(keys)
            case .unavailable(let status): return .failure(.noKeys("status \(status)", .nobody))
            case .malformed(let reason): return .failure(.noKeys(reason, .administrator))
            }
        } catch {
            return .failure(.noKeys(error.code.rawValue, error.code == .addressRefused ? .administrator : .nobody))
        }
    }

    private static func discover(
        _ issuer: String, prefersOpenID: Bool, allowHTTP: Bool, by exchange: any HTTPExchange
    ) async -> Result<AuthorizationServer, BrokerError> {
        let requests: [EndpointRequest]
        do {
            requests = try Discovery.requests(issuer: issuer, prefersOpenID: prefersOpenID, allowHTTP: allowHTTP)
        } catch {
            return .failure(.invalid("The issuer is not a URL that can be asked: \(error)", field: "issuer"))
        }
        var last = BrokerError(
            .providerUnavailable, "The issuer publishes no authorization server metadata.", actor: .administrator,
            reason: "no_metadata", retryAfter: 60)
        for (place, request) in requests.enumerated() {
            switch await read(request, of: issuer, allowHTTP: allowHTTP, by: exchange) {
            case .success(let found?):
                guard prefersOpenID, place == 0, found.mayBeSupplemented,
                    case .success(let other?) = await read(requests[1], of: issuer, allowHTTP: allowHTTP, by: exchange)
                else { return .success(found) }
                return .success(found.supplemented(by: other))
            case .success(nil): continue
            // RFC 8414 §3.3: an issuer whose metadata names another must not be used at all.
            case .failure(let error) where error.reason == "issuer_mismatch": return .failure(error)
            case .failure(let error): last = error
            }
        }
        return .failure(last)
    }

    /// One document; nil when it is not there.
    private static func read(
        _ request: EndpointRequest, of issuer: String, allowHTTP: Bool, by exchange: any HTTPExchange
    ) async -> Result<AuthorizationServer?, BrokerError> {
        do {
            let response = try await exchange.send(request, within: .seconds(10))
            switch Discovery.judge(response, issuer: issuer, allowHTTP: allowHTTP) {
            case .found(let server): return .success(server)
            case .absent: return .success(nil)
            case .mismatch:
                return .failure(
                    BrokerError(
                        .providerUnavailable, "The metadata names another issuer than the one configured.",
                        actor: .administrator, reason: "issuer_mismatch", retryAfter: 60))
            case .malformed(let reason):
                return .failure(
                    BrokerError(
                        .providerUnavailable, "The issuer's metadata cannot be read: \(reason)",
                        actor: .administrator, reason: "malformed_metadata", retryAfter: 60))
            }
        } catch {
            return .failure(
                BrokerError(
                    .providerUnavailable, "The issuer's metadata cannot be fetched (\(error.code.rawValue)).",
                    actor: error.code == .addressRefused ? .administrator : .nobody, reason: error.code.rawValue,
                    retryAfter: 10))
        }
    }
}

extension BrokerError {
    fileprivate static func noKeys(_ why: String, _ actor: Actor) -> BrokerError {
        BrokerError(
            .providerUnavailable, "The provider's keys cannot be had (\(why)).", actor: actor, reason: "no_keys",
            retryAfter: 10)
    }
}
