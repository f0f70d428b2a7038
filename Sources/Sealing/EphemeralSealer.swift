import Synchronization

/// AES-256-GCM under one random key that lives and dies with this process, for what is kept in memory: no derivation, so
/// opening costs a microsecond.
///
/// Sealed: `nonce(12) ciphertext tag(16)`. Random nonces under one key are good for 2³² boxes; it stops at 2³¹.
public final class EphemeralSealer: Sendable {
    public static let overhead = Primitives.nonceCount + Primitives.tagCount

    private let key: SecretBytes
    private let sealed = Atomic<UInt64>(0)

    public init() {
        do { key = try SecretBytes.random(Primitives.keyCount) } catch { preconditionFailure("no randomness") }
    }

    public func seal(_ plaintext: [UInt8], additionalData: [UInt8]) throws(SealingError) -> [UInt8] {
        guard sealed.wrappingAdd(1, ordering: .relaxed).newValue < 1 << 31 else {
            throw SealingError(.library, "The in-memory key has sealed its share: restart the service.")
        }
        var box = randomBytes(Primitives.nonceCount)
        box.append(contentsOf: repeatElement(0, count: plaintext.count + Primitives.tagCount))
        let isSealed = box.withUnsafeMutableBytes { box in
            key.withUnsafeBytes { key in
                additionalData.withUnsafeBytes { additionalData in
                    plaintext.withUnsafeBytes { plaintext in
                        Primitives.encrypt(
                            key: key, nonce: UnsafeRawBufferPointer(rebasing: box[..<Primitives.nonceCount]),
                            additionalData: additionalData, plaintext: plaintext,
                            output: UnsafeMutableRawBufferPointer(rebasing: box[Primitives.nonceCount...]))
                    }
                }
            }
        }
        guard isSealed else { throw .library("AES-256-GCM encryption") }
        return box
    }

    public func openedCount(of box: [UInt8]) -> Int { max(0, box.count - Self.overhead) }

    /// Opens into the front of `output` and returns how many bytes it wrote.
    public func open(
        _ box: [UInt8], additionalData: String, into output: UnsafeMutableRawBufferPointer
    ) throws(SealingError) -> Int {
        let count = openedCount(of: box)
        guard box.count >= Self.overhead, output.count >= count else { throw .damaged("a box in memory is too short") }
        var additionalData = additionalData
        let isGenuine = additionalData.withUTF8 { additionalData in
            key.withUnsafeBytes { key in
                box.withUnsafeBytes { box in
                    Primitives.decrypt(
                        key: key, nonce: UnsafeRawBufferPointer(rebasing: box[..<Primitives.nonceCount]),
                        additionalData: UnsafeRawBufferPointer(additionalData),
                        ciphertext: UnsafeRawBufferPointer(rebasing: box[Primitives.nonceCount...]),
                        output: UnsafeMutableRawBufferPointer(rebasing: output[..<count]))
                }
            }
        }
        guard isGenuine else { throw .damaged("a box in memory was altered") }
        return count
    }
}
