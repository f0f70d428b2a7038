import Synchronization

/// AES-256-GCM under one random key that lives and dies with this process, for what is kept in memory: no derivation,
/// so opening costs a microsecond.
///
/// Sealed: `nonce(12) ciphertext tag(16)`.
public final class EphemeralSealer: Sendable {
    public static let overhead = Primitives.nonceCount + Primitives.tagCount

    /// Random nonces under one key are good for 2³² boxes (NIST SP 800-38D, section 8.3).
    private static let mostBoxes: UInt64 = 1 << 32

    private let key: SecretBytes
    private let sealed = Atomic<UInt64>(0)

    public init() {
        do { key = try SecretBytes.random(Primitives.keyCount) } catch { preconditionFailure("no randomness") }
    }

    /// - Parameter additionalData: whose box it is; it opens for nobody else.
    public func seal(_ plaintext: [UInt8], additionalData: [UInt8]) throws(SealingError) -> [UInt8] {
        guard sealed.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostBoxes else {
            throw SealingError(.library, "The key in memory has sealed all that it may: restart the service.")
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

    /// How many bytes opening the box gives.
    public func openedCount(of box: [UInt8]) -> Int { max(0, box.count - Self.overhead) }

    /// Opens into the front of `output` and returns how many bytes it wrote. Nothing but zeros stays in that part of
    /// `output` when the box does not open.
    public func open(
        _ box: [UInt8], additionalData: String, into output: UnsafeMutableRawBufferPointer
    ) throws(SealingError) -> Int {
        let count = openedCount(of: box)
        guard box.count >= Self.overhead else { throw Self.notOurs }
        precondition(output.count >= count, "the output must hold openedCount(of:) bytes")
        // As UTF-8 in place: nothing is allocated for it.
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
        guard isGenuine else { throw Self.notOurs }
        return count
    }

    private static let notOurs = SealingError(
        .damaged, "What is kept in memory was altered or belongs elsewhere: restart the service.")
}
