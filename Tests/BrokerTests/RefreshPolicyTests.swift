import OAuth
import Testing

@testable import Broker

struct RefreshPolicyTests {
    @Test(
        "The margin is a fifth of the lifetime, five minutes at most",
        arguments: [(3600, 300), (1500, 300), (300, 60), (10, 2)])
    func margin(lifetime: Int, expected: Int) {
        #expect(RefreshPolicy.margin(lifetime: .seconds(lifetime), configured: nil, fraction: 0) == .seconds(expected))
    }

    @Test("Chance takes up to a quarter of the margin away", arguments: [0, 0.5, 0.999_999])
    func jitter(fraction: Double) {
        let margin = RefreshPolicy.margin(lifetime: .seconds(3600), configured: nil, fraction: fraction)
        #expect(margin <= .seconds(300))
        #expect(margin >= .seconds(225))
        #expect(margin == .milliseconds(300_000 - Int(75_000 * fraction)))
    }

    @Test("A profile's margin takes the rule's place")
    func configured() {
        #expect(RefreshPolicy.margin(lifetime: .seconds(3600), configured: 900, fraction: 0) == .seconds(900))
    }

    @Test("R17: a profile's margin longer than the lifetime leaves half of it")
    func configuredTooLong() {
        #expect(RefreshPolicy.margin(lifetime: .seconds(300), configured: 900, fraction: 0) == .seconds(150))
    }

    @Test(
        "Without min_ttl, 30 seconds or a twentieth of the lifetime",
        arguments: [(3600, 30), (600, 30), (300, 15), (20, 1)])
    func defaultMinTTL(lifetime: Int, expected: Int) {
        #expect(RefreshPolicy.effectiveMinTTL(asked: nil, lifetime: .seconds(lifetime)) == .seconds(expected))
    }

    @Test(
        "R17: min_ttl is never more than four fifths of the lifetime",
        arguments: [(60, 60), (240, 240), (300, 240), (86_400, 240)])
    func askedMinTTL(asked: Int, expected: Int) {
        #expect(RefreshPolicy.effectiveMinTTL(asked: .seconds(asked), lifetime: .seconds(300)) == .seconds(expected))
    }

    @Test("An unknown lifetime is good for any min_ttl")
    func unknownLifetime() {
        #expect(RefreshPolicy.effectiveMinTTL(asked: .seconds(86_400), lifetime: nil) == .zero)
    }

    @Test(
        "R12: the back-off doubles from one second to five minutes",
        arguments: zip(1...12, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]))
    func ceiling(attempts: Int, seconds: Int) {
        let longest = RefreshPolicy().backoff(attempts: attempts, fraction: 1, retryAfter: nil)
        #expect(longest == .seconds(seconds))
    }

    @Test("The back-off is never less than half a second, however chance falls and however often it failed")
    func floor() {
        #expect(RefreshPolicy().backoff(attempts: 1, fraction: 0, retryAfter: nil) == .milliseconds(500))
        #expect(RefreshPolicy().backoff(attempts: .max, fraction: 0.5, retryAfter: nil) == .seconds(150))
    }

    @Test(
        "R11: Retry-After is the floor, an hour at most",
        arguments: [
            (Duration.seconds(90), Duration.seconds(90)), (.seconds(3600), .seconds(3600)),
            (.seconds(999_999_999), .seconds(3600)), (.zero, .milliseconds(500)),
        ])
    func retryAfter(said: Duration, expected: Duration) {
        #expect(RefreshPolicy().backoff(attempts: 1, fraction: 0, retryAfter: said) == expected)
    }

    @Test("The lease outlives discovery and the call")
    func lease() {
        let policy = RefreshPolicy()
        #expect(policy.lease > policy.callDeadline + .seconds(20))
    }
}
