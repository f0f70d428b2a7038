import Crypto
import CryptoExtras
import Testing

@testable import OAuth

@Suite("Signing keys")
struct JOSEKeyTests {
    static let text = Array("what is signed".utf8)

    @Test("RFC 7518 §3, RFC 8037 §3.1: each algorithm of each kind signs, and its public key verifies")
    func roundTrips() throws {
        var seen: Set<SignatureAlgorithm> = []
        for key in TestKeys.all {
            for algorithm in key.algorithms {
                seen.insert(algorithm)
                let signature = try key.sign(Self.text, algorithm: algorithm)
                let verifies = { (signature: [UInt8], text: [UInt8]) in
                    key.publicKey.isValidSignature(signature, of: text, algorithm: algorithm)
                }
                #expect(verifies(signature, Self.text))
                #expect(!verifies(signature, Self.text + [0]))
                #expect(!verifies(signature + [0], Self.text))
                #expect(!verifies(Array(signature.dropLast()), Self.text))
                #expect(!verifies([], Self.text))
                #expect(!verifies(Array(repeating: 0, count: signature.count), Self.text))
            }
        }
        #expect(seen == Set(SignatureAlgorithm.allCases.filter { !$0.isSymmetric }))
    }

    @Test("RFC 8725 §3.1: a signature of one algorithm is none of another")
    func notInterchangeable() throws {
        for made in TestKeys.rsa.algorithms {
            let signature = try TestKeys.rsa.sign(Self.text, algorithm: made)
            for asked in SignatureAlgorithm.allCases where asked != made {
                #expect(!TestKeys.rsa.publicKey.isValidSignature(signature, of: Self.text, algorithm: asked))
            }
        }
    }

    @Test("RFC 7518 §3.4: ECDSA signatures are two numbers of full length")
    func rawECDSA() throws {
        for (key, size) in [(TestKeys.p256, 64), (TestKeys.p384, 96), (TestKeys.p521, 132)] {
            #expect(try key.sign(Self.text, algorithm: key.algorithms[0]).count == size)
        }
    }

    @Test("A key signs with its own algorithms alone, never with HMAC")
    func otherAlgorithms() {
        for key in TestKeys.all {
            for algorithm in SignatureAlgorithm.allCases where !key.algorithms.contains(algorithm) {
                #expect(throws: SigningKey.Invalid.self) { try key.sign(Self.text, algorithm: algorithm) }
                #expect(throws: SigningKey.Invalid.self) { try AssertionSigner(key, algorithm: algorithm) }
            }
        }
    }

    @Test("A key that was made is read again from what was kept of it")
    func generated() throws {
        let key = SigningKey.generateES256()
        let again = try SigningKey(serialized: key.serialized)
        #expect(again == key)
        #expect(again.publicKey.thumbprint == key.publicKey.thumbprint)
        #expect(key.algorithms == [.es256])
        #expect(SigningKey.generateES256() != key)
        let signature = try again.sign(Self.text, algorithm: .es256)
        #expect(key.publicKey.isValidSignature(signature, of: Self.text, algorithm: .es256))
    }

    @Test("Whatever prints a key prints dots")
    func printing() {
        for key in TestKeys.all {
            let secret = base64URL(Array(key.serialized.suffix(20)))
            let signer = AssertionSigner(usual: key)
            for text in [printed(key), printed(signer), printed(ClientAuthentication.privateKeyJWT(signer))] {
                #expect(!text.contains(secret))
                #expect(!text.contains("\(key.serialized.prefix(8).map(Int.init))".dropFirst().dropLast()))
            }
            #expect("\(key)" == "••••")
        }
    }

    // MARK: Refusals

    private func refusal(_ der: [UInt8], certificates: [[UInt8]] = []) -> String? {
        do throws(SigningKey.Invalid) {
            _ = try SigningKey(ClientKey(privateKey: der, certificates: certificates))
            return nil
        } catch {
            return error.description
        }
    }

