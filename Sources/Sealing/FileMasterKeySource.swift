import COpenSSL
import Glibc

/// The master key in a file of its own: 64 hexadecimal digits and a line end, mode 0400, owned by the service's user or
/// by root.
public struct FileMasterKeySource: MasterKeySource {
    private let path: String
    private let isCredential: Bool

    public init(path: String) {
        self.init(path: path, isCredential: false)
    }

    /// - Parameter isCredential: the file lies in $CREDENTIALS_DIRECTORY.
    init(path: String, isCredential: Bool) {
        self.path = path
        self.isCredential = isCredential
    }

    public func masterKey() throws(SealingError) -> MasterKey {
        // O_NONBLOCK: a named pipe is to be refused, not waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ELOOP {
                throw SealingError(
                    .masterKeyUnreadable, "The master key \(path) is a symbolic link: name the file itself.")
            }
            throw unreadable(errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(errno) }
        let refusal = Self.refusal(of: status, path: path, user: geteuid(), isCredential: isCredential)
        if let refusal { throw refusal }
        // One byte more than the longest form, which tells a longer file.
        var text = [UInt8](repeating: 0, count: MasterKeyText.longest + 1)
        defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var count = 0
        while count < text.count {
            let got = text.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(errno) }
            if got == 0 { break }
            count += got
        }
        return try text.withUnsafeBytes { MasterKeyText.parse($0[..<count], path: path) }.get()
    }

    private func unreadable(_ number: Int32) -> SealingError {
        SealingError(
            .masterKeyUnreadable,
            "The master key \(path) cannot be read (\(text(number))): without it nothing opens, bring back your copy."
        )
    }

    /// Why a file of this kind, owner and mode is not taken; nil where it is.
    static func refusal(of status: stat, path: String, user: uid_t, isCredential: Bool) -> SealingError? {
        guard status.st_mode & S_IFMT == S_IFREG else {
            return SealingError(
                .masterKeyUnreadable, "The master key \(path) is not a regular file: name the file itself.")
        }
        guard status.st_uid == user || status.st_uid == 0 else {
            return SealingError(
                .masterKeyPermissive,
                "The master key \(path) belongs to user \(status.st_uid): chown it to the service's user, \(user).")
        }
        // systemd lends root's file to the service's user by an access list, whose mask shows as the group's right to
        // read; the group itself has none (systemd issue 29435).
        let isLent = isCredential && status.st_uid == 0 && status.st_gid == 0
        let allowed: mode_t = isLent ? 0o440 : 0o400
        let mode = status.st_mode & 0o7777
        guard mode & ~allowed == 0 else {
            return SealingError(
                .masterKeyPermissive,
                "The master key \(path) has mode 0\(String(mode, radix: 8)), but must have 0400: chmod 0400 \(path).")
        }
        return nil
    }

    /// Makes a new key in a new file, on the disk before this returns. Never replaces one.
    public static func createFile(at path: String) throws(SealingError) {
        var text = MasterKeyText.make(try SecretBytes.random(Primitives.keyCount))
        defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        try PrivateText.create(path, text, what: "The master key")
    }
}

private func text(_ number: Int32) -> String { String(cString: strerror(number)) }
