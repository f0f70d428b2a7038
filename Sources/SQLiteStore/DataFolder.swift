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

    /// What the file system calls a file: a copy has another one. 0 where there is no such file.
    public static func fileNumber(of path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    /// Names of links, and of files that others may read or write.
    public static func looseFiles(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var loose: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard name != ".", name != "..", lstat("\(folder)/\(name)", &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            if kind == S_IFLNK || (kind != S_IFSOCK && status.st_mode & 0o077 != 0) { loose.append(name) }
        }
        return loose.sorted()
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
