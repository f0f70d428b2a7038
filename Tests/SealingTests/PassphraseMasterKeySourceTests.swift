import Foundation
import Testing

@testable import Sealing

@Suite("The master key from a passphrase")
struct PassphraseMasterKeySourceTests {
    private func withFiles(_ passphrase: String, mode: Int = 0o400, _ body: (String, String) async throws -> Void)
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sealing-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/passphrase"
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data(passphrase.utf8), attributes: [.posixPermissions: mode]))
        try await body(path, folder + "/salt")
    }

    private func refusal(_ source: PassphraseMasterKeySource) async -> SealingError? {
        do throws(SealingError) {
            _ = try await source.masterKey()
            return nil
        } catch {
            return error
        }
    }

    @Test("RFC 7914: the key is what OpenSSL's own command derives")
    func vector() async throws {
        // By this command:
        // openssl kdf -keylen 32 -kdfopt pass:… -kdfopt hexsalt:… -kdfopt n:16 -kdfopt r:8 -kdfopt p:1 SCRYPT
        try await withFiles("correct horse battery staple\n") { passphrase, salt in
            let text = "scrypt 16 8 1 \(String(repeating: "5a", count: 32))\n"
            #expect(FileManager.default.createFile(atPath: salt, contents: Data(text.utf8)))
            let key = try await PassphraseMasterKeySource(passphrase: passphrase, parameters: salt).masterKey()
            #expect(opened(key.key) == bytes(hex: Self.expected))
        }
    }

    private static let expected = "5cd90f25440c93f638c8ecb4f5dcd699e5dd7df07fb8977043b26ff8ffc428f7"

    @Test("the salt is made once; the same two files give the same key, another salt or passphrase another")
    func once() async throws {
        try await withFiles("correct horse battery staple") { passphrase, salt in
            let source = PassphraseMasterKeySource(passphrase: passphrase, parameters: salt, isTest: true)
            #expect(await refusal(source)?.code == .masterKeyUnreadable, "there is no salt yet")
            try source.makeParameters()
            let first = try await source.masterKey().id
            try source.makeParameters()
            #expect(try await source.masterKey().id == first)
            let other = PassphraseMasterKeySource(passphrase: passphrase, parameters: salt + "2", isTest: true)
            try other.makeParameters()
            #expect(try await other.masterKey().id != first)
            let attributes = try FileManager.default.attributesOfItem(atPath: salt)
            #expect(attributes[.posixPermissions] as? Int == 0o400)
        }
    }

    @Test("the costs that are written are scrypt's of 128 MiB, and come back as they were")
    func costs() throws {
        let parameters = ScryptParameters(
            n: ScryptParameters.usual, r: 8, p: 1, salt: Array(repeating: 0xC3, count: 32))
        #expect(ScryptParameters(parameters.text) == parameters)
        #expect(128 * parameters.n * parameters.r == 128 << 20)
    }

    @Test(
        "S6: a salt that was not written by us, or asks for too much, is refused",
        arguments: [
            "", "scrypt", "scrypt 16 8 1 5a", "scrypt 15 8 1 SALT", "scrypt 16 8 1 SALT more", "bcrypt 16 8 1 SALT",
            "scrypt 16 0 1 SALT", "scrypt 8388608 8 1 SALT", "scrypt 16 8 99 SALT", "scrypt 4194304 32 1 SALT",
            "scrypt 18446744073709551615 8 1 SALT", "scrypt 16 8 1 \(String(repeating: "g", count: 64))",
        ])
    func salts(_ text: String) {
        #expect(ScryptParameters(text.replacing("SALT", with: String(repeating: "5a", count: 32))) == nil)
    }

    @Test("S6: a short passphrase, a long one, and a file that others may read are refused, and it is shown to nobody")
    func refused() async throws {
        let long = String(repeating: "canary", count: 400)
        for (text, mode, code) in [
            ("canary", 0o400, SealingError.Code.masterKeyMalformed), (long, 0o400, .masterKeyMalformed),
            ("canary canary canary", 0o440, .masterKeyPermissive),
        ] {
            try await withFiles(text, mode: mode) { passphrase, salt in
                let source = PassphraseMasterKeySource(passphrase: passphrase, parameters: salt, isTest: true)
                try source.makeParameters()
                let error = try #require(await refusal(source))
                #expect(error.code == code)
                #expect(!error.description.contains("canary"))
            }
        }
    }
}
