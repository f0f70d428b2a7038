import COpenSSL

/// SHA-256 (FIPS 180-4), 32 bytes.
public func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    if let digest = bytes.withContiguousStorageIfAvailable({ Primitives.sha256(UnsafeRawBufferPointer($0)) }) {
        return digest
    }
    return Array(bytes).withUnsafeBytes { Primitives.sha256($0) }
}

/// HMAC-SHA-256 (RFC 2104), 32 bytes.
public func hmacSHA256(key: SecretBytes, _ data: [UInt8]) -> [UInt8] {
    let code = key.withUnsafeBytes { key in data.withUnsafeBytes { Primitives.hmacSHA256(key: key, $0) } }
    guard let code else { preconditionFailure("HMAC-SHA-256 failed") }
    return code
}

/// HKDF-SHA-512 (RFC 5869).
///
/// - Parameters:
///   - info: what the derived key is for; 1,024 bytes at most.
///   - count: bytes wanted, 1 to 16,320 (255 times the digest's 64, RFC 5869 section 2.3).
public func hkdfSHA512(
    _ key: SecretBytes, salt: [UInt8], info: [UInt8], count: Int
) throws(SealingError) -> SecretBytes {
    let derived = SecretBytes(count: max(count, 0)) { output in
        key.withUnsafeBytes { key in
            salt.withUnsafeBytes { salt in
                info.withUnsafeBytes { info in Primitives.hkdf(key: key, salt: salt, info: info, output: output) }
            }
        }
    }
    guard let derived else { throw .library("HKDF-SHA-512") }
    return derived
}

/// Bytes from OpenSSL's generator. It stops the process rather than return anything predictable.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        let made = RAND_bytes(buffer.baseAddress, Int32(count))
        precondition(made == 1, "no randomness")
        initialized = count
    }
}

/// Equal or not, in a time that depends on the lengths alone (CRYPTO_memcmp(3)).
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
            left.isEmpty || CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}
