/// A data key as a store holds it: wrapped by the master key.
public struct WrappedDataKey: Sendable, Hashable {
    public enum State: String, Sendable {
        /// New boxes are sealed under it.
        case active
        /// Boxes that were sealed under it still open.
        case retired
    }

    public let term: UInt32
    public let state: State
    public let box: SealedBox

    public init(term: UInt32, state: State, box: SealedBox) {
        self.term = term
        self.state = state
        self.box = box
    }
}

/// The data keys, unwrapped: seals under the active one, opens under each.
public struct KeyRing: Sendable {
    /// What a wrapped data key bears for a term: it is sealed under the master key, not under a data key.
    private static let masterTerm: UInt32 = 0

    private let sealers: [UInt32: Sealer]
    private let active: Sealer

    private init(sealers: [UInt32: Sealer], active: Sealer) {
        self.sealers = sealers
        self.active = active
    }

    /// The term that new boxes are sealed under.
    public var activeTerm: UInt32 { active.term }

    /// The terms whose boxes open, ascending.
    public var terms: [UInt32] { sealers.keys.sorted() }

    /// A new ring with one data key, and that key wrapped for the store.
    public static func create(masterKey: MasterKey) throws(SealingError) -> (KeyRing, [WrappedDataKey]) {
        let sealer = Sealer(key: try SecretBytes.random(Primitives.keyCount), term: 1)
        return (KeyRing(sealers: [1: sealer], active: sealer), [try wrap(sealer, masterKey: masterKey)])
    }

    /// - Parameter keyCheck: what the store holds of `MasterKey.checkValue`: tells a wrong master key from damaged data
    ///   before anything is opened (security case S6).
    public static func open(
        _ wrapped: [WrappedDataKey], keyCheck: [UInt8], masterKey: MasterKey
    ) throws(SealingError) -> KeyRing {
        guard constantTimeEqual(try masterKey.checkValue(), keyCheck) else {
            throw wrongMasterKey
        }
        let opener = Sealer(key: masterKey.key, term: masterTerm)
        var sealers: [UInt32: Sealer] = [:]
        for dataKey in wrapped {
            let key = try opener.open(dataKey.box, as: context(term: dataKey.term, masterKey: masterKey))
            guard key.count == Primitives.keyCount else {
                throw .damaged("data key \(dataKey.term) has a wrong length")
            }
            guard sealers.updateValue(Sealer(key: key, term: dataKey.term), forKey: dataKey.term) == nil else {
                throw .damaged("data key \(dataKey.term) stands in the key ring twice")
            }
        }
        let active = wrapped.filter { $0.state == .active }
        guard active.count == 1, let sealer = sealers[active[0].term] else {
            throw .damaged("the key ring has \(active.count) active data keys instead of one")
        }
        return KeyRing(sealers: sealers, active: sealer)
    }

    static let wrongMasterKey = SealingError(
        .wrongMasterKey,
        "This is not the master key that sealed the data: bring back the right one; nothing was changed.")

    public func seal(_ plaintext: [UInt8], as context: SealContext) throws(SealingError) -> SealedBox {
        try active.seal(plaintext, as: context)
    }

    public func open(_ box: SealedBox, as context: SealContext) throws(SealingError) -> SecretBytes {
        guard let sealer = sealers[box.term] else {
            throw SealingError(
                .unknownTerm,
                "A sealed box needs data key \(box.term), which is not in the key ring: restore a backup that has it.")
        }
        return try sealer.open(box, as: context)
    }

    // MARK: Rotation

    /// This ring with one more data key, which becomes the active one, and that key wrapped for the store. The others
    /// are to be stored as retired in the same transaction.
    public func addingTerm(masterKey: MasterKey) throws(SealingError) -> (KeyRing, WrappedDataKey) {
        let last = sealers.keys.max() ?? Self.masterTerm
        guard last < .max else { throw .damaged("the key ring has no terms left") }
        let sealer = Sealer(key: try SecretBytes.random(Primitives.keyCount), term: last + 1)
        let ring = KeyRing(sealers: sealers.merging([sealer.term: sealer]) { _, new in new }, active: sealer)
        return (ring, try Self.wrap(sealer, masterKey: masterKey))
    }

    /// This ring without a data key that nothing is sealed under any more; the active one stays whatever is asked.
    public func removing(_ term: UInt32) -> KeyRing {
        KeyRing(sealers: sealers.filter { $0.key != term || term == active.term }, active: active)
    }

    /// Every data key, wrapped by another master key.
    public func wrapped(by masterKey: MasterKey) throws(SealingError) -> [WrappedDataKey] {
        var wrapped: [WrappedDataKey] = []
        for term in terms {
            guard let sealer = sealers[term] else { continue }
            wrapped.append(
                try Self.wrap(sealer, masterKey: masterKey, state: term == active.term ? .active : .retired))
        }
        return wrapped
    }

    /// Whether both hold the same keys under the same terms, with the same one active.
    public func holdsTheSame(as other: KeyRing) -> Bool {
        activeTerm == other.activeTerm && terms == other.terms
            && terms.allSatisfy { term in
                guard let key = sealers[term]?.key, let twin = other.sealers[term]?.key else { return false }
                return key.isEqual(to: twin)
            }
    }

    /// The same content under the active data key, for the place and version that it is to be stored at.
    public func reseal(
        _ box: SealedBox, from old: SealContext, to new: SealContext
    ) throws(SealingError) -> SealedBox {
        try active.seal(try open(box, as: old), as: new)
    }

    // MARK: Wrapping

    private static func wrap(
        _ sealer: Sealer, masterKey: MasterKey, state: WrappedDataKey.State = .active
    ) throws(SealingError) -> WrappedDataKey {
        let box = try Sealer(key: masterKey.key, term: masterTerm)
            .seal(sealer.key, as: context(term: sealer.term, masterKey: masterKey))
        return WrappedDataKey(term: sealer.term, state: state, box: box)
    }

    /// Names the purpose (table and column), the master key (record) and the term (version).
    private static func context(term: UInt32, masterKey: MasterKey) -> SealContext {
        SealContext(table: .keyRing, column: .dataKey, record: masterKey.id, version: UInt64(term))
    }
}
