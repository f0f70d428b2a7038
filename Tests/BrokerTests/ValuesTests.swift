import BrokerTesting
import Foundation
import Testing

@testable import Broker

struct ValuesTests {
    // MARK: Timestamp

    @Test("ISO 8601 is Foundation's, over two thousand moments from 1901 to 2200")
    func iso8601() {
        let formatter = ISO8601DateFormatter()
        formatter.timeZone = .gmt
        let random = SeededRandom(seed: 8601)
        let first: Int64 = -2_177_452_800
        let span = UInt64(7_258_118_400 + 2_177_452_800)
        for _ in 0..<2000 {
            let word = random.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let seconds = first + Int64(word % span)
            let expected = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
            #expect(Timestamp(seconds: seconds).iso8601 == expected)
        }
    }

    @Test("What is written is read again, to the millisecond")
    func readAgain() {
        let random = SeededRandom(seed: 3339)
        for _ in 0..<2000 {
            let word = random.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let moment = Timestamp(milliseconds: Int64(word % 7_258_118_400_000))
            let text = String(decoding: moment.iso8601Bytes(milliseconds: true), as: UTF8.self)
            #expect(Timestamp(iso8601: text) == moment)
            #expect(Timestamp(iso8601: moment.iso8601) == Timestamp(seconds: moment.seconds))
        }
    }

    @Test(
        "Days, fractions of any length, and what is no moment",
        arguments: [
            ("1970-01-02", 86_400_000), ("1970-01-01T00:00:00.5Z", 500), ("1970-01-01T00:00:00.05Z", 50),
            ("1970-01-01T00:00:01.123456789Z", 1123), ("2026-02-29", nil), ("2026-04-31T00:00:00Z", nil),
            ("2026-11-22T18:00:00", nil), ("2026-11-22T18:00:00+01:00", nil), ("2026-11-22T24:00:00Z", nil),
            ("2026-11-22 18:00:00Z", nil), ("2026-11-22T18:00:00.Z", nil), ("2026-11-22T18:00:00,5Z", nil),
            ("2026-11-22T18:00:00.xZ", nil), ("1969-12-31", nil), ("tomorrow", nil), ("", nil),
        ] as [(String, Int64?)])
    func reading(text: String, milliseconds: Int64?) {
        #expect(Timestamp(iso8601: text)?.milliseconds == milliseconds)
    }

    @Test(
        "Leap days, ends of years, centuries and moments before 1970",
        arguments: [
            (951_782_400, "2000-02-29T00:00:00Z"), (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"), (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"), (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
            (-2_203_891_200, "1900-03-01T00:00:00Z"),
        ] as [(Int64, String)])
    func calendar(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).iso8601 == text)
    }

    @Test(
        "Milliseconds are three digits, also before 1970",
        arguments: [
            (5, "1970-01-01T00:00:00.005Z"), (-1, "1969-12-31T23:59:59.999Z"), (1_000, "1970-01-01T00:00:01.000Z"),
        ] as [(Int64, String)])
    func milliseconds(milliseconds: Int64, text: String) {
        #expect(
            String(decoding: Timestamp(milliseconds: milliseconds).iso8601Bytes(milliseconds: true), as: UTF8.self)
                == text)
    }

    @Test("Sums that leave Int64 stop at its end")
    func saturates() {
        let last = Timestamp(milliseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect(Timestamp(milliseconds: .min) - .seconds(1) == Timestamp(milliseconds: .min))
        #expect(Timestamp(seconds: 0) + .seconds(Int64.max) > Timestamp(seconds: 0))
    }

    @Test(
        "Seconds are rounded up for Retry-After", arguments: [(0, 0), (1, 1), (1000, 1), (1001, 2)] as [(Int64, Int64)])
    func roundedUp(milliseconds: Int64, seconds: Int64) {
        #expect(Duration.milliseconds(milliseconds).secondsRoundedUp == seconds)
    }

    // MARK: Identifier

    @Test(
        "An identifier is [A-Za-z0-9][A-Za-z0-9._-]{0,127}",
        arguments: ["a", "Z9", "0.a_b-c", String(repeating: "x", count: 128)])
    func identifier(text: String) {
        #expect(ConnectionID(text)?.string == text)
    }

    @Test(
        "What is of another form is no identifier",
        arguments: [
            "", ".a", "-a", "_a", "a b", "a/b", "a\n", "é", "aé", "a\u{0}", "..", "a%2f",
            String(repeating: "x", count: 129),
        ])
    func noIdentifier(text: String) {
        #expect(ConnectionID(text) == nil)
    }

    @Test("I2: a random identifier is 128 bits in hexadecimal, and none comes twice")
    func randomIdentifier() {
        let random = SeededRandom()
        let made = (0..<1000).map { _ in ConnectionID.random(from: random).string }
        #expect(Set(made).count == 1000)
        #expect(made.allSatisfy { $0.utf8.count == 32 && ConnectionID($0) != nil })
    }

    // MARK: Encodings

    @Test("base64URL is RFC 4648 §5 without padding", arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
    func base64URL(text: String) {
        let expected = Data(text.utf8).base64EncodedString().filter { $0 != "=" }
        #expect(Array(text.utf8).base64URL == expected)
    }

    @Test("base64URL writes 62 and 63 as - and _, whatever the length")
    func base64URLBytes() {
        #expect([UInt8]([0xFB, 0xFF]).base64URL == "-_8")
        let random = SeededRandom()
        for count in 0..<200 {
            let bytes = random.bytes(count)
            let usual = bytes.base64URL.replacingOccurrences(of: "-", with: "+").replacingOccurrences(
                of: "_", with: "/")
            let padded = usual + String(repeating: "=", count: (4 - usual.count % 4) % 4)
            #expect(Data(base64Encoded: padded) == Data(bytes))
        }
    }

    @Test("Hexadecimal is lower case, two digits a byte")
    func hexadecimal() {
        #expect([UInt8]([0, 9, 0x0A, 0xAB, 0xFF]).hexadecimal == "00090aabff")
    }

    @Test("Chance is at least 0 and less than 1")
    func fraction() {
        struct Fixed: RandomSource {
            let byte: UInt8
            func bytes(_ count: Int) -> [UInt8] { Array(repeating: byte, count: count) }
        }
        #expect(Fixed(byte: 0).fraction() == 0)
        #expect(Fixed(byte: 255).fraction() < 1)
        #expect(Fixed(byte: 128).fraction() > 0.5)
    }
}
