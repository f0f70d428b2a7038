import COpenSSL

/// Secret bytes in storage of their own: not copied by Swift, cleansed when the last owner lets go, printed as dots.
/// Keys lie in OpenSSL's secure heap while it has room: locked in memory, left out of core dumps.
///
/// What is copied out of here (into a `String`, into a response) is beyond its reach: cleansing in Swift is best effort.
public final class SecretBytes: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    // @unchecked: written only while it is being made.
    private let pointer: UnsafeMutableRawPointer
    public let count: Int

    /// What a key and its commitment need together; longer secrets are not keys.
    private static let longestKey = 64

    /// 256 KiB in pieces of 16 bytes. Where the system lends no locked memory, keys lie in the ordinary heap.
    private static let hasSecureHeap = CRYPTO_secure_malloc_init(1 << 18, 16) != 0

    /// The rest is OpenSSL's own: each thread's generator takes 256 bytes of it, and one that finds no room gives no
    /// randomness at all.
    private static let share = 1 << 15

    private init(count: Int) {
        precondition(count >= 0)
        self.count = count
        let size = max(count, 1)
        var pointer: UnsafeMutableRawPointer?
        if count <= Self.longestKey, Self.hasSecureHeap, CRYPTO_secure_used() < Self.share {
            pointer = CRYPTO_secure_malloc(size, #fileID, #line)
        }
        guard let pointer = pointer ?? CRYPTO_malloc(size, #fileID, #line) else { preconditionFailure("out of memory") }
        self.pointer = pointer
    }

    /// - Parameter fill: writes all `count` bytes and says whether it could; if not, there is no value, and what was
    ///   written is cleansed.
    convenience init?(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Bool) {
        self.init(count: count)
        guard fill(UnsafeMutableRawBufferPointer(start: pointer, count: count)) else { return nil }
    }

    public convenience init(copying bytes: some Collection<UInt8>) {
        self.init(count: bytes.count)
        UnsafeMutableRawBufferPointer(start: pointer, count: count).copyBytes(from: bytes)
    }

    /// `count` bytes from OpenSSL's generator for private values (RAND_priv_bytes(3)).
    public static func random(_ count: Int) throws(SealingError) -> SecretBytes {
        let made = SecretBytes(count: count) { buffer in
            RAND_priv_bytes(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(count)) == 1
        }
        guard let made else { throw .library("RAND_priv_bytes") }
        return made
    }

    deinit {
        // Cleanses, and knows which heap the bytes lie in.
        CRYPTO_secure_clear_free(pointer, max(count, 1), #fileID, #line)
    }

    public func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    /// In a time that depends on the lengths alone.
    func isEqual(to other: SecretBytes) -> Bool {
        count == other.count && CRYPTO_memcmp(pointer, other.pointer, count) == 0
    }

    public var description: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
