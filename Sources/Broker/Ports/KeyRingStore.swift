public import Sealing

/// The wrapped data keys, and every box that is sealed under one of them.
public protocol KeyRingStore: Sendable {
    func keyRing() async throws(StoreFailure) -> StoredKeyRing?
    /// False when there is one already: a key ring is made once.
    func insert(_ keyRing: StoredKeyRing) async throws(StoreFailure) -> Bool
    /// One transaction: the active key retires, this one takes its place. False where another than `term` is active.
    func addDataKey(_ key: WrappedDataKey, retiring term: UInt32) async throws(StoreFailure) -> Bool
    /// Removes a retired key for good. False, and nothing is changed, while a box is sealed under it: looked at in the
    /// same transaction.
    func removeDataKey(_ term: UInt32) async throws(StoreFailure) -> Bool
    /// One transaction: check value and wrapped keys, where the store still holds this check value. Returns what it
    /// holds then, read back; nil where it held another, and nothing is changed.
    func rewrap(_ keyRing: StoredKeyRing, replacing checkValue: [UInt8]) async throws(StoreFailure) -> StoredKeyRing?

    /// Rows with their boxes, by ascending name. A box that is none is left out.
    func sealedRows(in place: SealedPlace, after name: SealedRow.Name?, limit: Int) async throws(StoreFailure)
        -> [SealedRow]
    /// One transaction: puts new boxes into each row where those that were read still stand. How many rows it changed.
    func replaceBoxes(_ changes: [SealedChange]) async throws(StoreFailure) -> Int
    /// How many boxes lie where, by the data key that they are sealed under.
    func sealedCounts() async throws(StoreFailure) -> [SealedPlace: [UInt32: Int]]
}

public struct StoredKeyRing: Sendable {
    /// Tells a wrong master key from damaged data (`MasterKey.checkValue`).
    public let checkValue: [UInt8]
    public let dataKeys: [WrappedDataKey]

    public init(checkValue: [UInt8], dataKeys: [WrappedDataKey]) {
        self.checkValue = checkValue
        self.dataKeys = dataKeys
    }
}

/// Where a store holds sealed boxes. Whoever adds such a place adds it here: what is not re-sealed is lost with its key.
public enum SealedPlace: String, Sendable, CaseIterable {
    case connection = "connections"
    case pendingAuthorization = "pending_authorizations"
    case heldGrant = "held_grants"
    case deviceConsent = "device_consents"
    case revocation = "revocations"
    case clientSecret = "client_secrets"
    case webhookSecret = "webhook_secrets"
    case secretVersion = "secret_versions"
    case installationKey = "installation_key"
}

/// One row's boxes, and what their additional data names.
public struct SealedRow: Sendable, Hashable {
    /// What tells the row from others of its place; rows come by it.
    public struct Name: Sendable, Hashable, Comparable {
        /// An ID in UTF-8, or a hash.
        public let bytes: [UInt8]
        /// The number of a secret; 0 where there are none.
        public let number: Int

        public init(_ bytes: [UInt8], number: Int = 0) {
            self.bytes = bytes
            self.number = number
        }

        public static func < (left: Name, right: Name) -> Bool {
            left.bytes == right.bytes ? left.number < right.number : left.bytes.lexicographicallyPrecedes(right.bytes)
        }
    }

    public let place: SealedPlace
    public let name: Name
    /// The ID that the boxes are sealed for: of the connection, the client, the webhook or the device consent, or the
    /// hash in hexadecimal digits.
    public let record: String
    public let version: Int
    public let boxes: [SealColumn: SealedBox]

    public init(place: SealedPlace, name: Name, record: String, version: Int, boxes: [SealColumn: SealedBox]) {
        self.place = place
        self.name = name
        self.record = record
        self.version = version
        self.boxes = boxes
    }
}

/// A row as it was read, and the boxes to put in place of its own, in the same columns.
public struct SealedChange: Sendable {
    public let row: SealedRow
    public let boxes: [SealColumn: SealedBox]

    public init(row: SealedRow, boxes: [SealColumn: SealedBox]) {
        self.row = row
        self.boxes = boxes
    }
}
