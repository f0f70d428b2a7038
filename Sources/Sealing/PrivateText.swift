import COpenSSL
import Glibc

/// Small files beside the master key: a passphrase, a salt, an access token.
package enum PrivateText {
    /// How much of `buffer` it filled. The owner and mode of a secret are those of a master key file.
    package static func read(
        _ path: String, what: String, into buffer: inout [UInt8], isSecret: Bool = true
    ) throws(SealingError) -> Int {
        // O_NONBLOCK: a named pipe is to be refused, not waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(what, path, reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(what, path, reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw unreadable(what, path, "it is not a regular file") }
        if isSecret {
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw SealingError(
                    .masterKeyPermissive, "\(what) \(path) belongs to user \(status.st_uid): chown it to the service's."
                )
            }
            guard status.st_mode & 0o7777 & ~0o600 == 0 else {
                throw SealingError(
                    .masterKeyPermissive, "\(what) \(path) may be read by others: chmod 0400 \(path).")
            }
        }
        var count = 0
        while count < buffer.count {
            let got = buffer.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(what, path, reason(errno)) }
            if got == 0 { return count }
            count += got
        }
        throw SealingError(.masterKeyMalformed, "\(what) \(path) is too long: it is another file.")
    }

    package static let longestWord = 8192

    /// The one word that stands in a file, such as an access token.
    package static func word(_ path: String, what: String, isSecret: Bool = true) throws(SealingError) -> String {
        var bytes = [UInt8](repeating: 0, count: longestWord + 1)
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let count = try read(path, what: what, into: &bytes, isSecret: isSecret)
        var text = bytes[..<count]
        while let last = text.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { text.removeLast() }
        guard !text.isEmpty, text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw SealingError(.masterKeyMalformed, "\(what) \(path) must be one word on one line.")
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A new file of mode 0400, on the disk before this returns. Never replaces one.
    package static func create(_ path: String, _ bytes: [UInt8], what: String) throws(SealingError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o400)
        guard descriptor >= 0 else { throw unwritable(what, path, errno) }
        var isDone =
            fchmod(descriptor, 0o400) == 0 && write(descriptor, bytes, bytes.count) == bytes.count
            && fsync(descriptor) == 0
        var number = errno
        close(descriptor)
        if isDone {
            isDone = syncFolder(of: path)
            number = errno
        }
        guard isDone else {
            unlink(path)
            throw unwritable(what, path, number)
        }
    }

    /// A new file is only sure to be found again once its folder is on the disk (fsync(2)).
    private static func syncFolder(of path: String) -> Bool {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        let isSynced = fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        errno = number
        return isSynced
    }

    private static func unreadable(_ what: String, _ path: String, _ why: String) -> SealingError {
        SealingError(.masterKeyUnreadable, "\(what) \(path) cannot be read (\(why)): bring it back.")
    }

    private static func unwritable(_ what: String, _ path: String, _ number: Int32) -> SealingError {
        if number == EEXIST {
            return SealingError(.masterKeyUnwritable, "\(what) \(path) is there already: use it, or name another file.")
        }
        return SealingError(
            .masterKeyUnwritable,
            "\(what) \(path) cannot be written (\(reason(number))): name a file in a folder that takes one.")
    }

    private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
