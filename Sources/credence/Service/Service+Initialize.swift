import Broker
import Logging
import SQLiteStore
import Sealing

extension Service {
    struct Initialized: Sendable {
        var createdStore: Bool
        var adminKey: String?
    }

    /// Makes what is not there yet. A key ring without its master key, or a master key that does not open the key
    /// ring, is refused: making a new one would lose everything (security case S6).
    static func initialize(_ options: ServiceOptions) async throws -> Initialized {
        let logger = Logger(label: "credence", factory: { StreamLogHandler.standardError(label: $0) })
        return try await explained {
            try DataFolder.make(options.folder)
            try DataFolder.check(options.folder)
            // A service that runs on it proves that it was made and is in order.
            guard let store = try storeUnlessServed(options) else {
                return Initialized(createdStore: false, adminKey: nil)
            }
            let stored = try await store.keyRing()
            let masterKeys = try await options.masterKeys()
            let keyRing: KeyRing
            if let stored {
                let masterKey = try await masterKeys.wrapping(keyCheck: stored.checkValue)
                keyRing = try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
            } else {
                try await options.masterKeyPlace.make(trusting: options.trustedCertificates)
                let masterKey = try await masterKeys.current.masterKey()
                let (made, dataKeys) = try KeyRing.create(masterKey: masterKey)
                guard try await store.insert(StoredKeyRing(checkValue: try masterKey.checkValue(), dataKeys: dataKeys))
                else {
                    throw CommandFailure(.tryLater, "Somebody else is making this data folder; try again.")
                }
                keyRing = made
            }
            let service = try await compose(
                options, store: store, keyRing: keyRing, masterKeys: masterKeys, logger: logger)
            var initialized = Initialized(createdStore: stored == nil)
            if try await !service.core.callers.all().contains(where: { $0.role == .admin && $0.revokedAt == nil }) {
                let name =
                    try await service.core.callers.all().contains { $0.id.string == "admin" } ? nil : CallerID("admin")
                initialized.adminKey = try await service.core.callers.add(
                    name, role: .admin, connections: [], labels: [:], by: local
                ).key
            }
            service.store.close()
            return initialized
        }
    }

    private static func storeUnlessServed(_ options: ServiceOptions) throws -> SQLiteStore? {
        do {
            return try SQLiteStore(folder: options.folder)
        } catch {
            guard error.code == .busy, PrivateFile.exists(options.socketPath) else { throw error }
            return nil
        }
    }
}
