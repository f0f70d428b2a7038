import Foundation
import OAuth
import Sealing
import Testing

@Suite("Private key file, to sign with")
struct PrivateKeySigningTests {
    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let files: [(name: String, file: [UInt8], passphrase: String?, algorithms: Int)] = [
        ("P-256", text(TestKeys.p256), nil, 1), ("P-384", text(TestKeys.p384), nil, 1),
        ("P-521", text(TestKeys.p521), nil, 1), ("Ed25519", text(TestKeys.ed25519), nil, 1),
        ("RSA in PKCS#1", text(TestKeys.rsa), nil, 6), ("SEC 1", text(TestKeys.sec1), nil, 1),
        ("SEC 1 behind its parameters", text(TestKeys.parameters + "\n" + TestKeys.sec1), nil, 1),
        ("SEC 1, its curve spelled out", text(TestKeys.spelledOut), nil, 1),
        ("SEC 1, its point compressed", text(TestKeys.compressed), nil, 1),
        ("SEC 1, encrypted", text(TestKeys.sec1Encrypted), "test", 1),
        ("PKCS#8, encrypted", text(TestKeys.pkcs8Encrypted), "test", 1),
        ("PKCS#12", TestKeys.archive, "test", 1), ("an older PKCS#12", TestKeys.archive3DES, "test", 1),
        ("PKCS#12 without a passphrase", TestKeys.archiveNull, nil, 1),
    ]

    @Test("RFC 7518 §3, RFC 8037 §3.1: what is read signs, and its own public key verifies it", arguments: files)
    func signs(name: String, file: [UInt8], passphrase: String?, algorithms: Int) throws {
        let contents = try PrivateKeyFile.read(file, passphrase: passphrase.map(Self.text))
        let key = try SigningKey(ClientKey(privateKey: contents.privateKey, certificates: contents.certificates))
        #expect(key.algorithms.count == algorithms, "\(name)")
        for algorithm in key.algorithms {
            func part(_ bytes: [UInt8]) -> String {
                Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                    .replacing("=", with: "")
            }
            let signed = part(Self.text(#"{"alg":"\#(algorithm.rawValue)"}"#)) + "." + part(Self.text("{}"))
            let signature = try key.sign(Self.text(signed), algorithm: algorithm)
            let verdict = try JWS(signed + "." + part(signature)).verify(
                with: JSONWebKeySet([key.publicKey]), allowed: [algorithm])
            #expect(verdict == .valid, "\(name) \(algorithm.rawValue)")
        }
    }

    @Test("every form of one key makes the same public key")
    func same() throws {
        var publicKeys: Set<JSONWebKey> = []
        for (_, file, passphrase, _) in Self.files.dropFirst(5) {
            let contents = try PrivateKeyFile.read(file, passphrase: passphrase.map(Self.text))
            publicKeys.insert(try SigningKey(ClientKey(privateKey: contents.privateKey)).publicKey)
        }
        let contents = try PrivateKeyFile.read(Self.text(TestKeys.p256))
        #expect(publicKeys == [try SigningKey(serialized: contents.privateKey).publicKey])
    }
}
