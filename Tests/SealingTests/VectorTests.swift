import Testing

@testable import Sealing

@Suite("Vectors", .enabled(if: SharedVectors.areHere, "\(SharedVectors.path) is not here: no vector was run"))
struct VectorTests {
    @Test("Wycheproof: AES-256-GCM with a 96-bit nonce and a 128-bit tag")
    func aesGCM() throws {
        struct Group: Decodable {
            struct Vector: Decodable {
                let tcId: Int
                let key, iv, aad, msg, ct, tag, result: String
            }
            let keySize, ivSize, tagSize: Int
            let tests: [Vector]
        }
        let file = try SharedVectors.decode(Wycheproof<Group>.self, from: "wycheproof/aes_gcm_test.json")
        let vectors = file.testGroups.filter { $0.keySize == 256 && $0.ivSize == 96 && $0.tagSize == 128 }.flatMap(
            \.tests)
        for vector in vectors {
            let key = bytes(hex: vector.key)
            let nonce = bytes(hex: vector.iv)
            let additionalData = bytes(hex: vector.aad)
            let message = bytes(hex: vector.msg)
            let sealed = bytes(hex: vector.ct + vector.tag)
            let decrypted = decrypt(sealed, key: key, nonce: nonce, additionalData: additionalData)
            if vector.result == "valid" {
                #expect(decrypted == message, "\(vector.tcId)")
                let encrypted = encrypt(message, key: key, nonce: nonce, additionalData: additionalData)
                #expect(encrypted == sealed, "\(vector.tcId)")
            } else {
                #expect(decrypted == nil, "\(vector.tcId)")
            }
        }
        #expect(vectors.count == 66)
    }

    @Test("Wycheproof: HKDF-SHA-512")
    func hkdf() throws {
        struct Group: Decodable {
            struct Vector: Decodable {
                let tcId, size: Int
                let ikm, salt, info, okm, result: String
            }
            let tests: [Vector]
        }
        let file = try SharedVectors.decode(Wycheproof<Group>.self, from: "wycheproof/hkdf_sha512_test.json")
        let vectors = file.testGroups.flatMap(\.tests)
        for vector in vectors {
            let derived = try? hkdfSHA512(
                SecretBytes(copying: bytes(hex: vector.ikm)), salt: bytes(hex: vector.salt),
                info: bytes(hex: vector.info), count: vector.size)
            #expect(derived.map(opened) == (vector.result == "valid" ? bytes(hex: vector.okm) : nil), "\(vector.tcId)")
        }
        #expect(vectors.count == 83)
    }

    @Test("Wycheproof: HMAC-SHA-256")
    func hmac() throws {
        struct Group: Decodable {
            struct Vector: Decodable {
                let tcId: Int
                let key, msg, tag, result: String
            }
            let tagSize: Int
            let tests: [Vector]
        }
        let file = try SharedVectors.decode(Wycheproof<Group>.self, from: "wycheproof/hmac_sha256_test.json")
        var count = 0
        for group in file.testGroups {
            for vector in group.tests {
                // Some groups print a shortened code: that many bytes of ours are compared.
                let code = hmacSHA256(key: SecretBytes(copying: bytes(hex: vector.key)), bytes(hex: vector.msg))
                let isRight = constantTimeEqual(Array(code.prefix(group.tagSize / 8)), bytes(hex: vector.tag))
                #expect(isRight == (vector.result == "valid"), "\(vector.tcId)")
                count += 1
            }
        }
        #expect(count == 174)
    }

    @Test("RFC 5869, appendix A: HKDF-SHA-256")
    func rfc5869() throws {
        struct Vector: Decodable {
            let name, hash, ikm, info, okm: String
            let salt: String?
        }
        let file = try SharedVectors.decode(Printed<Vector>.self, from: "rfc/hkdf_rfc5869.json")
        // The others are for SHA-1, which nothing here uses.
        let vectors = file.vectors.filter { $0.hash == "SHA-256" }
        for vector in vectors {
            var output = [UInt8](repeating: 0, count: vector.okm.count / 2)
            let isDerived = output.withUnsafeMutableBytes { output in
                bytes(hex: vector.ikm).withUnsafeBytes { key in
                    bytes(hex: vector.salt ?? "").withUnsafeBytes { salt in
                        bytes(hex: vector.info).withUnsafeBytes { info in
                            Primitives.hkdf(digest: .sha256, key: key, salt: salt, info: info, output: output)
                        }
                    }
                }
            }
            #expect(isDerived && output == bytes(hex: vector.okm), "\(vector.name)")
        }
        #expect(vectors.count == 3)
    }

    @Test("RFC 4231, section 4: HMAC-SHA-256")
    func rfc4231() throws {
        struct Vector: Decodable {
            let name, key, data, code: String

            enum CodingKeys: String, CodingKey {
                case name
                case key
                case data
                case code = "hmac_sha256"
            }
        }
        let vectors = try SharedVectors.decode(Printed<Vector>.self, from: "rfc/hmac_rfc4231.json").vectors
        for vector in vectors {
            let code = hmacSHA256(key: SecretBytes(copying: bytes(hex: vector.key)), bytes(hex: vector.data))
            #expect(code == bytes(hex: vector.code), "\(vector.name)")
        }
        #expect(vectors.count == 7)
    }

    // MARK: The primitive that sealing itself uses

    private func encrypt(_ message: [UInt8], key: [UInt8], nonce: [UInt8], additionalData: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: message.count + 16)
        let isDone = output.withUnsafeMutableBytes { output in
            key.withUnsafeBytes { key in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        message.withUnsafeBytes { message in
                            Primitives.encrypt(
                                key: key, nonce: nonce, additionalData: additionalData, plaintext: message,
                                output: output)
                        }
                    }
                }
            }
        }
        return isDone ? output : nil
    }

    private func decrypt(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], additionalData: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0xEE, count: sealed.count - 16)
        let isDone = output.withUnsafeMutableBytes { output in
            key.withUnsafeBytes { key in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        sealed.withUnsafeBytes { sealed in
                            Primitives.decrypt(
                                key: key, nonce: nonce, additionalData: additionalData, ciphertext: sealed,
                                output: output)
                        }
                    }
                }
            }
        }
        #expect(isDone || output.allSatisfy { $0 == 0 }, "nothing is left of a refused plaintext")
        return isDone ? output : nil
    }
}
