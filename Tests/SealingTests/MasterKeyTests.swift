import Testing

@testable import Sealing

@Suite("Master key")
struct MasterKeyTests {
    @Test("its ID and check value are stable, differ from key to key, and are not each other")
    func fingerprints() throws {
        let key = try masterKey()
        let again = try masterKey()
        let other = try masterKey(filledWith: 8)
        #expect(key.id == again.id)
        #expect(try key.checkValue() == again.checkValue())
        #expect(key.id != other.id)
        #expect(try key.checkValue() != other.checkValue())
        #expect(key.id.count == 16 && key.id.allSatisfy(\.isHexDigit))
        #expect(try key.checkValue().count == 16)
        #expect(try bytes(hex: key.id) != Array(key.checkValue().prefix(8)))
    }

    @Test("the check value is HKDF-SHA-512 of the key for its own purpose")
    func checkValue() throws {
        let key = try masterKey()
        let expected = try hkdfSHA512(key.key, salt: [], info: Array("credence/kcv/1".utf8), count: 16)
        #expect(try key.checkValue() == opened(expected))
    }

    @Test("S6: a master key of another length is refused", arguments: [0, 16, 31, 33, 64])
    func length(count: Int) {
        let refusal = failure { () throws(SealingError) in
            try MasterKey(SecretBytes(copying: [UInt8](repeating: 1, count: count)))
        }
        #expect(refusal?.code == .masterKeyMalformed)
    }
}
