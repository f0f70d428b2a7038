/// The key that wraps the data keys. It is asked for when the service starts, and seals nothing else.
public struct MasterKey: Sendable {
    let key: SecretBytes

    /// - Parameter bytes: 32 bytes.
    public init(_ bytes: SecretBytes) throws(SealingError) {
        guard bytes.count == Primitives.keyCount else {
            throw SealingError(.masterKeyMalformed, "A master key is 32 bytes; this one has \(bytes.count).")
        }
        key = bytes
    }

    /// 16 bytes that name the key and reveal nothing of it: stored beside the key ring.
    public func checkValue() throws(SealingError) -> [UInt8] {
        var value = [UInt8](repeating: 0, count: 16)
        let info = Array("credence/kcv/1".utf8)
        let isDerived = value.withUnsafeMutableBytes { output in
            key.withUnsafeBytes { key in
                info.withUnsafeBytes { info in
                    Primitives.hkdf(
                        key: key, salt: UnsafeRawBufferPointer(start: nil, count: 0), info: info, output: output)
                }
            }
        }
        guard isDerived else { throw .library("HKDF") }
        return value
    }
}

/// Where the master key comes from.
public protocol MasterKeySource: Sendable {
    func masterKey() throws(SealingError) -> MasterKey
}
