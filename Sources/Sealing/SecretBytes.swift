import COpenSSL

/// Secret bytes in storage of their own: never copied by Swift, cleansed when the last owner lets go, printed as dots.
///
/// What is copied out of here (into a `String`, into a response) is beyond its reach: cleansing in Swift is best effort
/// (docs/threat-model.md).
public final class SecretBytes: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    // @unchecked: written only while it is being made.
    private let pointer: UnsafeMutableRawPointer
    public let count: Int

    private init(count: Int) {
        self.count = count
        pointer = .allocate(byteCount: max(count, 1), alignment: 16)
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

    public static func random(_ count: Int) throws(SealingError) -> SecretBytes {
        let made = SecretBytes(count: count) { buffer in
            RAND_priv_bytes(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(count)) == 1
        }
        guard let made else { throw .library("RAND_priv_bytes") }
        return made
    }

    deinit {
        OPENSSL_cleanse(pointer, count)
        pointer.deallocate()
    }

    public func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    public var description: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