    @Test("What is no key, or none that can be used, is refused with the reason")
    func refused() throws {
        let p256 = TestKeys.p256.serialized
        let small = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1024))
        #expect(refusal(Array(small.pkcs8DERRepresentation)) == RSAKeyFault.size.rawValue)
        #expect(refusal([]) == "it is not PKCS#8 in DER")
        #expect(refusal(Array("-----BEGIN PRIVATE KEY-----".utf8)) == "it is not PKCS#8 in DER")
        #expect(refusal(p256 + [0]) == "it is not PKCS#8 in DER")
        #expect(refusal(Array(p256.dropLast())) == "it is not PKCS#8 in DER")
        // EncryptedPrivateKeyInfo (RFC 5208 §6) begins with the algorithm.
        #expect(refusal([0x30, 4, 0x30, 0, 0x04, 0]) == "it is encrypted, or not PKCS#8")
        let pkcs1 = Array(try _RSA.Signing.PrivateKey(keySize: .bits2048).derRepresentation)
        #expect(refusal(pkcs1) == "it is PKCS#1 or SEC 1, not PKCS#8")
        let agreement = Array(Curve25519.KeyAgreement.PrivateKey().derRepresentation)
        #expect(refusal(agreement) == "its kind is none of RSA, P-256, P-384, P-521 and Ed25519")
        var otherCurve = p256
        let place = try #require(otherCurve.indices.first { otherCurve[$0...].starts(with: [0x3D, 0x03, 0x01, 0x07]) })
        otherCurve[place + 3] = 1
        #expect(refusal(otherCurve) == "its curve is none of P-256, P-384 and P-521")
        var zero = p256
        let scalar = try #require(zero.indices.first { zero[$0...].starts(with: [0x02, 0x01, 0x01, 0x04, 0x20]) }) + 5
        zero.replaceSubrange(scalar..<(scalar + 32), with: Array(repeating: 0, count: 32))
        #expect(refusal(zero) == "its numbers make no key that Credence can use")
    }

    @Test("Every cut of a key is refused, and none ends the process")
    func cuts() {
        for der in [TestKeys.p256.serialized, TestKeys.ed25519.serialized, Array(TestKeys.rsa.serialized.prefix(80))] {
            for count in 0..<der.count { #expect(refusal(Array(der.prefix(count))) != nil) }
        }
    }

    @Test("The certificate must be the key's")
    func certificates() {
        let mark = { (key: SigningKey) -> [UInt8] in
            switch key.publicKey.material {
            case .rsa(let modulus, _): modulus
            case .ec(_, let x, _): x
            case .ed25519(let x): x
            }
        }
        for key in TestKeys.all {
            #expect(refusal(key.serialized, certificates: [[0x30] + mark(key) + [1, 2]]) == nil)
            let other = key == TestKeys.rsa ? TestKeys.otherRSA : TestKeys.rsa
            #expect(
                refusal(key.serialized, certificates: [[0x30] + mark(other) + [1, 2]])
                    == "its certificate is another key's")
            #expect(refusal(key.serialized, certificates: [[]]) == "its certificate is another key's")
        }
    }

    @Test("RFC 5915 §3: a number that was written short is read in full length")
    func shortScalar() throws {
        let inner: [UInt8] = [0x30, 0x06, 0x02, 0x01, 0x01, 0x04, 0x01, 0x05]
        let identifier: [UInt8] = [
            0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
            0x03, 0x01, 0x07,
        ]
        let body = [0x02, 0x01, 0x00] + identifier + [0x04, UInt8(inner.count)] + inner
        let key = try SigningKey(serialized: [0x30, UInt8(body.count)] + body)
        let expected = try P256.Signing.PrivateKey(rawRepresentation: Array(repeating: 0, count: 31) + [5])
        guard case .ec(.p256, let x, _) = key.publicKey.material else { throw SigningKey.Invalid(description: "kind") }
        #expect(x == Array(expected.publicKey.rawRepresentation.prefix(32)))
    }
}
