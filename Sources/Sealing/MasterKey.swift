/// The key that wraps the data keys. It is asked for when the service starts, and seals nothing else.
public struct MasterKey: Sendable {
    let key: SecretBytes
    /// 16 hexadecimal digits that name the key and reveal nothing of it: they stand in the additional data of every
    /// data key that it wraps.
    public let id: String

    /// - Parameter bytes: 32 bytes.
    public init(_ bytes: SecretBytes) throws(SealingError) {
        guard bytes.count == Primitives.keyCount else {
            throw SealingError(
                .masterKeyMalformed,
                "A master key is 32 bytes, but this one has \(bytes.count): bring back the right one.")
        }
        key = bytes
        id = hexadecimal(try Self.fingerprint(of: bytes, info: "credence/kid/1", count: 8))
    }

    /// 16 bytes that reveal nothing of the key either: stored beside the key ring, and compared before it is opened.
    public func checkValue() throws(SealingError) -> [UInt8] {
        try Self.fingerprint(of: key, info: "credence/kcv/1", count: 16)
    }

    private static func fingerprint(of key: SecretBytes, info: String, count: Int) throws(SealingError) -> [UInt8] {
        try hkdfSHA512(key, salt: [], info: Array(info.utf8), count: count).withUnsafeBytes { Array($0) }
    }
}

/// Where the master key comes from. Asked when the service starts and when keys change, never for a request.
public protocol MasterKeySource: Sendable {
    func masterKey() async throws(SealingError) -> MasterKey
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
