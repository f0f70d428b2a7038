import Broker
import GRDB

/// A text that SQLite would silently cut short.
struct TextHoldsNUL: Error {}

extension StoreFailure {
    /// What an error of GRDB means for those who use the store. The error's own words stay out: they may quote a
    /// statement.
    init(_ error: any Error, path: String) {
        switch error {
        case let failure as StoreFailure:
            self = failure
        case is TextHoldsNUL:
            self.init(.other, "A text holds a NUL character, which the store does not keep: leave it out.")
        case let error as DatabaseError:
            self.init(error.extendedResultCode, path: path)
        case is Unreadable:
            self = .damagedRecord("record in \(path)")
        default:
            self.init(.other, "The database \(path) cannot be used (\(type(of: error))): restart Credence.")
        }
    }

    private init(_ code: ResultCode, path: String) {
        switch code.primaryResultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .busy, "Another program holds the database \(path): try again, and keep other programs away from it.")
        case .SQLITE_FULL:
            self.init(.notWritable, "The disk of \(path) is full: make room; what is stored is still there.")
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            self.init(
                .notWritable, "The database \(path) may not be written: see to its mode, its owner and its mount.")
        case .SQLITE_IOERR where code != .SQLITE_IOERR_NOMEM:
            self.init(
                .notWritable,
                "The disk of \(path) fails (SQLite code \(code.rawValue)): mend it, then restart Credence.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
            self = .damaged(path)
        default:
            self.init(.other, "The database \(path) cannot be used (SQLite code \(code.rawValue)): restart Credence.")
        }
    }

    static func damaged(_ path: String) -> StoreFailure {
        StoreFailure(
            .damaged, "The database \(path) is damaged: stop Credence, keep a copy of the folder, restore a backup.")
    }

    /// A row that does not hold what Credence writes.
    static func damagedRecord(_ what: String) -> StoreFailure {
        StoreFailure(.damaged, "The stored \(what) is damaged: restore a backup, or remove it and make it anew.")
    }
}
