import COpenSSL

/// A private key with its certificates, as an administrator has them: PEM, encrypted or not (RFC 7468, RFC 5958), or
/// PKCS#12 (RFC 7292). Read over the system's OpenSSL.
public enum PrivateKeyFile {
    /// What was in it. Prints as dots.
    public struct Contents: Sendable, CustomStringConvertible, CustomReflectable {
        /// PKCS#8 in DER, no longer encrypted.
        public let privateKey: [UInt8]
        /// X.509 in DER, the key's own first, then the others in the order they stood; empty where there are none.
        public let certificates: [[UInt8]]
        /// When the key's own certificate ends, in seconds since 1970.
        public let notAfter: Int?

        public var description: String { "••••" }
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Why a file gives no key. Says who must do what, and holds nothing of the file.
    public struct Refused: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    public static let largestFile = 65_536

    /// - Parameters:
    ///   - bytes: PEM with one private key and any number of certificates, or PKCS#12.
    ///   - certificates: more certificates, PEM; nothing but blanks is as good as nil.
    ///   - passphrase: nil where there is none.
    public static func read(
        _ bytes: [UInt8], certificates more: [UInt8]? = nil, passphrase: [UInt8]? = nil
    ) throws(Refused) -> Contents {
        // What OpenSSL complains of here is said here; nobody else shall find it in its queue, nor we theirs.
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard bytes.count + (more?.count ?? 0) <= largestFile else {
            throw Refused(description: "The key file is larger than 64 KiB: give one key and its certificates.")
        }
        let isPEM = bytes.holds("-----BEGIN ")
        let found = isPEM ? try pem(bytes, passphrase) : try pkcs12(bytes, passphrase)
        defer { EVP_PKEY_free(found.key) }
        try check(found.key)
        let chain = try ordered(found.certificates + (try others(inPEM: more ?? [])), for: found.key)
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
        // By their BEGIN lines: a key that was cut off has no other.
        let keys = text.matches(of: /-----BEGIN ([A-Z0-9 ]+ )?PRIVATE KEY-----/).count
        guard keys > 0 else {
            throw noKey
        }
        guard keys == 1 else {
            throw severalKeys
        }
        let isEncrypted = text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("DEK-Info:")
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
            guard isEncrypted else { throw unreadable }
            throw Refused(
                description: lacksCipher
                    ? "The key's encryption is one that OpenSSL has given up: write it anew with AES, as openssl pkcs8 -topk8 does."
                    : "The key does not open with this passphrase: give the one it was encrypted with.")
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
        let bytes: [UInt8]?

        init(_ bytes: [UInt8]?) {
            self.bytes = bytes
        }

        static let callback:
            @convention(c) (
                UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
            ) -> Int32 = { buffer, size, _, context in
                guard let buffer, let context else { return -1 }
                let bytes = context.assumingMemoryBound(to: Passphrase.self).pointee.bytes
                guard let bytes, bytes.count <= Int(size) else { return -1 }
                for (place, byte) in bytes.enumerated() { buffer[place] = CChar(bitPattern: byte) }
                return Int32(bytes.count)
            }
    }

