import COpenSSL
import CPKCS11
import Foundation

/// The master key, wrapped by an RSA key that never leaves a token: a smart card, an HSM, a TPM or SoftHSM behind a PKCS#11
/// module (PKCS#11 v2.40, `CKM_RSA_PKCS_OAEP`). The wrapped key lies in a file beside the data and is no secret; the token is
/// asked at the start and when keys change, never for a request.
public struct PKCS11MasterKeySource: MasterKeySource {
    /// What the file of the place holds, as JSON.
    public struct Settings: Sendable, Equatable, Decodable {
        /// The module's full path.
        public var module: String
        /// The labels of the token and of the key pair on it.
        public var token: String
        public var key: String
        /// The user PIN on one line, mode 0400 or 0600.
        public var pinFile: String
        /// `sha256` (where none is given) or `sha1`, which is all that some tokens do; OAEP is as safe with it.
        public var hash: String?

        enum CodingKeys: String, CodingKey {
            case module, token, key, hash
            case pinFile = "pin_file"
        }

        public static func read(_ json: [UInt8]) -> Result<Settings, SealingError> {
            func refused(_ why: String) -> Result<Settings, SealingError> {
                .failure(SealingError(.masterKeyUnreadable, "The settings of the PKCS#11 key: \(why)."))
            }
            guard let known = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any],
                Set(known.keys).isSubset(of: ["module", "token", "key", "pin_file", "hash"]),
                let settings = try? JSONDecoder().decode(Settings.self, from: Data(json))
            else { return refused("they are a JSON object of texts: module, token, key, pin_file, hash") }
            guard settings.module.hasPrefix("/") else { return refused("module is the full path of a shared library") }
            guard ["sha1", "sha256"].contains(settings.hash ?? "sha256") else {
                return refused("hash is sha256 or sha1")
            }
            let texts = [settings.module, settings.token, settings.key, settings.pinFile]
            guard texts.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(0) && $0.utf8.count <= 4096 }),
                settings.token.utf8.count <= 32
            else { return refused("a text is empty or too long") }
            return .success(settings)
        }
    }

    private let settings: Settings
    private let wrappedPath: String

    public init(_ settings: Settings, wrapped: String) {
        self.settings = settings
        wrappedPath = wrapped
    }

    public func masterKey() async throws(SealingError) -> MasterKey {
        let text = try PrivateText.word(wrappedPath, what: "The wrapped master key", isSecret: false)
        guard let wrapped = Data(base64Encoded: text) else {
            throw SealingError(.masterKeyMalformed, "The wrapped master key \(wrappedPath) is not base64.")
        }
        var opened = try await crypt(decrypts: true, Array(wrapped))
        defer { opened.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        return try MasterKey(SecretBytes(copying: opened))
    }

    /// Makes a key, and keeps it wrapped, where there is none. Never replaces one.
    public func makeKey() async throws(SealingError) {
        if FileManager.default.fileExists(atPath: wrappedPath) { return }
        var bytes = [UInt8](repeating: 0, count: 32)
        let key = try SecretBytes.random(32)
        key.withUnsafeBytes { source in bytes.withUnsafeMutableBytes { $0.copyMemory(from: source) } }
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let wrapped = try await crypt(decrypts: false, bytes)
        // What the token does not open again is worth nothing.
        var again = try await crypt(decrypts: true, wrapped)
        defer { again.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        guard again == bytes else { throw failure("opens another key than it wrapped", 0, "C_Decrypt") }
        try PrivateText.create(
            wrappedPath, Array((Data(wrapped).base64EncodedString() + "\n").utf8), what: "The wrapped master key")
    }

    /// Away from the tasks' threads: a token may take seconds.
    private func crypt(decrypts: Bool, _ input: [UInt8]) async throws(SealingError) -> [UInt8] {
        let result = await Task.detached { () -> Result<[UInt8], SealingError> in
            do throws(SealingError) { return .success(try call(decrypts: decrypts, input)) } catch {
                return .failure(error)
            }
        }.value
        return try result.get()
    }

    private func call(decrypts: Bool, _ input: [UInt8]) throws(SealingError) -> [UInt8] {
        var pin = Array(try PrivateText.word(settings.pinFile, what: "The PIN of the PKCS#11 token").utf8)
        defer { pin.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var output = [UInt8](repeating: 0, count: 2048)
        var length = output.count
        var stage: UnsafePointer<CChar>?
        let usesSHA256: CInt = settings.hash == "sha1" ? 0 : 1
        let code = settings.module.withCString { module in
            settings.token.withCString { token in
                settings.key.withCString { key in
                    pin.withUnsafeBytes { pin in
                        var place = credence_pkcs11_place(
                            module: module, token: token, key: key,
                            pin: pin.baseAddress?.assumingMemoryBound(to: CChar.self), pin_length: pin.count,
                            uses_sha256: usesSHA256)
                        return credence_pkcs11_crypt(
                            &place, decrypts ? 1 : 0, input, input.count, &output, &length, &stage)
                    }
                }
            }
        }
        let name = stage.map { String(cString: $0) } ?? ""
        switch code {
        case 0: break
        case -1: throw failure("is no module that can be loaded", code, name)
        case -2: throw failure("shows no token \(settings.token)", code, name)
        case -3: throw failure("holds no key \(settings.key) for this", code, name)
        // CKR_PIN_INCORRECT, CKR_PIN_LOCKED
        case 0xA0: throw failure("refuses the PIN in \(settings.pinFile); a few more tries lock it", code, name)
        case 0xA4: throw failure("has locked its PIN", code, name)
        default: throw failure("does not do it", code, name)
        }
        defer { output.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        return Array(output[..<min(length, output.count)])
    }

    private func failure(_ what: String, _ code: Int, _ stage: String) -> SealingError {
        SealingError(
            .masterKeyUnreadable,
            "The PKCS#11 module \(settings.module) \(what) (\(stage), 0x\(String(UInt(bitPattern: code), radix: 16))): without it Credence does not start."
        )
    }
}
