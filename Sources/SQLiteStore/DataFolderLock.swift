public import Broker
import CProcess
import Glibc
import Synchronization

/// Holds a data folder for one process: two that spend the same refresh tokens would lose them.
///
/// The lock is an open-file-description lock on a file of its own: closing any descriptor of the database itself
/// would drop a POSIX lock held on it. The kernel lets go of it when the process ends, however it ends.
public final class DataFolderLock: Sendable {
    private let descriptor: Mutex<CInt?>

    /// - Throws: `.busy` when another process holds the folder.
    public init(folder: String) throws(StoreFailure) {
        let path = folder + "/credence.lock"
        let opened = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw StoreFailure(
                .notWritable,
                "The lock file \(path) cannot be opened (\(reason(errno))): see to it that the folder is there and "
                    + "that this user may write it.")
        }
        let code = credence_lock_file(opened)
        guard code == 0 else {
            close(opened)
            if code == EAGAIN || code == EACCES {
                throw StoreFailure(
                    .busy,
                    "Another Credence uses the folder \(folder): stop it first, or ask it over its socket or its API.")
            }
            throw StoreFailure(
                .other,
                "The folder \(folder) cannot be locked (\(reason(code))): put it on a local file system.")
        }
        descriptor = Mutex(opened)
    }

    deinit {
        release()
    }

    /// Lets others have the folder. Harmless when called twice.
    public func release() {
        descriptor.withLock { descriptor in
            guard let open = descriptor else { return }
            // Closing alone would leave the lock with a child process that was just forked and holds a copy of the
            // descriptor until it calls exec.
            var whole = flock()
            whole.l_type = CShort(F_UNLCK)
            _ = fcntl(open, setOpenFileDescriptionLock, &whole)
            close(open)
            descriptor = nil
        }
    }
}

/// F_OFD_SETLK (fcntl(2)), which Glibc's Swift module leaves out.
private let setOpenFileDescriptionLock: CInt = 37

/// The system's words for an error number.
func reason(_ code: CInt) -> String {
    String(cString: strerror(code))
}
