import COpenSSL

/// The few primitives that sealing stands on, over the system's OpenSSL 3 (EVP).
///
/// Algorithms are fetched once: a fetch costs more than the work.
enum Primitives {
    static let tagCount = 16
    static let nonceCount = 12
    static let keyCount = 32

    // Fetched algorithms are immutable and reference-counted with atomics (EVP_CIPHER_fetch(3)).
    private nonisolated(unsafe) static let gcm: OpaquePointer? = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
    private nonisolated(unsafe) static let sha256Digest: OpaquePointer? = EVP_MD_fetch(nil, "SHA256", nil)
    private nonisolated(unsafe) static let hkdf: OpaquePointer? = EVP_KDF_fetch(nil, "HKDF", nil)
    private nonisolated(unsafe) static let hmac: OpaquePointer? = EVP_MAC_fetch(nil, "HMAC", nil)

    /// AES-256-GCM with a 12-byte nonce and a 16-byte tag. `output` takes the ciphertext and then the tag.
    static func encrypt(
        key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, additionalData: UnsafeRawBufferPointer,
        plaintext: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(key.count == keyCount && nonce.count == nonceCount)
        precondition(output.count == plaintext.count + tagCount)
        guard let context = EVP_CIPHER_CTX_new() else { return false }
        defer { EVP_CIPHER_CTX_free(context) }
        var length: Int32 = 0
        guard EVP_EncryptInit_ex2(context, gcm, bytes(key), bytes(nonce), nil) == 1,
            EVP_EncryptUpdate(context, nil, &length, bytes(additionalData), Int32(additionalData.count)) == 1,
            EVP_EncryptUpdate(context, bytes(output), &length, bytes(plaintext), Int32(plaintext.count)) == 1
        else { return false }
        var last: Int32 = 0
        let tag = output.baseAddress! + plaintext.count
        return Int(length) == plaintext.count && EVP_EncryptFinal_ex(context, nil, &last) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagCount), tag) == 1
    }

    /// Returns false, and leaves only zeros in `output`, unless the tag verifies. The tag is the last 16 bytes of
    /// `ciphertext`: OpenSSL itself would take four (security case S4).
    static func decrypt(
        key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, additionalData: UnsafeRawBufferPointer,
        ciphertext: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(key.count == keyCount && nonce.count == nonceCount)
        guard ciphertext.count >= tagCount, output.count == ciphertext.count - tagCount else { return false }
        guard let context = EVP_CIPHER_CTX_new() else { return false }
        defer { EVP_CIPHER_CTX_free(context) }
        var length: Int32 = 0
        var last: Int32 = 0
        let tag = UnsafeMutableRawPointer(mutating: ciphertext.baseAddress! + output.count)
        guard EVP_DecryptInit_ex2(context, gcm, bytes(key), bytes(nonce), nil) == 1,
            EVP_DecryptUpdate(context, nil, &length, bytes(additionalData), Int32(additionalData.count)) == 1,
            EVP_DecryptUpdate(context, bytes(output), &length, bytes(ciphertext), Int32(output.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagCount), tag) == 1,
            EVP_DecryptFinal_ex(context, nil, &last) == 1
        else {
            // What OpenSSL wrote before it looked at the tag is nobody's to see.
            if output.count > 0 { OPENSSL_cleanse(output.baseAddress, output.count) }
            return false
        }
        return true
    }

    /// HKDF (RFC 5869) with SHA-512 or SHA-256.
    static func hkdf(
        digest: String = "SHA512", key: UnsafeRawBufferPointer, salt: UnsafeRawBufferPointer,
        info: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        // OpenSSL's own bound on info is 1,024 bytes and is not always kept.
        guard info.count <= 1024, let context = EVP_KDF_CTX_new(hkdf) else { return false }
        defer { EVP_KDF_CTX_free(context) }
        var name = Array(digest.utf8CString)
        return name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name.baseAddress, 0),
                OSSL_PARAM_construct_octet_string(
                    OSSL_KDF_PARAM_KEY, UnsafeMutableRawPointer(mutating: address(key)), key.count),
                OSSL_PARAM_construct_octet_string(
                    OSSL_KDF_PARAM_SALT, UnsafeMutableRawPointer(mutating: address(salt)), salt.count),
                OSSL_PARAM_construct_octet_string(
                    OSSL_KDF_PARAM_INFO, UnsafeMutableRawPointer(mutating: address(info)), info.count),
                OSSL_PARAM_construct_end(),
            ]
            return EVP_KDF_derive(context, bytes(output), output.count, parameters) == 1
        }
    }

    static func hmacSHA256(key: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let context = EVP_MAC_CTX_new(hmac) else { return nil }
        defer { EVP_MAC_CTX_free(context) }
        var name = Array("SHA256".utf8CString)
        var code = [UInt8](repeating: 0, count: 32)
        var length = 0
        let isMade = name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_init(context, UnsafePointer(address(key).assumingMemoryBound(to: UInt8.self)), key.count, parameters) == 1
                && EVP_MAC_update(context, UnsafePointer(address(data).assumingMemoryBound(to: UInt8.self)), data.count) == 1
                && EVP_MAC_final(context, &code, &length, code.count) == 1
        }
        return isMade && length == 32 ? code : nil
    }

    static func sha256(_ data: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            let made = EVP_Digest(data.baseAddress, data.count, digest.baseAddress, nil, sha256Digest, nil)
            precondition(made == 1, "SHA-256 cannot fail")
            count = 32
        }
    }

    // MARK: Pointers

    /// OpenSSL wants an address even where there are no bytes.
    private nonisolated(unsafe) static let empty = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)

    private static func address(_ buffer: UnsafeRawBufferPointer) -> UnsafeRawPointer {
        buffer.baseAddress ?? UnsafeRawPointer(empty)
    }

    private static func bytes(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
        address(buffer).assumingMemoryBound(to: UInt8.self)
    }

    private static func bytes(_ buffer: UnsafeMutableRawBufferPointer) -> UnsafeMutablePointer<UInt8> {
        (buffer.baseAddress ?? empty).assumingMemoryBound(to: UInt8.self)
    }
}

/// SHA-256 (FIPS 180-4), 32 bytes.
public func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    if let digest = bytes.withContiguousStorageIfAvailable({ Primitives.sha256(UnsafeRawBufferPointer($0)) }) {
        return digest
    }
    return Array(bytes).withUnsafeBytes { Primitives.sha256($0) }
}

/// HMAC-SHA-256 (RFC 2104), 32 bytes.
public func hmacSHA256(key: SecretBytes, _ bytes: [UInt8]) throws(SealingError) -> [UInt8] {
    let code = key.withUnsafeBytes { key in bytes.withUnsafeBytes { Primitives.hmacSHA256(key: key, $0) } }
    guard let code else { throw .library("HMAC") }
    return code
}

/// Bytes from OpenSSL's generator. It stops the process rather than return anything predictable.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        let made = RAND_bytes(buffer.baseAddress, Int32(count))
        precondition(made == 1, "no randomness")
        initialized = count
    }
}

/// Equal or not in a time that depends on the lengths alone (CRYPTO_memcmp(3)).
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
            left.isEmpty || CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}
