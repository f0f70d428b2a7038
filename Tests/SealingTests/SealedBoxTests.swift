import Testing

@testable import Sealing

@Suite("Sealed boxes")
struct SealedBoxTests {
    let ring: KeyRing
    let secret = Array("a refresh token".utf8)

    init() throws {
        ring = try KeyRing.create(masterKey: masterKey()).0
    }

    @Test("what was sealed opens, whatever its length", arguments: [0, 1, 15, 16, 17, 1500, 65_536])
    func roundTrip(count: Int) throws {
        let plaintext = randomBytes(count)
        let box = try ring.seal(plaintext, as: place())
        #expect(box.bytes.count == count + 97)
        #expect(SealedBox.overhead == 97)
        #expect(box.suite == 1)
        #expect(box.term == ring.activeTerm)
        #expect(opened(try ring.open(SealedBox(box.bytes), as: place())) == plaintext)
    }

    @Test("S1: a box with any one bit flipped is refused")
    func everyBit() throws {
        let box = try ring.seal(secret, as: place())
        for index in box.bytes.indices {
            for bit in 0..<8 {
                var bytes = box.bytes
                bytes[index] ^= 1 << bit
                let refusal = failure { () throws(SealingError) in try ring.open(SealedBox(bytes), as: place()) }
                let expected: SealingError.Code =
                    switch index {
                    case 0: .unsupportedSuite
                    case 1..<5: .unknownTerm
                    default: .damaged
                    }
                #expect(refusal?.code == expected, "bit \(bit) of byte \(index)")
            }
        }
    }

    @Test(
        "S2: a box moved to another table, column or record is refused",
        arguments: [
            place(.client), place(.connection, .refresh), place(record: "conn-2"), place(record: ""),
            place(record: "conn-1 "),
        ])
    func moved(to elsewhere: SealContext) throws {
        let box = try ring.seal(secret, as: place())
        #expect(failure { () throws(SealingError) in try ring.open(box, as: elsewhere) }?.code == .damaged)
        #expect(opened(try ring.open(box, as: place())) == secret)
    }

    @Test("S2: every table and every column keeps its boxes apart from the others'")
    func everyPlace() throws {
        let places = SealTable.allCases.flatMap { table in SealColumn.allCases.map { place(table, $0) } }
        let box = try ring.seal(secret, as: places[0])
        for elsewhere in places.dropFirst() {
            #expect(failure { () throws(SealingError) in try ring.open(box, as: elsewhere) }?.code == .damaged)
        }
    }

    @Test(
        "S3: an old box in a newer row is refused, and a newer one in an older row", arguments: [0, 1, 3, UInt64.max])
    func oldVersion(version: UInt64) throws {
        let box = try ring.seal(secret, as: place(version: 2))
        let refusal = failure { () throws(SealingError) in try ring.open(box, as: place(version: version)) }
        #expect(refusal?.code == .damaged)
    }

    @Test("S4: a box with a truncated tag is refused", arguments: 0..<16)
    func truncated(tagCount: Int) throws {
        for plaintext in [secret, []] {
            let box = try ring.seal(plaintext, as: place())
            let cut = Array(box.bytes.dropLast(16 - tagCount))
            let refusal = failure { () throws(SealingError) in try ring.open(SealedBox(cut), as: place()) }
            #expect(refusal?.code == .damaged)
        }
    }

    @Test("a box that was lengthened is refused")
    func lengthened() throws {
        let box = try ring.seal(secret, as: place())
        let refusal = failure { () throws(SealingError) in try ring.open(SealedBox(box.bytes + [0]), as: place()) }
        #expect(refusal?.code == .damaged)
    }

    @Test("an empty or headless box is refused", arguments: [0, 1, 5, 81, 96])
    func short(count: Int) {
        let bytes = [UInt8]([1] + [UInt8](repeating: 0, count: 96)).prefix(count)
        #expect(failure { () throws(SealingError) in try SealedBox(Array(bytes)) }?.code == .damaged)
    }

    @Test("S9: a box of an unknown suite is refused before anything else", arguments: [0, 2, 3, 127, 255] as [UInt8])
    func suite(_ suite: UInt8) throws {
        var bytes = try ring.seal(secret, as: place()).bytes
        bytes[0] = suite
        #expect(failure { () throws(SealingError) in try SealedBox(bytes) }?.code == .unsupportedSuite)
        #expect(failure { () throws(SealingError) in try SealedBox([suite]) }?.code == .unsupportedSuite)
    }

    @Test("S5: no salt and no nonce comes twice in 20,000 seals")
    func noRepeat() throws {
        let count = 20_000
        var salts: Set<[UInt8]> = []
        var nonces: Set<[UInt8]> = []
        for _ in 0..<count {
            let bytes = try ring.seal([], as: place()).bytes
            salts.insert(Array(bytes[5..<37]))
            nonces.insert(Array(bytes[69..<81]))
        }
        #expect(salts.count == count)
        #expect(nonces.count == count)
    }
}
