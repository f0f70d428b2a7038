import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import OAuth

@Suite("The printed values of the RFCs", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
struct JOSEVectorTests {
    /// Verifies with a JWK as it is printed, whatever kind it is of.
    static func isValid(_ compact: String, _ key: JSONObject) -> Bool {
        guard let jws = try? JWS(compact) else { return false }
        if key["kty"]?.text == "oct" {
            guard let secret = key["k"]?.text.flatMap({ bytes(base64URL: $0) }) else { return false }
            return jws.hasValidCode(key: secret)
        }
        // What is printed beside the public half is dropped by the test: a published private key is refused.
        guard let key = JSONWebKey(publicHalf(key)) else { return false }
        let allowed = Set(SignatureAlgorithm.allCases.filter { !$0.isSymmetric })
        return jws.verify(with: JSONWebKeySet([key]), allowed: allowed) == .valid
    }

    static func publicHalf(_ key: JSONObject) -> JSONObject {
        let secret: Set = ["d", "p", "q", "dp", "dq", "qi"]
        return JSONObject(key.pairs.filter { !secret.contains($0.0) })
    }

    @Test("RFC 7515 appendix A, RFC 8037 appendix A: verified as they were received")
    func tokens() throws {
        let tokens = try Shared.json("vectors/rfc/jose_rfc7515_7638_8037.json")[path: "jws"]?.elements ?? []
        #expect(tokens.count == 5)
        for token in tokens {
            let compact = try #require(token[path: "jws"]?.text)
            let isSound = token[path: "result"]?.text == "valid"
            #expect(Self.isValid(compact, token[path: "key"]?.members ?? JSONObject()) == isSound)
            let changed = compact.dropLast(3) + (compact.hasSuffix("AAA") ? "BBA" : "AAA")
            #expect(!Self.isValid(String(changed), token[path: "key"]?.members ?? JSONObject()))
        }
    }

    @Test("RFC 7638 §3.1, RFC 8037 appendix A.3: thumbprints")
    func thumbprints() throws {
        let printed = try Shared.json("vectors/rfc/jose_rfc7515_7638_8037.json")[path: "thumbprints"]?.elements ?? []
        #expect(printed.count == 2)
        for entry in printed {
            let key = try #require(JSONWebKey(entry[path: "jwk"]?.members ?? JSONObject()))
            #expect(key.thumbprint == entry[path: "sha256"]?.text)
        }
    }

    @Test("RFC 8037 appendix A.4: Ed25519 signs as printed")
    func signsEd25519() throws {
        let tokens = try Shared.json("vectors/rfc/jose_rfc7515_7638_8037.json")[path: "jws"]?.elements ?? []
        let token = try #require(tokens.first { $0[path: "name"]?.text == "RFC8037-A.4" })
        let seed = try #require(token[path: "key.d"]?.text.flatMap { bytes(base64URL: $0) })
        let der = try Curve25519.Signing.PrivateKey(rawRepresentation: seed).derRepresentation
        let key = try SigningKey(serialized: Array(der))
        let parts = try #require(token[path: "jws"]?.text).split(separator: ".").map(String.init)
        let signature = try key.sign(Array("\(parts[0]).\(parts[1])".utf8), algorithm: .edDSA)
        #expect(base64URL(signature) == parts[2])
        #expect(key.publicKey.required["x"] == token[path: "key.x"])
    }

    @Test("OpenID Connect Core 1.0 appendix A: at_hash and c_hash")
    func halfHashes() throws {
        let printed = try Shared.json("vectors/rfc/oidc_half_hash.json")[path: "vectors"]?.elements ?? []
        #expect(printed.count == 2)
        for entry in printed {
            let algorithm = try #require(SignatureAlgorithm(rawValue: entry[path: "alg"]?.text ?? ""))
            let text = try #require(entry[path: "access_token"]?.text ?? entry[path: "code"]?.text)
            #expect(algorithm.halfHash(of: text) == (entry[path: "at_hash"] ?? entry[path: "c_hash"])?.text)
        }
    }

    @Test("RFC 4231 §4: HMAC")
    func hmac() throws {
        let cases = try Shared.json("vectors/rfc/hmac_rfc4231.json")[path: "vectors"]?.elements ?? []
        var count = 0
        for entry in cases {
            let key = try #require(entry[path: "key"]?.text.flatMap { bytes(hex: $0) })
            let data = try #require(entry[path: "data"]?.text.flatMap { bytes(hex: $0) })
            for algorithm in [SignatureAlgorithm.hs256, .hs384, .hs512] {
                let name = "hmac_sha\(algorithm.rawValue.suffix(3))"
                let code = try #require(entry.members[name]?.text.flatMap { bytes(hex: $0) })
                count += 1
                // One of the printed codes is cut to 128 bits: it is compared as far as it goes, and not accepted.
                let made = try #require(MAC.make(data, key: key, algorithm: algorithm))
                #expect(Array(made.prefix(code.count)) == code)
                #expect(MAC.isValid(code, of: data, key: key, algorithm: algorithm) == (code.count == made.count))
            }
        }
        #expect(count == 21)
    }

    @Test(
        "RFC 7520 §4.1 to §4.4: verified; RS256 and HS256 made again to the byte",
        arguments: [
            "4_1.rsa_v15_signature", "4_2.rsa-pss_signature", "4_3.ecdsa_signature",
            "4_4.hmac-sha2_integrity_protection",
        ])
    func cookbook(_ name: String) throws {
        let entry = try Shared.json("vectors/jose-cookbook/jws/\(name).json")
        let key = try #require(entry[path: "input.key"]?.members)
        let compact = try #require(entry[path: "output.compact"]?.text)
        #expect(Self.isValid(compact, key))
        let jws = try JWS(compact)
        #expect(String(decoding: jws.payload, as: UTF8.self) == entry[path: "input.payload"]?.text)
        #expect(jws.algorithm.rawValue == entry[path: "input.alg"]?.text)
        #expect(jws.keyID == key["kid"]?.text)
        let signed = Array(try #require(entry[path: "signing.sig-input"]?.text).utf8)
        let signature = try #require(entry[path: "signing.sig"]?.text)
        switch jws.algorithm {
        case .rs256:
            func number(_ name: String) throws -> [UInt8] {
                try #require(key[name]?.text.flatMap { bytes(base64URL: $0) })
            }
            let native = try _RSA.Signing.PrivateKey(
                n: try number("n"), e: try number("e"), d: try number("d"), p: try number("p"), q: try number("q"))
            let own = try SigningKey(serialized: Array(native.pkcs8DERRepresentation))
            #expect(base64URL(try own.sign(signed, algorithm: .rs256)) == signature)
        case .hs256:
            let secret = try #require(key["k"]?.text.flatMap { bytes(base64URL: $0) })
            #expect(MAC.make(signed, key: secret, algorithm: .hs256).map { base64URL($0) } == signature)
        default: break
        }
    }

    @Test("RFC 7520 §3, RFC 8037: keys; a private one is no public key")
    func keys() throws {
        for (name, kind) in [("3_1.ec_public_key", "EC"), ("3_3.rsa_public_key", "RSA")] {
            let members = try Shared.json("vectors/jose-cookbook/jwk/\(name).json").members
            let key = try #require(JSONWebKey(members))
            #expect(members["kty"]?.text == kind)
            for member in key.required.names { #expect(key.required[member] == members[member]) }
            #expect(key.keyID == members["kid"]?.text)
        }
        for name in ["3_2.ec_private_key", "3_4.rsa_private_key", "3_5.symmetric_key_mac_computation"] {
            #expect(JSONWebKey(try Shared.json("vectors/jose-cookbook/jwk/\(name).json").members) == nil)
        }
    }

    @Test("RFC 7515 appendix F, RFC 7797, RFC 7516: what is not offered is refused")
    func refused() throws {
        let folder = Shared.file("vectors/jose-cookbook")
        let encrypted = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("jwe").path)
        var count = 0
        for file in encrypted.map({ "jwe/\($0)" }) + [
            "rfc7797/hmac-sha2_b64_false.json", "rfc7797/4.2.hmac-sha2_b64_false.json", "curve25519/ecdh-es.json",
        ] {
            guard let compact = try Shared.json("vectors/jose-cookbook/\(file)")[path: "output.compact"]?.text else {
                continue
            }
            count += 1
            #expect(throws: JWS.Malformed.self) { try JWS(compact) }
        }
        #expect(count >= 9)
        // Detached content reads as an empty payload, which is not what was signed.
        let detached = try Shared.json("vectors/jose-cookbook/jws/4_5.signature_with_detached_content.json")
        let compact = try #require(detached[path: "output.compact"]?.text)
        #expect(!Self.isValid(compact, detached[path: "input.key"]?.members ?? JSONObject()))
    }
}
