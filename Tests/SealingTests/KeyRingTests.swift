import Testing

@testable import Sealing

@Suite("Key ring")
struct KeyRingTests {
    let master: MasterKey

    init() throws {
        master = try masterKey()
    }

    private func refusal(_ wrapped: [WrappedDataKey]) -> SealingError.Code? {
        failure { () throws(SealingError) in
            try KeyRing.open(wrapped, keyCheck: master.checkValue(), masterKey: master)
        }?.code
    }

    @Test("a ring that was made opens again, and opens what it sealed")
    func reopened() throws {
        let (ring, wrapped) = try KeyRing.create(masterKey: master)
        let box = try ring.seal([1, 2, 3], as: place())
        let again = try KeyRing.open(wrapped, keyCheck: master.checkValue(), masterKey: master)
        #expect(again.activeTerm == 1)
        #expect(wrapped.map(\.term) == [1])
        #expect(wrapped.map(\.state) == [.active])
        #expect(opened(try again.open(box, as: place())) == [1, 2, 3])
    }

    @Test("S6: a wrong master key is told from damage")
    func wrongMasterKey() throws {
        let (_, wrapped) = try KeyRing.create(masterKey: master)
        let other = try masterKey(filledWith: 8)
        let wrong = failure { () throws(SealingError) in
            try KeyRing.open(wrapped, keyCheck: master.checkValue(), masterKey: other)
        }
        #expect(wrong?.code == .wrongMasterKey)
        // With a check value that agrees, it is the data that is not right.
        let damaged = failure { () throws(SealingError) in
            try KeyRing.open(wrapped, keyCheck: other.checkValue(), masterKey: other)
        }
        #expect(damaged?.code == .damaged)
        let empty = failure { () throws(SealingError) in try KeyRing.open(wrapped, keyCheck: [], masterKey: master) }
        #expect(empty?.code == .wrongMasterKey)
    }

    @Test("S1: a wrapped data key with any one bit flipped is refused")
    func damagedDataKey() throws {
        let wrapped = try KeyRing.create(masterKey: master).1[0]
        for index in wrapped.box.bytes.indices.dropFirst() {
            for bit in 0..<8 {
                var bytes = wrapped.box.bytes
                bytes[index] ^= 1 << bit
                let box = try SealedBox(bytes)
                #expect(refusal([WrappedDataKey(term: 1, state: .active, box: box)]) == .damaged, "byte \(index)")
            }
        }
    }

    @Test("S2: a wrapped data key under another term is refused")
    func renamedTerm() throws {
        let wrapped = try KeyRing.create(masterKey: master).1[0]
        #expect(refusal([WrappedDataKey(term: 2, state: .active, box: wrapped.box)]) == .damaged)
    }

    @Test("a wrapped data key names its master key")
    func namesMasterKey() throws {
        let wrapped = try KeyRing.create(masterKey: master).1[0]
        let sealer = Sealer(key: master.key, term: 0)
        let right = SealContext(table: .keyRing, column: .dataKey, record: master.id, version: 1)
        #expect(try sealer.open(wrapped.box, as: right).count == 32)
        let wrong = SealContext(table: .keyRing, column: .dataKey, record: "0000000000000000", version: 1)
        #expect(failure { () throws(SealingError) in try sealer.open(wrapped.box, as: wrong) }?.code == .damaged)
    }

    @Test("a ring with no active data key, two, or one of them twice is refused")
    func activeCount() throws {
        let (ring, first) = try KeyRing.create(masterKey: master)
        let second = try ring.addingTerm(masterKey: master).1
        #expect(refusal([]) == .damaged)
        #expect(refusal([WrappedDataKey(term: 1, state: .retired, box: first[0].box)]) == .damaged)
        #expect(refusal(first + [second]) == .damaged)
        #expect(refusal(first + [WrappedDataKey(term: 1, state: .retired, box: first[0].box)]) == .damaged)
    }

    @Test("a data key of a wrong length is refused")
    func wrongLength() throws {
        let context = SealContext(table: .keyRing, column: .dataKey, record: master.id, version: 1)
        let box = try Sealer(key: master.key, term: 0).seal([UInt8](repeating: 1, count: 31), as: context)
        #expect(refusal([WrappedDataKey(term: 1, state: .active, box: box)]) == .damaged)
    }

    @Test("with several terms each box opens, and new ones are sealed under the active one")
    func severalTerms() throws {
        let (old, first) = try KeyRing.create(masterKey: master)
        let oldBox = try old.seal([1], as: place())
        let (new, second) = try old.addingTerm(masterKey: master)
        let newBox = try new.seal([2], as: place())
        #expect(newBox.term == 2)
        let stored = [WrappedDataKey(term: 1, state: .retired, box: first[0].box), second]
        for ring in [new, try KeyRing.open(stored, keyCheck: master.checkValue(), masterKey: master)] {
            #expect(ring.terms == [1, 2])
            #expect(ring.activeTerm == 2)
            #expect(opened(try ring.open(oldBox, as: place())) == [1])
            #expect(opened(try ring.open(newBox, as: place())) == [2])
        }
        // The ring from before the rotation says precisely what it lacks (security case S20).
        #expect(failure { () throws(SealingError) in try old.open(newBox, as: place()) }?.code == .unknownTerm)
    }

    @Test("S2: a box that claims another term of the ring is refused")
    func borrowedTerm() throws {
        let old = try KeyRing.create(masterKey: master).0
        let ring = try old.addingTerm(masterKey: master).0
        var bytes = try old.seal([1], as: place()).bytes
        bytes[4] = 2
        #expect(failure { () throws(SealingError) in try ring.open(SealedBox(bytes), as: place()) }?.code == .damaged)
    }

    @Test("S8: a box is sealed again under the active term, for its next version")
    func reseal() throws {
        let old = try KeyRing.create(masterKey: master).0
        let box = try old.seal([1, 2], as: place(version: 1))
        let ring = try old.addingTerm(masterKey: master).0
        let again = try ring.reseal(box, from: place(version: 1), to: place(version: 2))
        #expect(again.term == 2)
        #expect(opened(try ring.open(again, as: place(version: 2))) == [1, 2])
        let refusal = failure { () throws(SealingError) in
            try ring.reseal(box, from: place(version: 2), to: place(version: 3))
        }
        #expect(refusal?.code == .damaged)
    }

    @Test("rings do not open each other's boxes")
    func apart() throws {
        let box = try KeyRing.create(masterKey: master).0.seal([1], as: place())
        let other = try KeyRing.create(masterKey: master).0
        #expect(failure { () throws(SealingError) in try other.open(box, as: place()) }?.code == .damaged)
    }
}
