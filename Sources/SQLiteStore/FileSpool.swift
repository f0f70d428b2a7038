public import Broker
import Glibc
import Synchronization

/// A file beside the database, its space taken beforehand: a disk that fills up later leaves it usable.
///
/// Places of equal size, each `length(4) bytes`. A write is durable on return. What a crash tears is no record for whoever
/// opens it; the length is written with the bytes, since they are sealed.
public final class FileSpool: CredentialSpool {
    private struct State {
        var taken: Set<Int> = []
        var isBroken = false
    }

    private let path: String
    private let descriptor: Int32
    private let state = Mutex(State())

    public static let places = 64
    /// Two tokens of 64 KiB each, sealed and in base64, and what else a grant holds.
    static let size = 256 * 1024

    /// Opens the file, or makes it with mode 0600 and all its space.
    public init(path: String) throws(StoreFailure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw StoreFailure(.notWritable, "The spool \(path) cannot be opened: \(reason(errno)).")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0 else {
            close(descriptor)
            throw StoreFailure(.notWritable, "The spool \(path) is not a private file: move it away.")
        }
        let code = posix_fallocate(descriptor, 0, off_t(Self.places * Self.size))
        guard code == 0, fsync(descriptor) == 0 else {
            close(descriptor)
            throw StoreFailure(.notWritable, "There is no room for the spool \(path): \(reason(code)). Make some.")
        }
        let found = try waiting()
        state.withLock { $0.taken = Set(found.map(\.place)) }
    }

    deinit {
        close(descriptor)
    }

    public func keep(_ record: [UInt8]) throws(StoreFailure) -> Int {
        guard record.count <= Self.size - 4 else {
            throw StoreFailure(.other, "A record of \(record.count) bytes does not fit into the spool.")
        }
        let place = state.withLock { state -> Int? in
            guard !state.isBroken, let free = (0..<Self.places).first(where: { !state.taken.contains($0) }) else {
                return nil
            }
            state.taken.insert(free)
            return free
        }
        guard let place else { throw StoreFailure(.notWritable, "The spool \(path) is full, or broken.") }
        let length = UInt32(record.count).bigEndian
        let bytes = withUnsafeBytes(of: length) { Array($0) } + record
        guard write(bytes, at: place) else {
            // After a failed fsync nothing that the file holds is certain any more.
            state.withLock { $0.isBroken = true }
            throw StoreFailure(.notWritable, "The spool \(path) cannot be written: \(reason(errno)).")
        }
        return place
    }

    public func free(_ place: Int) {
        guard write([0, 0, 0, 0], at: place) else { return }
        state.withLock { _ = $0.taken.remove(place) }
    }

    public func waiting() throws(StoreFailure) -> [(place: Int, record: [UInt8])] {
        var found: [(place: Int, record: [UInt8])] = []
        for place in 0..<Self.places {
            let head = try read(4, at: place, offset: 0)
            let length = Int(head.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
            guard length > 0, length <= Self.size - 4 else { continue }
            found.append((place, try read(length, at: place, offset: 4)))
        }
        return found
    }

    private func write(_ bytes: [UInt8], at place: Int) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress! + done, bytes.count - done, off_t(place * Self.size + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return fdatasync(descriptor) == 0
    }

    private func read(_ count: Int, at place: Int, offset: Int) throws(StoreFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress! + done, count - done, off_t(place * Self.size + offset + done))
            }
            if read < 0, errno == EINTR { continue }
            guard read > 0 else { throw StoreFailure(.damaged, "The spool \(path) cannot be read: \(reason(errno)).") }
            done += read
        }
        return bytes
    }
}
