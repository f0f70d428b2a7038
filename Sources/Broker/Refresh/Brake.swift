/// Keeps from asking again and again what just failed: a circuit breaker, as a value. After the pause one request goes
/// through to see, and the others wait for what becomes of it.
struct Brake: Sendable, Equatable {
    /// So many failures in a row close it.
    let threshold: Int
    /// The first pause; each failure after it doubles the next, up to `longest`.
    let first: Duration
    let longest: Duration

    private var failures = 0
    private var until: Timestamp?
    private var probeUntil: Timestamp?
    private(set) var reason = ""

    init(threshold: Int, first: Duration, longest: Duration) {
        self.threshold = threshold
        self.first = first
        self.longest = longest
    }

    /// A host that does not answer, or answers with its own trouble.
    static let host = Brake(threshold: 5, first: .seconds(1), longest: .seconds(300))

    /// A client that the provider refuses (security case R13). Twice in a row, and nobody taken between: then it is the
    /// client, and not one connection whose end some providers word as its.
    static func client(_ pause: Duration) -> Brake { Brake(threshold: 2, first: pause, longest: pause) }

    /// nil: go; else not before then.
    /// - Parameter probe: how long one that goes through to see may take.
    mutating func wait(at now: Timestamp, probe: Duration) -> Timestamp? {
        guard let until else { return nil }
        if now < until { return until }
        if let probeUntil, now < probeUntil { return probeUntil }
        probeUntil = now + probe
        return nil
    }

    mutating func failed(at now: Timestamp, reason: String) {
        self.reason = reason
        failures += 1
        probeUntil = nil
        guard failures >= threshold else { return }
        var pause = first
        for _ in 0..<min(failures - threshold, 20) where pause < longest { pause *= 2 }
        until = now + min(pause, longest)
    }

    mutating func succeeded() {
        failures = 0
        until = nil
        probeUntil = nil
    }
}

/// Turns at a host, evenly apart: a value. A turn that nobody took is not made up for, so no second has more than the
/// rate.
struct Turns: Sendable, Equatable {
    /// In microseconds since 1970: a rate of 400 is a turn every 2.5 milliseconds.
    private var next: Int64 = 0

    /// The moment from which the next in line may begin.
    /// - Parameter rate: at least one.
    mutating func take(at now: Timestamp, perSecond rate: Int) -> Timestamp {
        let turn = max(next, now.milliseconds * 1000)
        next = turn + (1_000_000 + Int64(rate) - 1) / Int64(rate)
        return Timestamp(milliseconds: (turn + 999) / 1000)
    }

    /// Whether one that comes now need not wait.
    func isOver(at now: Timestamp) -> Bool { next <= now.milliseconds * 1000 }
}
