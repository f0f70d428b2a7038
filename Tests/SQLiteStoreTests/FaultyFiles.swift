import Foundation
import GRDBSQLite
import Synchronization
import Testing

/// SQLite's own files, which fail when they are told to: a VFS (sqlite.org/vfs.html) in front of the system's.
///
/// It is the process's default and lets everything through, but for the files of the one folder that is armed.
enum FaultyFiles {
    /// What is asked of a disk.
    enum Kind: CaseIterable, Sendable { case read, write, sync, truncate, delete, open }

    struct Fault: Sendable {
        let folder: String
        /// Which of the calls from now on fails, from 1.
        let number: Int
        /// Whether all after it fail as well.
        let isSticky: Bool
        /// SQLITE_FULL in place of an I/O error, where it is a write.
        let isFull: Bool
        fileprivate(set) var calls = 0
        fileprivate(set) var failed: [Kind] = []
    }

    private static let armed = Mutex<Fault?>(nil)
    /// Before SQLite's file stands ours; the system's begins behind it.
    private static let header = 64

    static func arm(_ folder: String, failing number: Int, sticky: Bool, full: Bool) {
        armed.withLock { $0 = Fault(folder: folder, number: number, isSticky: sticky, isFull: full) }
    }

    @discardableResult
    static func disarm() -> Fault? {
        armed.withLock { fault in
            defer { fault = nil }
            return fault
        }
    }

    /// The code to fail with; nil when the call goes through.
    fileprivate static func code(_ kind: Kind, _ path: UnsafePointer<CChar>?) -> CInt? {
        guard let path else { return nil }
        return armed.withLock { fault in
            guard let folder = fault?.folder, String(cString: path).hasPrefix(folder) else { return nil }
            fault?.calls += 1
            guard let known = fault, known.calls == known.number || (known.isSticky && known.calls > known.number)
            else { return nil }
            fault?.failed.append(kind)
            return switch kind {
            case .read: SQLITE_IOERR | 1 << 8
            case .write: known.isFull ? SQLITE_FULL : SQLITE_IOERR | 3 << 8
            case .sync: SQLITE_IOERR | 4 << 8
            case .truncate: SQLITE_IOERR | 6 << 8
            case .delete: SQLITE_IOERR | 10 << 8
            case .open: SQLITE_CANTOPEN
            }
        }
    }

    // MARK: The VFS

    private nonisolated(unsafe) static let system = sqlite3_vfs_find(nil)!
    private nonisolated(unsafe) static let shim = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    fileprivate nonisolated(unsafe) static let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)

    /// Once for the process.
    static let isInstalled: Bool = {
        let system = Self.system
        methods.initialize(to: ioMethods())
        var vfs = system.pointee
        vfs.szOsFile += CInt(header)
        vfs.zName = UnsafePointer(strdup("faulty"))
        vfs.xOpen = { vfs, name, file, flags, outFlags in
            guard let file else { return SQLITE_MISUSE }
            file.pointee.pMethods = nil
            if let code = FaultyFiles.code(.open, name) { return code }
            let real = FaultyFiles.real(file)
            real.pointee.pMethods = nil
            let result = FaultyFiles.system.pointee.xOpen(FaultyFiles.system, name, real, flags, outFlags)
            FaultyFiles.path(file).pointee = name
            if real.pointee.pMethods != nil { file.pointee.pMethods = UnsafePointer(FaultyFiles.methods) }
            return result
        }
        vfs.xDelete = { _, name, sync in
            FaultyFiles.code(.delete, name) ?? FaultyFiles.system.pointee.xDelete(FaultyFiles.system, name, sync)
        }
        shim.initialize(to: vfs)
        return sqlite3_vfs_register(shim, 1) == SQLITE_OK
    }()

    private static func real(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<sqlite3_file> {
        (UnsafeMutableRawPointer(file) + header).assumingMemoryBound(to: sqlite3_file.self)
    }

    /// SQLite keeps the name as long as the file is open.
    private static func path(
        _ file: UnsafeMutablePointer<sqlite3_file>
    ) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
        (UnsafeMutableRawPointer(file) + 16).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
    }

    private static func pass(
        _ file: UnsafeMutablePointer<sqlite3_file>?, _ kind: Kind? = nil,
        _ call: (sqlite3_io_methods, UnsafeMutablePointer<sqlite3_file>) -> CInt
    ) -> CInt {
        guard let file else { return SQLITE_MISUSE }
        if let kind, let code = code(kind, path(file).pointee) { return code }
        let real = real(file)
        return call(real.pointee.pMethods.pointee, real)
    }

    private static func ioMethods() -> sqlite3_io_methods {
        var table = sqlite3_io_methods()
        table.iVersion = 2
        table.xClose = { file in
            let result = FaultyFiles.pass(file) { $0.xClose($1) }
            file?.pointee.pMethods = nil
            return result
        }
        table.xRead = { file, buffer, count, offset in
            FaultyFiles.pass(file, .read) { $0.xRead($1, buffer, count, offset) }
        }
        table.xWrite = { file, buffer, count, offset in
            FaultyFiles.pass(file, .write) { $0.xWrite($1, buffer, count, offset) }
        }
        table.xTruncate = { file, size in FaultyFiles.pass(file, .truncate) { $0.xTruncate($1, size) } }
        table.xSync = { file, flags in FaultyFiles.pass(file, .sync) { $0.xSync($1, flags) } }
        table.xFileSize = { file, size in FaultyFiles.pass(file) { $0.xFileSize($1, size) } }
        table.xLock = { file, level in FaultyFiles.pass(file) { $0.xLock($1, level) } }
        table.xUnlock = { file, level in FaultyFiles.pass(file) { $0.xUnlock($1, level) } }
        table.xCheckReservedLock = { file, out in FaultyFiles.pass(file) { $0.xCheckReservedLock($1, out) } }
        table.xFileControl = { file, operation, argument in
            FaultyFiles.pass(file) { $0.xFileControl($1, operation, argument) }
        }
        table.xSectorSize = { file in FaultyFiles.pass(file) { $0.xSectorSize($1) } }
        table.xDeviceCharacteristics = { file in FaultyFiles.pass(file) { $0.xDeviceCharacteristics($1) } }
        table.xShmMap = { file, region, size, extend, out in
            FaultyFiles.pass(file) { $0.xShmMap($1, region, size, extend, out) }
        }
        table.xShmLock = { file, offset, count, flags in
            FaultyFiles.pass(file) { $0.xShmLock($1, offset, count, flags) }
        }
        table.xShmBarrier = { file in
            _ = FaultyFiles.pass(file) {
                $0.xShmBarrier($1)
                return SQLITE_OK
            }
        }
        table.xShmUnmap = { file, delete in FaultyFiles.pass(file) { $0.xShmUnmap($1, delete) } }
        return table
    }
}
