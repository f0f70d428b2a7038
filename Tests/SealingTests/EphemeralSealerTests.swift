import Testing

@testable import Sealing

@Suite("Ephemeral sealer")
struct EphemeralSealerTests {
    let sealer = EphemeralSealer()
    let owner = "conn-1"

    /// What `open` returned, and all of an output that is longer than it needs to be.
    private func open(_ box: [UInt8], for owner: String) -> (Result<Int, SealingError>, [UInt8]) {
        var output = [UInt8](repeating: 0xEE, count: sealer.openedCount(of: box) + 4)
        let result = output.withUnsafeMutableBytes { output in
            Result { () throws(SealingError) in try sealer.open(box, additionalData: owner, into: output) }
        }
        return (result, output)
    }

    @Test("what was sealed opens into the front of the output", arguments: [0, 1, 16, 1500])
    func roundTrip(count: Int) throws {
        let plaintext = randomBytes(count)
        let box = try sealer.seal(plaintext, additionalData: Array(owner.utf8))
        #expect(box.count == count + EphemeralSealer.overhead)
        #expect(sealer.openedCount(of: box) == count)
        let (result, output) = open(box, for: owner)
        #expect(result == .success(count))
        #expect(output == plaintext + [0xEE, 0xEE, 0xEE, 0xEE])
    }

    @Test("S1: a box with any one bit flipped is refused, and leaves nothing in the output")
    func everyBit() throws {
        let box = try sealer.seal(Array("an access token".utf8), additionalData: Array(owner.utf8))
        for index in box.indices {
            for bit in 0..<8 {
                var altered = box
                altered[index] ^= 1 << bit
                let (result, output) = open(altered, for: owner)
                #expect(result == .failure(SealingError(.damaged, "")))
                #expect(output == [UInt8](repeating: 0, count: 15) + [0xEE, 0xEE, 0xEE, 0xEE])
            }
        }
    }

    @Test("S2: a box of another record is refused", arguments: ["", "conn-2", "conn-11"])
    func otherOwner(_ other: String) throws {
        let box = try sealer.seal([1, 2, 3], additionalData: Array(owner.utf8))
        #expect(open(box, for: other).0 == .failure(SealingError(.damaged, "")))
    }

    @Test("S4: a truncated tag is refused", arguments: 0..<16)
    func truncated(tagCount: Int) throws {
        for plaintext in [Array("an access token".utf8), []] {
            let box = try sealer.seal(plaintext, additionalData: Array(owner.utf8))
            #expect(open(box.dropLast(16 - tagCount), for: owner).0 == .failure(SealingError(.damaged, "")))
        }
    }

    @Test("an empty or headless box is refused", arguments: [0, 1, 12, 27])
    func short(count: Int) {
        #expect(open([UInt8](repeating: 0, count: count), for: owner).0 == .failure(SealingError(.damaged, "")))
    }

    @Test("S5: no nonce comes twice in 20,000 seals")
    func noRepeat() throws {
        let count = 20_000
        let nonces = Set(try (0..<count).map { _ in Array(try sealer.seal([], additionalData: []).prefix(12)) })
        #expect(nonces.count == count)
    }

    @Test("each has a key of its own")
    func ownKey() throws {
        let box = try EphemeralSealer().seal([1], additionalData: Array(owner.utf8))
        #expect(open(box, for: owner).0 == .failure(SealingError(.damaged, "")))
    }

    @Test("many open at once")
    func concurrent() async throws {
        let box = try sealer.seal(randomBytes(1500), additionalData: Array(owner.utf8))
        let count = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<200).count { _ in open(box, for: owner).0 == .success(1500) } }
            }
            return await group.reduce(0, +)
        }
        #expect(count == 1600)
    }
}
