public import Broker
internal import NIOSSL
public import OAuth

/// Sends requests out of the broker, to vetted addresses only.
///
/// The name is resolved once; all its addresses must pass the policy; the vetted ones are dialled, and TLS and the
/// `Host` field keep the name. So an answer of the name server that changes between the check and the call
/// changes nothing (N2). Proxy variables of the environment do not count.
public struct VettedExchange: HTTPExchange {
    private let policy: EgressPolicy
    private let resolver: any NameResolver
    private let tls: TLSConfiguration

    /// - Parameters:
    ///   - additionalTrustRoots: the path of a PEM file with the certificates of a private authority, trusted
    ///     beside the system's. There is no switch that turns verification off.
    /// - Throws: when that file cannot be read or holds no certificate.
    public init(
        policy: EgressPolicy, resolver: any NameResolver = SystemResolver(), additionalTrustRoots: String? = nil
    ) throws {
        self.policy = policy
        self.resolver = resolver
        tls = try TrustRoots.load(adding: additionalTrustRoots)
    }

    /// - Parameter deadline: covers resolving, connecting, TLS, the request and the answer to its last byte.
    /// - Throws: `.interrupted` also when the calling task is cancelled.
    public func send(
        _ request: EndpointRequest, within deadline: Duration
    ) async throws(ExchangeFailure) -> EndpointResponse {
        let end = ContinuousClock.now + deadline
        let progress = Progress()
        // AsyncHTTPClient's own time limit ends at the response head; this one ends a dripping body too (N15).
        let outcome = await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await attempt(request, before: end, progress: progress) }
            group.addTask {
                // Cancelled: the other task has the word.
                guard (try? await Task.sleep(until: end, clock: .continuous)) != nil else { return nil }
                return .failure(
                    ExchangeFailure(
                        .timedOut, detail: "\(request.url.host): no complete answer within \(deadline)",
                        mayHaveArrived: progress.giveUp()))
            }
            defer { group.cancelAll() }
            for await case let outcome? in group { return outcome }
            preconditionFailure("the exchange always has an outcome")
        }
        return try outcome.get()
    }

    private typealias Outcome = Result<EndpointResponse, ExchangeFailure>

    private func attempt(
        _ request: EndpointRequest, before end: ContinuousClock.Instant, progress: Progress
    ) async -> Outcome {
        do {
            let destination = try judged(request.url)
            let tls = try configuration(for: request, to: destination)
            let addresses = try await vettedAddresses(of: destination)
            return .success(
                try await dial(addresses, of: destination, with: request, tls: tls, before: end, progress: progress))
        } catch {
            return .failure(error)
        }
    }

    private func judged(_ url: EndpointURL) throws(ExchangeFailure) -> Destination {
        switch policy.judge(url) {
        case .accepted(let destination): return destination
        case .refused(let reason):
            throw ExchangeFailure(.addressRefused, detail: "\(url.host): \(reason)", mayHaveArrived: false)
        }
    }

    /// Each request presents its own certificate or none, and none over http: there it would be left out unsaid, and
    /// the authorization server would see a client that does not prove itself (RFC 8705 §2).
    private func configuration(
        for request: EndpointRequest, to destination: Destination
    ) throws(ExchangeFailure) -> TLSConfiguration {
        guard let key = request.clientKey else { return tls }
        do throws(UnusableClientKey) {
            guard destination.isSecure else { throw UnusableClientKey("a certificate is presented over https alone") }
            return try tls.presenting(key)
        } catch {
            throw ExchangeFailure(
                .clientKeyUnusable, detail: "\(request.url.host): the client's key: \(error.reason)",
                mayHaveArrived: false)
        }
    }

    /// Asks the resolver once, and nobody else afterwards.
    private func vettedAddresses(of destination: Destination) async throws(ExchangeFailure) -> [IPAddress] {
        guard case .name(let name) = destination.host else {
            guard case .address(let address) = destination.host else { return [] }
            return [address]
        }
        let addresses: [IPAddress]
        do {
            addresses = try await resolver.addresses(of: name)
        } catch {
            throw ExchangeFailure(.nameNotResolved, detail: "\(name): \(error)", mayHaveArrived: false)
        }
        guard !addresses.isEmpty else {
            throw ExchangeFailure(.nameNotResolved, detail: "\(name): no address", mayHaveArrived: false)
        }
        if let reason = policy.refusal(of: addresses) {
            throw ExchangeFailure(.addressRefused, detail: "\(name): \(reason)", mayHaveArrived: false)
        }
        return addresses
    }

    /// Dials one address after the other until a connection stands. Only an address that cannot be reached passes
    /// the request on: once a connection stood the request may have left, and it is never sent twice (N6).
    private func dial(
        _ addresses: [IPAddress], of destination: Destination, with request: EndpointRequest,
        tls: TLSConfiguration, before end: ContinuousClock.Instant, progress: Progress
    ) async throws(ExchangeFailure) -> EndpointResponse {
        let candidates = addresses.prefix(Self.maximumAttempts)
        for (index, address) in candidates.enumerated() {
            let isLast = index == candidates.count - 1
            let left = ContinuousClock.now.duration(to: end)
            let client = PinnedClient(destination: destination, address: address, tls: tls)
            do throws(ExchangeFailure) {
                return try await client.send(
                    request, connecting: isLast ? left : min(left, Self.patience), progress: progress)
            } catch {
                let isUnreachable = error.code == .connectionFailed || error.code == .timedOut
                guard !isLast, isUnreachable, !progress.mayHaveArrived, !Task.isCancelled else { throw error }
            }
        }
        preconditionFailure("there is at least one address, and the last one answers or fails")
    }

    private static let maximumAttempts = 4
    /// How long an address may stay silent while there is another to try.
    private static let patience = Duration.seconds(3)
}