    private static func certificates(inPEM bytes: [UInt8]) throws(Refused) -> [Certificate] {
        let count = String(decoding: bytes, as: UTF8.self).count(of: "-----BEGIN CERTIFICATE-----")
        let found: [Certificate] = withMemory(bytes) { memory in
            var found: [Certificate] = []
            // Without a callback OpenSSL would ask the terminal, and wait: a certificate may claim to be encrypted.
            while let certificate = PEM_read_bio_X509(memory, nil, Passphrase.callback, nil) {
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

    /// Of the text beside the key's. Who gives one means it: that it holds none is not passed over.
    private static func others(inPEM bytes: [UInt8]) throws(Refused) -> [Certificate] {
        let found = try certificates(inPEM: bytes)
        guard !found.isEmpty || bytes.allSatisfy({ $0 == 0x20 || 0x09...0x0D ~= $0 }) else {
            throw Refused(description: "There is no certificate in the text beside the key: give X.509 in PEM.")
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
        let count = Int32(secret.count - 1)
        let hasMAC = PKCS12_mac_present(file) == 1
        // No passphrase and an empty one are two things here, and programs differ in which they mean.
        let isNone = count == 0 && (!hasMAC || PKCS12_verify_mac(file, nil, 0) == 1)
        guard secret.dropLast().allSatisfy({ $0 != 0 }),
            isNone || !hasMAC || PKCS12_verify_mac(file, secret, count) == 1
        else { throw closed(passphrase) }
        ERR_clear_error()
        var found: Bags = ([], [])
        let isRead = read(file, isNone ? nil : secret, into: &found)
        guard isRead, found.keys.count == 1 else {
            for key in found.keys { EVP_PKEY_free(key) }
            guard !isRead else { throw found.keys.isEmpty ? noKey : severalKeys }
            guard hasMAC || lacksCipher else { throw closed(passphrase) }
            throw Refused(
                description:
                    "There is no key in the PKCS#12 file that can be read: write it anew with AES, as openssl pkcs12 -export does."
            )
        }
        return (found.keys[0], found.certificates)
    }

    private typealias Bags = (keys: [OpaquePointer], certificates: [Certificate])

    /// Bag by bag: PKCS12_parse takes the first key and says nothing of a second, and OpenSSL 3.0's wants a MAC.
    private static func read(_ file: OpaquePointer, _ secret: [CChar]?, into found: inout Bags) -> Bool {
        guard let safes = PKCS12_unpack_authsafes(file) else { return false }
        defer { OPENSSL_sk_pop_free(safes) { PKCS7_free($0?.assumingMemoryBound(to: PKCS7.self)) } }
        for place in 0..<OPENSSL_sk_num(safes) {
            guard let safe = OPENSSL_sk_value(safes, place)?.assumingMemoryBound(to: PKCS7.self) else { return false }
            let isEncrypted = OBJ_obj2nid(safe.pointee.type) == NID_pkcs7_encrypted
            let opened =
                isEncrypted
                ? PKCS12_unpack_p7encdata(safe, secret, length(of: secret)) : PKCS12_unpack_p7data(safe)
            guard let bags = opened else { return false }
            defer { OPENSSL_sk_pop_free(bags) { PKCS12_SAFEBAG_free($0.map { OpaquePointer($0) }) } }
            guard read(bags: bags, secret, into: &found) else { return false }
        }
        return true
    }

    private static func read(bags: OpaquePointer, _ secret: [CChar]?, into found: inout Bags) -> Bool {
        for place in 0..<OPENSSL_sk_num(bags) {
            guard let bag = OPENSSL_sk_value(bags, place).map({ OpaquePointer($0) }) else { return false }
            switch PKCS12_SAFEBAG_get_nid(bag) {
            case NID_keyBag:
                guard let key = PKCS12_SAFEBAG_get0_p8inf(bag).flatMap({ EVP_PKCS82PKEY($0) }) else { return false }
                found.keys.append(key)
            case NID_pkcs8ShroudedKeyBag:
                guard let info = PKCS12_decrypt_skey(bag, secret, length(of: secret)) else { return false }
                defer { PKCS8_PRIV_KEY_INFO_free(info) }
                guard let key = EVP_PKCS82PKEY(info) else { return false }
                found.keys.append(key)
            case NID_certBag where PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate:
                guard let x509 = PKCS12_SAFEBAG_get1_cert(bag) else { return false }
                defer { X509_free(x509) }
                found.certificates.append(certificate(x509))
            case NID_safeContentsBag:
                guard let inner = PKCS12_SAFEBAG_get0_safes(bag), read(bags: inner, secret, into: &found)
                else { return false }
            default: continue
            }
        }
        return true
    }

    private static func length(of secret: [CChar]?) -> Int32 { secret.map { Int32($0.count - 1) } ?? 0 }

    private static func closed(_ passphrase: [UInt8]?) -> Refused {
        Refused(
            description: passphrase == nil
                ? "The PKCS#12 file is encrypted: give its passphrase."
                : "The PKCS#12 file does not open with this passphrase: give the one it was encrypted with.")
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
            // Signing makes the public half from the private one, and the provider has the one that stands here.
            let context = EVP_PKEY_CTX_new(key, nil)
            defer { EVP_PKEY_CTX_free(context) }
            guard EVP_PKEY_pairwise_check(context) == 1 else { throw unreadable }
        case EVP_PKEY_ED25519: return
        default: throw Refused(description: "The key is neither RSA nor EC nor Ed25519: make one of these.")
        }
    }

    /// A curve goes by its name, even where the file spelled it out (RFC 5480 §2.1.1 wants the name), and a point by
    /// both its numbers: signing knows no other forms.
    private static func pkcs8(_ key: OpaquePointer) throws(Refused) -> [UInt8] {
        if EVP_PKEY_get_base_id(key) == EVP_PKEY_EC {
            let point = OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT
            guard EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "named_curve") == 1,
                EVP_PKEY_set_utf8_string_param(key, point, "uncompressed") == 1
            else { throw unreadable }
        }
        guard let info = EVP_PKEY2PKCS8(key) else {
            throw Refused(description: "The key cannot be written as PKCS#8: make another.")
        }
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        return bytes(of: info) { i2d_PKCS8_PRIV_KEY_INFO($0, $1) }
    }

    private static let noKey = Refused(
        description: "There is no private key in the file: give a PEM or PKCS#12 file that holds one.")
    private static let severalKeys = Refused(
        description: "There are several private keys in the file: give the one to use.")
    private static let unreadable = Refused(
        description: "The key cannot be read: give PKCS#8, PKCS#1 or SEC 1 in PEM, or PKCS#12.")

    // MARK: OpenSSL's ways

    /// Whether OpenSSL gave up for want of a cipher (its legacy provider has RC2 and DES). Empties its queue.
    private static var lacksCipher: Bool {
        var isLacking = false
        while case let error = ERR_get_error(), error != 0 {
            // ERR_R_UNSUPPORTED, whose macro Swift does not see: what was to be fetched is not there.
            if ERR_GET_LIB(error) == ERR_LIB_EVP, ERR_GET_REASON(error) == 268 | 2 << 18 { isLacking = true }
        }
        return isLacking
    }

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
