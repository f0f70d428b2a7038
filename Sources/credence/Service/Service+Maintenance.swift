import AuditLog
import Broker
import BrokerHTTP
import Glibc
import Logging
import SQLiteStore
import Sealing

extension Service {
    /// What the routes of operations do with files.
    var maintenanceWork: MaintenanceWork {
        MaintenanceWork(
            backup: { [core, options] caller async throws(BrokerError) in
                let path = "\(options.folder)/backup-\(SystemRandom().bytes(8).hexadecimal).tmp"
                do throws(BrokerError) {
                    guard PrivateFile.make(path) else {
                        throw .internalError("A backup cannot be made in \(options.folder): is the disk full?")
                    }
                    try await core.maintenance.backup(to: path, credence: Credence.version, by: caller)
                } catch {
                    unlink(path)
                    throw error
                }
                return path
            },
            read: { path, start, count in
                guard let piece = PrivateFile.read(path, from: start, count: count) else {
                    throw BrokerError.internalError("The backup cannot be read.")
                }
                return piece
            },
            remove: { unlink($0) },
            claim: { [core, options, store] caller async throws(BrokerError) in
                do {
                    try core.audit.record(
                        AuditEvent(at: core.clock.now, action: .storeClaim, caller: caller.id.string))
                } catch {
                    throw .auditUnavailable
                }
                do {
                    try await InstanceMark(folder: options.folder).claim(store, random: SystemRandom())
                    try await InstanceMark(folder: options.folder).started(store)
                } catch {
                    throw .internalError("The claim cannot be written: \(error)")
                }
                core.hold.end()
            })
    }

    /// Puts a backup into an empty folder. Whatever goes wrong, the folder is as empty as before.
    /// - Returns: what the backup says of itself.
    static func restore(_ file: String, _ options: ServiceOptions) async throws -> BackupManifest {
        let logger = Logger(label: "credence", factory: { StreamLogHandler.standardError(label: $0) })
        return try await explained {
            let backup = try BackupFile(path: file)
            try DataFolder.make(options.folder)
            try DataFolder.check(options.folder)
            try checkEmpty(options)
            do {
                try backup.install(in: options.folder)
                let store = try SQLiteStore(folder: options.folder)
                defer { store.close() }
                guard let stored = try await store.keyRing() else {
                    throw CommandFailure(.failed, "\(file) holds no key ring: it is no backup of a data folder.")
                }
                let masterKeys = try await options.masterKeys()
                let masterKey = try await masterKeys.wrapping(keyCheck: stored.checkValue)
                let keyRing = try KeyRing.open(stored.dataKeys, keyCheck: stored.checkValue, masterKey: masterKey)
                let installation = InstallationKey(
                    store: store, sealing: GrantSealing(keyRing: keyRing), random: SystemRandom())
                guard try await installation.signed(backup.text, as: backup.mac, for: .backup) else {
                    throw CommandFailure(
                        .refused,
                        "\(file) was changed after it was made: its manifest is not signed by this installation.")
                }
                if backup.manifest.auditSequence > 0 {
                    try FileAuditSink.continue(
                        behind: backup.manifest.auditSequence, mac: backup.manifest.auditMAC,
                        heads: options.audit.heads ?? options.folder + "/audit.heads",
                        keys: AuditKeys(
                            chain: try await installation.derived(for: .auditChain),
                            head: try await installation.derived(for: .auditHead)))
                }
                var quiet = logger
                quiet.logLevel = .error
                let service = try await compose(
                    options, store: store, keyRing: keyRing, masterKeys: masterKeys, logger: quiet, isRestoring: true)
                try service.core.audit.record(
                    AuditEvent(at: service.core.clock.now, action: .storeRestore, caller: "local"))
                return backup.manifest
            } catch {
                for name in ["credence.db", "credence.db-wal", "credence.db-shm", "audit.log", "audit.heads", "spool"] {
                    unlink("\(options.folder)/\(name)")
                }
                throw error
            }
        }
    }

    /// Nothing is ever restored over anything.
    private static func checkEmpty(_ options: ServiceOptions) throws {
        guard let directory = opendir(options.folder) else {
            throw CommandFailure(.failed, "\(options.folder) cannot be read.")
        }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard [".", "..", "master.key", "credence.lock"].contains(name) else {
                throw CommandFailure(
                    .refused,
                    "\(options.folder) holds \(Terminal.printable(name)): a backup goes into an empty folder, in which only master.key may lie."
                )
            }
        }
    }
}
