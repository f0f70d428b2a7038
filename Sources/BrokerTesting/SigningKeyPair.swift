import Crypto
import CryptoExtras
import Foundation

/// A key pair of RSA with a certificate that it signed itself, made for tests. Prints as dots.
public struct SigningKeyPair: Sendable, CustomStringConvertible, CustomReflectable {
    /// PKCS#8 in DER.
    public let privateKey: [UInt8]
    /// SubjectPublicKeyInfo in DER.
    public let publicKey: [UInt8]
    /// X.509 in DER.
    public let certificate: [UInt8]
    private let key: _RSA.Signing.PrivateKey

    /// A new one of 2048 bits, which takes a moment.
    public init() {
        // No key of a usual size is refused.
        key = try! _RSA.Signing.PrivateKey(keySize: .bits2048)
        privateKey = Array(key.pkcs8DERRepresentation)
        publicKey = Array(key.publicKey.derRepresentation)
        certificate = Self.certificate(key, publicKey)
    }

    public var description: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// A JWT with header and claims as they are: well-formed or not is the test's affair. `RS256`, or `PS256` where
    /// `isPSS`.
    public func token(header: String, claims: String, isPSS: Bool = false) -> String {
        let input = "\(Self.text(Array(header.utf8))).\(Self.text(Array(claims.utf8)))"
        // A key that was just made signs.
        let signature = try! key.signature(
            for: SHA256.hash(data: Array(input.utf8)), padding: isPSS ? .PSS : .insecurePKCS1v1_5)
        return "\(input).\(Self.text(Array(signature.rawRepresentation)))"
    }

    static func text(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    // MARK: The certificate (RFC 5280 §4.1), by hand

    private static func certificate(_ key: _RSA.Signing.PrivateKey, _ publicKey: [UInt8]) -> [UInt8] {
        // sha256WithRSAEncryption, and commonName with the text "test".
        let algorithm = wrap(0x30, wrap(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B]) + [0x05, 0x00])
        let attribute = wrap(0x30, wrap(0x06, [0x55, 0x04, 0x03]) + wrap(0x0C, Array("test".utf8)))
        let name = wrap(0x30, wrap(0x31, attribute))
        let validity = wrap(
            0x30, wrap(0x17, Array("240101000000Z".utf8)) + wrap(0x18, Array("20991231235959Z".utf8)))
        let version = wrap(0xA0, [0x02, 0x01, 0x02])
        let toBeSigned = wrap(
            0x30, version + [0x02, 0x01, 0x01] + algorithm + name + validity + name + publicKey)
        let signature = try! key.signature(for: SHA256.hash(data: toBeSigned), padding: .insecurePKCS1v1_5)
        return wrap(0x30, toBeSigned + algorithm + wrap(0x03, [0x00] + Array(signature.rawRepresentation)))
    }

    private static func wrap(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case ..<0x80: [UInt8(count)]
            case ..<0x100: [0x81, UInt8(count)]
            default: [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
            }
        return [tag] + length + content
    }
}
