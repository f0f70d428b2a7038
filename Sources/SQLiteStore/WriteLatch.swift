import Broker
import GRDB
import Synchronization

/// Falls once, when the disk or the file has failed, and then lets no write pass any more.
///
/// A failed fsync may have dropped pages that a later fsync would call safe (security case S13), and writing into a
/// damaged file spreads the damage.
final class WriteLatch: Sendable {
    private let path: String
    private let failure = Mutex<StoreFailure?>(nil)
    private let refused = Atomic(false)
    private let onFatal: @Sendable (StoreFailure) -> Void

    init(path: String, onFatal: @escaping @Sendable (StoreFailure) -> Void) {
        self.path = path
        self.onFatal = onFatal
    }

    var hasFallen: Bool { failure.withLock { $0 != nil } }

    /// Whether the last write was refused, by a full disk or a mount that may not be written. That may pass.
    var isRefused: Bool { refused.load(ordering: .relaxed) }

    func wrote() {
        if isRefused { refused.store(false, ordering: .relaxed) }
    }

    func pass() throws(StoreFailure) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// What the error means; falls where it means the end.
    func judge(_ error: any Error) -> StoreFailure {
        let judged = StoreFailure(error, path: path)
        if judged.code == .notWritable { refused.store(true, ordering: .relaxed) }
        guard Self.isFatal(error) else { return judged }
        let isFirst = failure.withLock { first in
            defer { first = first ?? judged }
            return first == nil
        }
        if isFirst { onFatal(judged) }
        return judged
    }

    private static func isFatal(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        switch error.resultCode {
        case .SQLITE_IOERR: return error.extendedResultCode != .SQLITE_IOERR_NOMEM
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return true
        default: return false
        }
    }
}
