import Testing

@testable import Sealing

@Suite("Functions")
struct FunctionsTests {
    @Test("SHA-256 of the empty string, of abc and of a slice (FIPS 180-4)")
    func digests() {
        let abc = bytes(hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(sha256([UInt8]()) == bytes(hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
        #expect(sha256(Array("abc".utf8)) == abc)
        #expect(sha256("abc".utf8) == abc)
        #expect(sha256(Array("xabc".utf8)[1...]) == abc)
        #expect(sha256([UInt8]("abc".utf8).lazy.map { $0 }) == abc)
    }

    @Test("equality in constant time is equality")
    func equality() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([0, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
        #expect(!constantTimeEqual([], [0]))
    }

    @Test("random bytes come in the number asked for, and differ", arguments: [0, 1, 16, 32, 10_000])
    func random(count: Int) {
        let made = randomBytes(count)
        #expect(made.count == count)
        #expect(count < 16 || made != randomBytes(count))
    }

    @Test("HKDF refuses an info of more than 1,024 bytes, which OpenSSL lets pass, and lengths that it does not give")
    func bounds() throws {
        let key = SecretBytes(copying: [1])
        func derive(info: Int, count: Int) throws(SealingError) -> SecretBytes {
            try hkdfSHA512(key, salt: [], info: [UInt8](repeating: 0, count: info), count: count)
        }
        #expect(try derive(info: 1024, count: 64).count == 64)
        #expect(try derive(info: 0, count: 16_320).count == 16_320)
        for (info, count) in [(1025, 64), (0, 0), (0, -1), (0, 16_321)] {
            #expect(failure { () throws(SealingError) in try derive(info: info, count: count) }?.code == .library)
        }
    }

    @Test("errors are equal by their code and say what to do")
    func errors() {
        #expect(SealingError.damaged("a") == SealingError.damaged("b"))
        #expect(SealingError.damaged("a").hashValue == SealingError.damaged("b").hashValue)
        #expect(SealingError.damaged("a") != SealingError(.unknownTerm, "a"))
        #expect("\(SealingError.damaged("the row"))".contains("the row"))
    }
}
