import OAuth

/// The brakes of all hosts and clients, and the places at each host: what refreshes in the background take before they begin.
actor Brakes {
    private let clock: any BrokerClock
    private let policy: RefreshPolicy
    private var hosts: [String: Brake] = [:]
    private var clients: [ClientID: Brake] = [:]

    private struct Gate {
        var running = 0
        var turns = Turns()
        var queue: [(id: ConnectionID, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private var gates: [String: Gate] = [:]
    private var isOpen = false
    /// Somebody waits for these: they wait for nobody's turn.
    private var hurried: Set<ConnectionID> = []
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
    /// - Returns: whether it had to wait, so that what was known before may have changed.
    func enter(_ host: String, _ id: ConnectionID) async -> Bool {
        waiting += 1
        defer { waiting -= 1 }
        var hasWaited = false
        while !isOpen, !hurried.contains(id), gates[host, default: Gate()].running >= policy.concurrencyPerHost {
            hasWaited = true
            await withCheckedContinuation { gates[host, default: Gate()].queue.append((id, $0)) }
        }
        gates[host, default: Gate()].running += 1
        guard policy.ratePerHost > 0 else { return hasWaited }
        let turn = gates[host, default: Gate()].turns.take(at: clock.now, perSecond: policy.ratePerHost)
        // Those that have a place sleep for their turn, so there are few of them.
        while !isOpen, !hurried.contains(id), clock.now < turn {
            hasWaited = true
            try? await clock.sleep(for: min(turn.since(clock.now), .milliseconds(100)))
        }
        return hasWaited
    }

    /// A caller waits for this one: if it waits for a turn, or is about to, it waits no longer.
    func hurry(_ id: ConnectionID) {
        hurried.insert(id)
        for host in gates.keys {
            guard let place = gates[host]?.queue.firstIndex(where: { $0.id == id }) else { continue }
            gates[host]?.queue.remove(at: place).continuation.resume()
        }
    }

    /// It has come to its end.
    func forget(_ id: ConnectionID) {
        hurried.remove(id)
    }

    /// The end is near: nobody waits any longer.
    func open() {
        isOpen = true
        for host in gates.keys {
            for one in gates[host]?.queue ?? [] { one.continuation.resume() }
            gates[host]?.queue = []
        }
    }

    func leave(_ host: String) {
        guard var gate = gates[host] else { return }
        gate.running -= 1
        let next = gate.queue.isEmpty ? nil : gate.queue.removeFirst()
        let isIdle = gate.running == 0 && gate.queue.isEmpty && next == nil && gate.turns.isOver(at: clock.now)
        gates[host] = isIdle ? nil : gate
        next?.continuation.resume()
    }
}
