import Broker
import Foundation
import Sealing

/// The host's wall clock.
struct SystemClock: BrokerClock {
    var now: Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }
}

/// The cryptographic random number generator of the system's OpenSSL.
struct SystemRandom: RandomSource {
    func bytes(_ count: Int) -> [UInt8] { randomBytes(count) }
}
