import Broker
import Foundation
import Sealing

/// The host's clocks.
struct SystemClock: BrokerClock {
    private let time = ProcessTime()
    private let start = ContinuousClock.now

    var now: Timestamp { time.now(wall: wall, elapsed: elapsed) }

    var wall: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    /// `ContinuousClock` reads CLOCK_BOOTTIME.
    var elapsed: Duration { start.duration(to: .now) }

    func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }
}

/// The cryptographic random number generator of the system's OpenSSL.
struct SystemRandom: RandomSource {
    func bytes(_ count: Int) -> [UInt8] { randomBytes(count) }
}
