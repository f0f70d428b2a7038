import COpenSSL
import Glibc

/// The master key in a file of its own: 64 hexadecimal digits and a line end, mode 0400, owned by the service's user.
public struct FileMasterKeySource: MasterKeySource {
    private let path: String
    /// systemd's credential folder is a private mount whose files may belong to root (systemd.exec(5)).
    private let mayBelongToRoot: Bool

    public init(path: String) {
        self.init(path: path, mayBelongToRoot: true)
    }

    init(path: String, mayBelongToRoot: Bool) {
        self.path = path
        self.mayBelongToRoot = mayBelongToRoot
    }

    public func masterKey() throws(SealingError) -> MasterKey {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            let reason = errno == ELOOP ? "it is a symbolic link; name the file itself" : String(cString: strerror(errno))
            throw SealingError(
                .masterKeyUnreadable,
                "The master key \(path) cannot be read: \(reason). Without it nothing can be opened: bring back your copy.")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SealingError(.masterKeyUnreadable, "The master key \(path) is not a regular file.")
        }
        guard status.st_uid == geteuid() || (mayBelongToRoot && status.st_uid == 0) else {
            throw SealingError(.masterKeyPermissive, "The master key \(path) belongs to another user: chown it to the service's.")
        }
        guard status.st_mode & 0o377 == 0 else {
            throw SealingError(
                .masterKeyPermissive,
                "The master key \(path) has mode \(String(status.st_mode & 0o777, radix: 8)), but must be 0400: chmod 0400 \(path)")
        }
        var text = [UInt8](repeating: 0, count: 80)
        defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var count = 0
        while count < text.count {
            let got = text.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            guard got > 0 else { break }
            count += got
        }
        return try Self.parse(text[..<count], name: path)
    }

    static func parse(_ text: ArraySlice<UInt8>, name: String) throws(SealingError) -> MasterKey {
        var digits = text
        while let last = digits.last, last == 0x0A || last == 0x0D { digits.removeLast() }
        guard digits.count == 64 else {
            throw SealingError(
                .masterKeyMalformed, "The master key \(name) must be 64 hexadecimal digits; it has \(digits.count) characters.")
        }
        let start = digits.startIndex
        let key = SecretBytes(count: 32) { output in
            for index in 0..<32 {
                guard let high = hexadecimalValue(digits[start + index * 2]),
                    let low = hexadecimalValue(digits[start + index * 2 + 1])
                else { return false }
                output[index] = high << 4 | low
            }
            return true
        }
        guard let key else {
            throw SealingError(.masterKeyMalformed, "The master key \(name) must be 64 hexadecimal digits.")
        }
        return try MasterKey(key)
    }

    private static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x61 + 10
        case 0x41...0x46: byte - 0x41 + 10
        default: nil
        }
    }

    /// Makes a new key in a new file, on the disk before this returns. Never replaces one.
    public static func createFile(at path: String) throws(SealingError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o400)
        guard descriptor >= 0 else {
            throw SealingError(.masterKeyUnreadable, "The master key \(path) cannot be made: \(String(cString: strerror(errno))).")
        }
        let key = try SecretBytes.random(32)
        var text: [UInt8] = []
        defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let digits = Array("0123456789abcdef".utf8)
        text.reserveCapacity(65)
        key.withUnsafeBytes { bytes in
            for byte in bytes {
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
        text.append(0x0A)
        let isWritten = write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
        let reason = String(cString: strerror(errno))
        guard close(descriptor) == 0, isWritten, syncFolder(of: path) else {
            unlink(path)
            throw SealingError(.masterKeyUnreadable, "The master key \(path) cannot be written: \(reason).")
        }
    }

    private static func syncFolder(of path: String) -> Bool {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }
}

/// The master key as a systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`, systemd.exec(5)).
public struct SystemdCredentialSource: MasterKeySource {
    private let name: String
    private let folder: String?

    /// - Parameter folder: $CREDENTIALS_DIRECTORY where nil.
    public init(name: String, folder: String? = nil) {
        self.name = name
        self.folder = folder ?? getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) }
    }

    /// Whether systemd was told to pass it.
    public var isPresent: Bool {
        guard let folder else { return false }
        return access("\(folder)/\(name)", F_OK) == 0
    }

    public func masterKey() throws(SealingError) -> MasterKey {
        guard let folder else {
            throw SealingError(.masterKeyUnreadable, "There is no $CREDENTIALS_DIRECTORY: add LoadCredential=\(name) to the unit.")
        }
        return try FileMasterKeySource(path: "\(folder)/\(name)", mayBelongToRoot: true).masterKey()
    }
}
