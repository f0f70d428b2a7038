public import Sealing

/// The data keys, and what is sealed under each: the proof that none is needed any more.
public struct KeyStatus: Sendable {
    public struct DataKey: Sendable {
        public let term: UInt32
        /// nil where boxes name a data key that is not in the ring: they do not open.
        public let state: WrappedDataKey.State?
        /// How many boxes lie where; places without any are left out.
        public let boxes: [SealedPlace: Int]
    }

    /// By ascending term.
    public let keys: [DataKey]
    /// The name of the master key that wraps them, and whether another is configured.
    public let masterKey: String?
    public let isRewrapDue: Bool
    /// Credentials that wait to be written, sealed too.
    public let unwritten: Int
    public let progress: KeyProgress
}

/// How far the work on the data keys is.
public struct KeyProgress: Sendable, Hashable {
    public enum State: String, Sendable {
        case idle
        case resealing
        /// Everything is under the active key; the old one goes when nothing can come back under it.
        case waiting
        /// Boxes do not open, so their key stays.
        case blocked
    }

    public let state: State
    public let activeTerm: UInt32
    /// Rows that this process has sealed again, and how many boxes were under an old key when it began.
    public let resealed: Int
    public let found: Int
}
