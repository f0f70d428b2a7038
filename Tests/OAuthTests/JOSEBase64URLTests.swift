import Testing

@testable import OAuth

@Suite("base64url, read strictly")
struct JOSEBase64URLTests {
    @Test("RFC 7515 §2: what is written is read again, of every length")
    func roundTrip() {
        for length in 0..<70 {
            let original = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
            #expect(bytes(base64URL: base64URL(original)) == original)
        }
        #expect(bytes(base64URL: "-_-_") == [0xFB, 0xFF, 0xBF])
    }

    @Test(
        "RFC 7515 §2: padding, other alphabets, space and lengths that cannot be are refused",
        arguments: [
            "QQ==", "QUI=", "+/+/", "QU JD", "QUJD\n", "A", "QUJDR", "QU.JD", "QUJé", "QUJD\u{0}", "=", "?QUJD",
        ])
    func refused(_ text: String) { #expect(bytes(base64URL: text) == nil) }

    @Test("RFC 4648 §3.5: bits that are left over must be zero", arguments: ["QR", "Qf", "QUJ", "QUL"])
    func strayBits(_ text: String) { #expect(bytes(base64URL: text) == nil) }
}
