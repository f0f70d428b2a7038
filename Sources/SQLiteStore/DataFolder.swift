public import Broker
import Glibc

/// The folder that everything lives in: private, real, and its owner's (security case S18).
public enum DataFolder {
    /// Makes the folder with mode 0700 where there is none.
    public static func make(_ path: String) throws(StoreFailure) {
        guard access(path, F_OK) != 0 else { return }
        guard mkdir(path, 0o700) == 0 else {
            throw StoreFailure(.notWritable, "The data folder \(path) cannot be made: \(reason(errno)).")
        }
    }

    /// Refuses a folder that is a link, somebody else's, or open to others.
    public static func check(_ path: String) throws(StoreFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw StoreFailure(.unreachable, "There is no data folder \(path). Make one: credence init --data \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StoreFailure(.unreachable, "\(path) is not a folder (links are refused): name the real folder.")
        }
        guard status.st_uid == geteuid() else {
            throw StoreFailure(.unreachable, "The data folder \(path) is another user's: run credence as its owner.")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StoreFailure(.unreachable, "The data folder \(path) is open to others: chmod 700 \(path)")
        }
    }
}
