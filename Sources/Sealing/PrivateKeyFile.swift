import COpenSSL

/// A private key with its certificates, as an administrator has them: PEM, encrypted or not (RFC 7468, RFC 5958), or
/// PKCS#12 (RFC 7292). Read over the system's OpenSSL.
public enum PrivateKeyFile {
    public struct Contents: Sendable {
        /// PKCS#8 in DER, no longer encrypted.
        public let privateKey: [UInt8]
        /// X.509 in DER, the key's own first, then the others in the order they stood; empty where there are none.
        public let certificates: [[UInt8]]
        /// When the key's own certificate ends, in seconds since 1970.
        public let notAfter: Int?
    }

    /// Why a file gives no key. Says who must do what, and holds nothing of the file.
    public struct Refused: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    public static let largestFile = 65_536

    /// - Parameters:
    ///   - bytes: PEM with one private key and any number of certificates, or PKCS#12.
    ///   - certificates: more certificates, PEM.
    ///   - passphrase: nil where there is none.
    public static func read(
        _ bytes: [UInt8], certificates more: [UInt8]? = nil, passphrase: [UInt8]? = nil
    ) throws(Refused) -> Contents {
        // What OpenSSL complains of here is said here; nobody else shall find it in its queue.
        defer { ERR_clear_error() }
        guard bytes.count + (more?.count ?? 0) <= largestFile else {
            throw Refused(description: "The key file is larger than 64 KiB: give one key and its certificates.")
        }
        let isPEM = bytes.holds("-----BEGIN ")
        let found = isPEM ? try pem(bytes, passphrase) : try pkcs12(bytes, passphrase)
        defer { EVP_PKEY_free(found.key) }
        try check(found.key)
        let chain = try ordered(found.certificates + (try more.map(certificates(inPEM:)) ?? []), for: found.key)
        return Contents(
            privateKey: try pkcs8(found.key), certificates: chain.map(\.der), notAfter: chain.first?.notAfter)
    }

    private typealias Found = (key: OpaquePointer, certificates: [Certificate])

    private struct Certificate {
        let der: [UInt8]
        let notAfter: Int?
        let isOf: (OpaquePointer) -> Bool
    }

    // MARK: PEM

