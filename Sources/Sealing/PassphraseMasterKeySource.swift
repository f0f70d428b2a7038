import COpenSSL
import Glibc

/// The master key from a passphrase: scrypt (RFC 7914) over the passphrase in one file, with the salt and the costs in
/// another, which is made once and is no secret. Both are needed for ever: without the second the passphrase gives
/// another key. Whether it is the right one, the key check value of the key ring tells.
public struct PassphraseMasterKeySource: MasterKeySource {
    private let passphrasePath: String
    private let parametersPath: String
    private let isTest: Bool

    public init(passphrase: String, parameters: String) {
        self.init(passphrase: passphrase, parameters: parameters, isTest: false)
    }

    /// - Parameter isTest: costs next to nothing.
    init(passphrase: String, parameters: String, isTest: Bool) {
        passphrasePath = passphrase
        parametersPath = parameters
        self.isTest = isTest
    }

    /// Under this a passphrase is guessed, whatever the costs.
    static let shortest = 16
    static let longest = 1024

    public func masterKey() async throws(SealingError) -> MasterKey {
        let parameters = try ScryptParameters.read(parametersPath)
        var passphrase = [UInt8](repeating: 0, count: Self.longest + 3)
        defer { passphrase.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var count = try PrivateText.read(passphrasePath, what: "The passphrase", into: &passphrase)
        if count > 0, passphrase[count - 1] == UInt8(ascii: "\n") { count -= 1 }
        if count > 0, passphrase[count - 1] == UInt8(ascii: "\r") { count -= 1 }
        guard (Self.shortest...Self.longest).contains(count) else {
            throw SealingError(
                .masterKeyMalformed,
                "The passphrase in \(passphrasePath) must have \(Self.shortest) to \(Self.longest) bytes on one line.")
        }
        let key = SecretBytes(count: Primitives.keyCount) { output in
            passphrase.withUnsafeBytes { passphrase in
                parameters.salt.withUnsafeBytes { salt in
                    EVP_PBE_scrypt(
                        passphrase.baseAddress?.assumingMemoryBound(to: CChar.self), count,
                        salt.baseAddress?.assumingMemoryBound(to: UInt8.self), salt.count, parameters.n, parameters.r,
                        parameters.p, ScryptParameters.mostMemory,
                        output.baseAddress?.assumingMemoryBound(to: UInt8.self), output.count) == 1
                }
            }
        }
        guard let key else {
            throw SealingError(
                .masterKeyUnreadable,
                "scrypt could not be computed: it needs 130 MB of memory. Make room, then start again.")
        }
        return try MasterKey(key)
    }

    /// Makes the salt, on the disk before this returns, where there is none. Never replaces one.
    public func makeParameters() throws(SealingError) {
        if access(parametersPath, F_OK) == 0 { return }
        try ScryptParameters(n: isTest ? 16 : ScryptParameters.usual, r: 8, p: 1, salt: randomBytes(32))
            .write(to: parametersPath)
    }
}

/// `scrypt N r p SALT`, one line, the salt in hexadecimal digits.
struct ScryptParameters: Equatable {
    let n: UInt64
    let r: UInt64
    let p: UInt64
    let salt: [UInt8]

    /// 128 MiB and about half a second: once a start.
    static let usual: UInt64 = 1 << 17
    static let mostMemory: UInt64 = 1 << 30

    static func read(_ path: String) throws(SealingError) -> ScryptParameters {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = try PrivateText.read(path, what: "The salt of the passphrase", into: &bytes, isSecret: false)
        guard let parameters = ScryptParameters(String(decoding: bytes[..<count], as: UTF8.self)) else {
            throw SealingError(
                .masterKeyMalformed,
                "The salt of the passphrase, \(path), is not as Credence wrote it: bring back your copy.")
        }
        return parameters
    }

    init(n: UInt64, r: UInt64, p: UInt64, salt: [UInt8]) {
        self.n = n
        self.r = r
        self.p = p
        self.salt = salt
    }

    /// nil for what was not written by `write`, or asks for more than a machine should give.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 5, words[0] == "scrypt", let n = UInt64(words[1]), let r = UInt64(words[2]),
            let p = UInt64(words[3]), n > 1, n <= 1 << 22, n & (n - 1) == 0, (1...32).contains(r), (1...16).contains(p),
            128 * n * r <= Self.mostMemory / 2, words[4].utf8.count == 64
        else { return nil }
        let digits = words[4].utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16) }
        let nibbles = digits.compactMap { $0 }
        guard nibbles.count == 64 else { return nil }
        self.init(n: n, r: r, p: p, salt: stride(from: 0, to: 64, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] })
    }

    var text: String {
        "scrypt \(n) \(r) \(p) \(salt.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())\n"
    }

    func write(to path: String) throws(SealingError) {
        try PrivateText.create(path, Array(text.utf8), what: "The salt of the passphrase")
    }
}
