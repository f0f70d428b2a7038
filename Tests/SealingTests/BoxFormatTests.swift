import Testing

@testable import Sealing

/// The stored form, spelled out by hand: a change of it loses every box ever written.
@Suite("Box format")
struct BoxFormatTests {
    @Test("the additional data has a fixed width and stands as documented")
    func additionalData() {
        let context = SealContext(
            table: .clientSecret, column: .verifier, record: "abc", version: 0x0102_0304_0506_0708)
        let expected =
            "43524431" + "01" + "0a0b0c0d" + String(repeating: "00", count: 16) + "0003" + "0004"
            // SHA-256 of "abc" (FIPS 180-4).
            + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" + "0102030405060708"
        #expect(context.additionalData(suite: 1, term: 0x0a0b_0c0d) == bytes(hex: expected))
        let longest = place(record: String(repeating: "é", count: 128))
        #expect(longest.additionalData(suite: 1, term: 1).count == 69)
    }

    @Test("the numbers of tables and columns are stable")
    func numbers() {
        #expect(
            SealTable.allCases.map { "\($0) \($0.rawValue)" } == [
                "connection 1", "client 2", "clientSecret 3", "pendingAuthorization 4", "keyRing 5", "ticket 6",
                "audit 7",
                "spool 8", "webhook 9", "deviceConsent 10", "heldGrant 11",
            ])
        #expect(
            SealColumn.allCases.map { "\($0) \($0.rawValue)" } == [
                "credential 1", "refresh 2", "secret 3", "verifier 4", "dataKey 5", "auditKey 6", "payload 7",
                "proofKey 8", "subject 9",
            ])
    }

    @Test("a box put together step by step opens")
    func byHand() throws {
        let key = SecretBytes(copying: [UInt8](repeating: 9, count: 32))
        let salt = [UInt8](repeating: 1, count: 32)
        let nonce = [UInt8](repeating: 2, count: 12)
        let plaintext = Array("by hand".utf8)
        let derived = opened(try hkdfSHA512(key, salt: salt, info: Array("credence/seal/1\u{1}".utf8), count: 64))
        let additionalData = place().additionalData(suite: 1, term: 258)
        var sealed = [UInt8](repeating: 0, count: plaintext.count + 16)
        let isSealed = sealed.withUnsafeMutableBytes { output in
            derived[..<32].withUnsafeBytes { key in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        plaintext.withUnsafeBytes { plaintext in
                            Primitives.encrypt(
                                key: key, nonce: nonce, additionalData: additionalData, plaintext: plaintext,
                                output: output)
                        }
                    }
                }
            }
        }
        #expect(isSealed)
        let box = try SealedBox([1, 0, 0, 1, 2] + salt + derived[32...] + nonce + sealed)
        #expect(box.term == 258)
        #expect(opened(try Sealer(key: key, term: 258).open(box, as: place())) == plaintext)
    }

    @Test("a box names its key: under another it is refused by the commitment")
    func commitment() throws {
        let box = try Sealer(key: .random(32), term: 1).seal([1, 2, 3], as: place())
        let other = Sealer(key: try .random(32), term: 1)
        let refusal = failure { () throws(SealingError) in try other.open(box, as: place()) }
        #expect(refusal?.description.contains("another key") == true)
    }
}
