import COpenSSL
import Glibc

/// The few primitives that sealing stands on, over the system's OpenSSL 3 (EVP).
///
/// Algorithms are fetched once: a fetch costs more than the work.
enum Primitives {
    static let tagCount = 16
    static let nonceCount = 12
    static let keyCount = 32

    struct Digest: Sendable {
        let name: ParameterText
        let count: Int

        static let sha256 = Digest(name: ParameterText("SHA256"), count: 32)
        static let sha512 = Digest(name: ParameterText("SHA512"), count: 64)
    }

    /// A text that lives as long as the process. An OSSL_PARAM keeps the address of its name and value, and a Swift
    /// string's is good for the length of one call only.
    struct ParameterText: @unchecked Sendable {
        // @unchecked: never written.
        let pointer: UnsafeMutablePointer<CChar>

        init(_ text: String) { pointer = strdup(text) }
    }

    private static let digestParameter = ParameterText(OSSL_KDF_PARAM_DIGEST)
    private static let keyParameter = ParameterText(OSSL_KDF_PARAM_KEY)
    private static let saltParameter = ParameterText(OSSL_KDF_PARAM_SALT)
    private static let infoParameter = ParameterText(OSSL_KDF_PARAM_INFO)
    private static let macDigestParameter = ParameterText(OSSL_MAC_PARAM_DIGEST)

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
        guard isOfReasonableSize(additionalData, output.count), let context = EVP_CIPHER_CTX_new() else { return false }
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

    /// Returns false, and leaves only zeros of what it wrote to `output`, unless the tag verifies. The tag is the last
    /// 16 bytes of `ciphertext`: OpenSSL itself would take four (security case S4).
    static func decrypt(
        key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, additionalData: UnsafeRawBufferPointer,
        ciphertext: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(key.count == keyCount && nonce.count == nonceCount)
        guard ciphertext.count >= tagCount, output.count == ciphertext.count - tagCount,
            isOfReasonableSize(additionalData, ciphertext.count), let context = EVP_CIPHER_CTX_new()
        else { return false }
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

    /// OpenSSL documents 1,024 bytes as the most that `info` may have (EVP_KDF-HKDF(7)), but does not always keep to it.
    static let longestInfo = 1024

    /// HKDF (RFC 5869).
    static func hkdf(
        digest: Digest = .sha512, key: UnsafeRawBufferPointer, salt: UnsafeRawBufferPointer,
        info: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard info.count <= longestInfo, !output.isEmpty, output.count <= 255 * digest.count,
            let context = EVP_KDF_CTX_new(hkdf)
        else { return false }
        defer { EVP_KDF_CTX_free(context) }
        let parameters = [
            OSSL_PARAM_construct_utf8_string(digestParameter.pointer, digest.name.pointer, 0),
            octets(keyParameter, key), octets(saltParameter, salt), octets(infoParameter, info),
            OSSL_PARAM_construct_end(),
        ]
        return EVP_KDF_derive(context, bytes(output), output.count, parameters) == 1
    }

    private static func octets(_ name: ParameterText, _ value: UnsafeRawBufferPointer) -> OSSL_PARAM {
        OSSL_PARAM_construct_octet_string(name.pointer, UnsafeMutableRawPointer(mutating: address(value)), value.count)
    }

    static func hmacSHA256(key: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let context = EVP_MAC_CTX_new(hmac) else { return nil }
        defer { EVP_MAC_CTX_free(context) }
        var code = [UInt8](repeating: 0, count: 32)
        var length = 0
        let parameters = [
            OSSL_PARAM_construct_utf8_string(macDigestParameter.pointer, Digest.sha256.name.pointer, 0),
            OSSL_PARAM_construct_end(),
        ]
        let isMade =
            EVP_MAC_init(context, bytes(key), key.count, parameters) == 1
            && EVP_MAC_update(context, bytes(data), data.count) == 1
            && EVP_MAC_final(context, &code, &length, code.count) == 1
        return isMade && length == 32 ? code : nil
    }

    static func sha256(_ data: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            let made = EVP_Digest(data.baseAddress, data.count, digest.baseAddress, nil, sha256Digest, nil)
            precondition(made == 1, "SHA-256 failed")
            count = 32
        }
    }

    /// OpenSSL counts with 32 bits.
    private static func isOfReasonableSize(_ additionalData: UnsafeRawBufferPointer, _ count: Int) -> Bool {
        count <= Int(Int32.max) && additionalData.count <= Int(Int32.max)
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