    private static func pem(_ bytes: [UInt8], _ passphrase: [UInt8]?) throws(Refused) -> Found {
        let text = String(decoding: bytes, as: UTF8.self)
        let keys = text.count(of: "PRIVATE KEY-----") / 2
        guard keys > 0 else {
            throw Refused(
                description: "There is no private key in the file: give a PEM or PKCS#12 file that holds one.")
        }
        guard keys == 1 else {
            throw Refused(description: "There are several private keys in the file: give the one to use.")
        }
        let isEncrypted = text.contains("ENCRYPTED")
        guard !isEncrypted || passphrase != nil else {
            throw Refused(description: "The key is encrypted: give its passphrase.")
        }
        let key: OpaquePointer? = withMemory(bytes) { memory in
            var secret = Passphrase(passphrase)
            return withUnsafeMutablePointer(to: &secret) { secret in
                PEM_read_bio_PrivateKey(memory, nil, Passphrase.callback, secret)
            }
        }
        guard let key else {
            throw Refused(
                description: isEncrypted
                    ? "The key does not open with this passphrase."
                    : "The key cannot be read: give PKCS#8, PKCS#1 or SEC 1 in PEM, or PKCS#12.")
        }
        do {
            return (key, try certificates(inPEM: bytes))
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
    }

    /// What OpenSSL asks for a passphrase with. It never asks a terminal.
    private struct Passphrase {
        let bytes: [UInt8]

        init(_ bytes: [UInt8]?) {
            self.bytes = bytes ?? []
        }

        static let callback:
            @convention(c) (
                UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
            ) -> Int32 = { buffer, size, _, context in
                guard let buffer, let context else { return -1 }
                let bytes = context.assumingMemoryBound(to: Passphrase.self).pointee.bytes
                guard !bytes.isEmpty, bytes.count <= Int(size) else { return -1 }
                for (place, byte) in bytes.enumerated() { buffer[place] = CChar(bitPattern: byte) }
                return Int32(bytes.count)
            }
    }

    private static func certificates(inPEM bytes: [UInt8]) throws(Refused) -> [Certificate] {
        let count = String(decoding: bytes, as: UTF8.self).count(of: "-----BEGIN CERTIFICATE-----")
        let found: [Certificate] = withMemory(bytes) { memory in
            var found: [Certificate] = []
            while let certificate = PEM_read_bio_X509(memory, nil, nil, nil) {
                found.append(Self.certificate(certificate))
                X509_free(certificate)
            }
            return found
        }
        guard found.count == count else {
            throw Refused(description: "A certificate in the file cannot be read: give X.509 in PEM.")
        }
        return found
    }

    // MARK: PKCS#12

    private static func pkcs12(_ bytes: [UInt8], _ passphrase: [UInt8]?) throws(Refused) -> Found {
        let file: OpaquePointer? = withMemory(bytes) { d2i_PKCS12_bio($0, nil) }
        guard let file else {
            throw Refused(description: "The file is neither PEM nor PKCS#12: give one of the two.")
        }
        defer { PKCS12_free(file) }
        let secret = (passphrase ?? []).map { CChar(bitPattern: $0) } + [0]
        guard secret.dropLast().allSatisfy({ $0 != 0 }), PKCS12_verify_mac(file, secret, Int32(secret.count - 1)) == 1
        else {
            throw Refused(
                description: passphrase == nil
                    ? "The PKCS#12 file is encrypted: give its passphrase."
                    : "The PKCS#12 file does not open with this passphrase.")
        }
        var key: OpaquePointer?
        var own: OpaquePointer?
        var others: OpaquePointer?
        guard PKCS12_parse(file, secret, &key, &own, &others) == 1, let key else {
            EVP_PKEY_free(key)
            throw Refused(
                description:
                    "There is no key in the PKCS#12 file that can be read: write it anew with AES, as openssl pkcs12 -export does."
            )
        }
        var certificates: [Certificate] = []
        if let own {
            certificates.append(certificate(own))
            X509_free(own)
        }
        if let others {
            for place in 0..<OPENSSL_sk_num(others) {
                guard let raw = OPENSSL_sk_value(others, place) else { continue }
                certificates.append(certificate(OpaquePointer(raw)))
                X509_free(OpaquePointer(raw))
            }
            OPENSSL_sk_free(others)
        }
        return (key, certificates)
    }

    // MARK: What was found

    private static func certificate(_ x509: OpaquePointer) -> Certificate {
        let der = bytes(of: x509) { i2d_X509($0, $1) }
        var until = tm()
        let notAfter = ASN1_TIME_to_tm(X509_get0_notAfter(x509), &until) == 1 ? Int(timegm(&until)) : nil
        return Certificate(der: der, notAfter: notAfter) { key in
            var start: UnsafePointer<UInt8>?
            return der.withUnsafeBufferPointer { buffer in
                start = buffer.baseAddress
                guard let again = d2i_X509(nil, &start, buffer.count) else { return false }
                defer { X509_free(again) }
                return X509_check_private_key(again, key) == 1
            }
        }
    }

    /// The key's own first.
    private static func ordered(
        _ certificates: [Certificate], for key: OpaquePointer
    ) throws(Refused) -> [Certificate] {
        guard !certificates.isEmpty else { return [] }
        guard let own = certificates.firstIndex(where: { $0.isOf(key) }) else {
            throw Refused(description: "The certificate belongs to another key: give the one of this key.")
        }
        var others = certificates
        let first = others.remove(at: own)
        return [first] + others.filter { $0.der != first.der }
    }

    private static func check(_ key: OpaquePointer) throws(Refused) {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA:
            guard EVP_PKEY_get_bits(key) >= 2048 else {
                throw Refused(description: "The RSA key is shorter than 2048 bits: make a longer one.")
            }
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            var length = 0
            guard EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1,
                ["prime256v1", "secp384r1", "secp521r1"].contains(
                    String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            else { throw Refused(description: "The key's curve is not P-256, P-384 or P-521: make one of these.") }
        case EVP_PKEY_ED25519: return
        default: throw Refused(description: "The key is neither RSA nor EC nor Ed25519: make one of these.")
        }
    }

    private static func pkcs8(_ key: OpaquePointer) throws(Refused) -> [UInt8] {
        guard let info = EVP_PKEY2PKCS8(key) else {
            throw Refused(description: "The key cannot be written as PKCS#8: make another.")
        }
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        return bytes(of: info) { i2d_PKCS8_PRIV_KEY_INFO($0, $1) }
    }

    // MARK: OpenSSL's ways

    private static func withMemory<Result>(_ bytes: [UInt8], _ body: (OpaquePointer?) -> Result) -> Result {
        bytes.withUnsafeBytes { buffer in
            let memory = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count))
            defer { BIO_free(memory) }
            return body(memory)
        }
    }

    private static func bytes(
        of object: OpaquePointer, _ write: (OpaquePointer, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) -> [UInt8] {
        let count = write(object, nil)
        guard count > 0 else { return [] }
        return Array(unsafeUninitializedCapacity: Int(count)) { buffer, filled in
            var place = buffer.baseAddress
            filled = Int(write(object, &place))
        }
    }
}

extension [UInt8] {
    fileprivate func holds(_ text: String) -> Bool { String(decoding: self, as: UTF8.self).contains(text) }
}

extension String {
    fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
