import Broker
import Glibc

/// The database file and what SQLite puts beside it, which nobody but their owner may read (security case S18).
struct DatabaseFile {
    let path: String

    /// Makes the file when there is none, and refuses one that is not what Credence would have made.
    ///
    /// SQLite gives `-wal` and `-shm` the mode of the database, so making that one 0600, whatever the umask,
    /// settles all three; what is already there is looked at nevertheless.
    func prepare() throws(StoreFailure) {
        let made = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        if made >= 0 {
            defer { close(made) }
            guard fchmod(made, 0o600) == 0 else { throw unusable(errno) }
        } else if errno != EEXIST {
            throw unusable(errno)
        }
        for suffix in ["", "-wal", "-shm", "-journal"] {
            try vet(path + suffix)
        }
    }

    private func vet(_ path: String) throws(StoreFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw unusable(errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreFailure(
                .other, "\(path) is not a regular file: put the database itself there, not a link to it.")
        }
        guard status.st_mode & 0o177 == 0 else {
            throw StoreFailure(.other, "Others may read or write \(path): take that away with chmod 600 \(path).")
        }
    }

    private func unusable(_ code: CInt) -> StoreFailure {
        StoreFailure(
            .notWritable,
            "The database \(path) cannot be opened (\(reason(code))): see to it that this user may write the folder "
                + "and that the disk has room.")
    }
}
