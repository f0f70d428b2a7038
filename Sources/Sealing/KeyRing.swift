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
    private let sealers: [UInt32: Sealer]
    public let activeTerm: UInt32

    private init(sealers: [UInt32: Sealer], activeTerm: UInt32) {
        self.sealers = sealers
        self.activeTerm = activeTerm
    }

    /// A new ring with one data key, and that key wrapped for the store.
    public static func create(masterKey: MasterKey) throws(SealingError) -> (KeyRing, [WrappedDataKey]) {
        let key = try SecretBytes.random(Primitives.keyCount)
        let wrapped = try wrap(key, term: 1, state: .active, masterKey: masterKey)
        return (KeyRing(sealers: [1: Sealer(key: key, term: 1)], activeTerm: 1), [wrapped])
    }

    /// - Parameter keyCheck: what the store holds of `MasterKey.checkValue`: tells a wrong master key from damaged data
    ///   before anything is opened (security case S6).
    public static func open(
        _ wrapped: [WrappedDataKey], keyCheck: [UInt8], masterKey: MasterKey
    ) throws(SealingError) -> KeyRing {
        guard constantTimeEqual(try masterKey.checkValue(), keyCheck) else {
            throw SealingError(
                .wrongMasterKey,
                "This master key is not the one that the data was sealed with. Bring back the right one; nothing was changed.")
        }
        let opener = Sealer(key: masterKey.key, term: 0)
        var sealers: [UInt32: Sealer] = [:]
        for dataKey in wrapped {
            let key = try opener.open(dataKey.box, as: context(term: dataKey.term))
            guard key.count == Primitives.keyCount else { throw .damaged("data key \(dataKey.term) has a wrong length") }
            sealers[dataKey.term] = Sealer(key: key, term: dataKey.term)
        }
        let active = wrapped.filter { $0.state == .active }
        guard active.count == 1, let term = active.first?.term else {
            throw .damaged("the key ring has \(active.count) active data keys instead of one")
        }
        return KeyRing(sealers: sealers, activeTerm: term)
    }

    public func seal(_ plaintext: [UInt8], as context: SealContext) throws(SealingError) -> SealedBox {
        guard let sealer = sealers[activeTerm] else { throw .damaged("the active data key is missing") }
        return try sealer.seal(plaintext, as: context)
    }

    public func open(_ box: SealedBox, as context: SealContext) throws(SealingError) -> SecretBytes {
        guard let sealer = sealers[box.term] else {
            throw SealingError(
                .unknownTerm, "A sealed box needs data key \(box.term), which is not in the key ring: restore a backup that has it.")
        }
        return try sealer.open(box, as: context)
    }

    private static func wrap(
        _ key: SecretBytes, term: UInt32, state: WrappedDataKey.State, masterKey: MasterKey
    ) throws(SealingError) -> WrappedDataKey {
        let box = try Sealer(key: masterKey.key, term: 0).seal(key.withUnsafeBytes { Array($0) }, as: context(term: term))
        return WrappedDataKey(term: term, state: state, box: box)
    }

    private static func context(term: UInt32) -> SealContext {
        SealContext(table: .keyRing, column: .dataKey, record: "data-key", version: UInt64(term))
    }
}
