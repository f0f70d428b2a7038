import OAuth

/// The brakes of all hosts and clients, and the places at each host: what refreshes in the background take before they begin.
actor Brakes {
    private let clock: any BrokerClock
    private let policy: RefreshPolicy
    private var hosts: [String: Brake] = [:]
    private var clients: [ClientID: Brake] = [:]

    private struct Gate {
        var running = 0
        var nextAt = Timestamp(milliseconds: 0)
        var queue: [CheckedContinuation<Void, Never>] = []
    }

    private var gates: [String: Gate] = [:]
    private var isOpen = false
    /// Refreshes that wait for a place or for their turn.
    private(set) var waiting = 0

    init(clock: any BrokerClock, policy: RefreshPolicy) {
        self.clock = clock
        self.policy = policy
    }

    // MARK: Brakes

    enum Hold: Sendable, Equatable {
        case host(until: Timestamp)
        case client(until: Timestamp, reason: String)
    }

    /// nil: nothing is in the way.
    func hold(host: String, client: ClientID) -> Hold? {
        if let until = clients[client]?.wait(at: clock.now, probe: policy.lease) {
            return .client(until: until, reason: clients[client]?.reason ?? "")
        }
        return hosts[host]?.wait(at: clock.now, probe: policy.lease).map { .host(until: $0) }
    }

    /// What became of a request.
    func record(_ verdict: TokenVerdict, remedies: ErrorMap, host: String, client: ClientID) {
        switch verdict {
        case .unavailable(let status, _) where status != 429: failed(host: host)
        case .refused(let error):
            hosts[host]?.succeeded()
            // Of what is wrong with a registration, these are wrong for every connection of it.
            guard error.remedy(remedies) == .administrator,
                ["invalid_client", "unauthorized_client"].contains(error.code) || Self.isOfClient(error)
            else { break }
            clients[client, default: .client(policy.configurationRetry)].failed(at: clock.now, reason: error.code)
        case .granted:
            hosts[host] = nil
            clients[client] = nil
        case .malformed, .unavailable: break
        }
    }

    /// No answer at all.
    func failed(host: String) {
        hosts[host, default: .host].failed(at: clock.now, reason: "provider_unavailable")
    }

    /// A client whose registration was mended is tried at once.
    func release(_ client: ClientID) {
        clients[client] = nil
    }

    private static func isOfClient(_ error: OAuthError) -> Bool {
        error.code.contains("client") || error.code == "application_suspended"
    }

    // MARK: Places

    /// Takes a place at a host, in turn: so many at once, and so many a second, as the policy says.
    func enter(_ host: String) async {
        waiting += 1
        defer { waiting -= 1 }
        while !isOpen, gates[host, default: Gate()].running >= policy.concurrencyPerHost {
            await withCheckedContinuation { gates[host, default: Gate()].queue.append($0) }
        }
        gates[host, default: Gate()].running += 1
        guard policy.ratePerHost > 0 else { return }
        let now = clock.now
        let turn = max(gates[host]?.nextAt ?? now, now)
        gates[host]?.nextAt = turn + .milliseconds(max(1, 1000 / policy.ratePerHost))
        while !isOpen, clock.now < turn { try? await clock.sleep(for: min(turn.since(clock.now), .seconds(1))) }
    }

    /// The end is near: nobody waits any longer.
    func open() {
        isOpen = true
        for host in gates.keys {
            for one in gates[host]?.queue ?? [] { one.resume() }
            gates[host]?.queue = []
        }
    }

    func leave(_ host: String) {
        guard var gate = gates[host] else { return }
        gate.running -= 1
        let next = gate.queue.isEmpty ? nil : gate.queue.removeFirst()
        let isIdle = gate.running == 0 && gate.queue.isEmpty && next == nil && gate.nextAt <= clock.now
        gates[host] = isIdle ? nil : gate
        next?.resume()
    }
}
