import Foundation
import Testing

@testable import OAuth

/// Test vectors that try what broke other implementations. What is `acceptable` to them is refused here.
@Suite("Wycheproof", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
struct JOSEWycheproofTests {
    struct File: Decodable {
        let testGroups: [Group]
    }

    struct Group: Decodable {
        struct Key: Decodable {
            let modulus: String?
            let publicExponent: String?
            let uncompressed: String?
            let pk: String?
        }

        let sha: String?
        let mgfSha: String?
        let sLen: Int?
        let tagSize: Int?
        let publicKey: Key?
        let privateKeyPkcs8: String?
        let tests: [Entry]
    }

    struct Entry: Decodable {
        let tcId: Int
        let comment: String
        let key: String?
        let msg: String
        let sig: String?
        let tag: String?
        let result: String
    }

    private func groups(_ name: String) throws -> [Group] {
        try JSONDecoder().decode(
            File.self, from: Data(contentsOf: Shared.file("vectors/wycheproof/\(name)_test.json"))
        ).testGroups
    }

    private func hex(_ text: String?) throws -> [UInt8] { try #require(text.flatMap { bytes(hex: $0) }) }

    private func named(_ prefix: String, _ hash: String?) -> SignatureAlgorithm? {
        hash.flatMap { SignatureAlgorithm(rawValue: prefix + $0.split(separator: "-").last!) }
    }

    private func verify(
        _ name: String, _ key: (Group) throws -> (JSONWebKey.Material, SignatureAlgorithm),
        wanted: (Group, Entry) -> Bool = { $1.result == "valid" }
    ) throws -> Int {
        var count = 0
        for group in try groups(name) {
            let (material, algorithm) = try key(group)
            // Read as a provider's key would be.
            let key = try #require(JSONWebKey(JSONWebKey(material).json), "\(name)")
            for entry in group.tests {
                count += 1
                let isValid = key.isValidSignature(try hex(entry.sig), of: try hex(entry.msg), algorithm: algorithm)
                #expect(isValid == wanted(group, entry), "\(name) \(entry.tcId): \(entry.comment)")
            }
        }
        return count
    }

    private func rsa(_ group: Group, _ prefix: String) throws -> (JSONWebKey.Material, SignatureAlgorithm) {
        let material = JSONWebKey.Material.rsa(
            modulus: Array(try hex(group.publicKey?.modulus).drop { $0 == 0 }),
            exponent: Array(try hex(group.publicKey?.publicExponent).drop { $0 == 0 }))
        return (material, try #require(named(prefix, group.sha)))
    }

    // MARK: Verifying

    @Test(
        "RS256, RS384, RS512",
        arguments: ["2048", "3072", "4096"].flatMap { size in
            ["256", "384", "512"].map { "rsa_signature_\(size)_sha\($0)" }
        })
    func pkcs1(_ name: String) throws {
        #expect(try verify(name, { try rsa($0, "RS") }) >= 258)
    }

    @Test(
        "PS256, PS384, PS512",
        arguments: [
            "2048_sha256_mgf1_32", "2048_sha384_mgf1_48", "3072_sha256_mgf1_32", "4096_sha256_mgf1_32",
            "4096_sha384_mgf1_48", "4096_sha512_mgf1_64",
        ])
    func pss(_ name: String) throws {
        #expect(try verify("rsa_pss_\(name)", { try rsa($0, "PS") }) >= 108)
    }

    @Test("RFC 7518 §3.5: PSS with another salt length, or another digest in its mask, is refused")
    func pssMisc() throws {
        var count = 0
        for group in try groups("rsa_pss_misc") {
            guard let algorithm = named("PS", group.sha) else { continue }
            let key = JSONWebKey(try rsa(group, "PS").0)
            let size = (Int(algorithm.rawValue.suffix(3)) ?? 0) / 8
            for entry in group.tests {
                count += 1
                let isValid = key.isValidSignature(try hex(entry.sig), of: try hex(entry.msg), algorithm: algorithm)
                #expect(isValid == (group.mgfSha == group.sha && group.sLen == size), "\(entry.tcId)")
            }
        }
        // 150 in all; those of SHA-1 and SHA-224 have no algorithm that could be asked for.
        #expect(count == 90)
    }

    @Test(
        "ES256, ES384, ES512: two numbers of full length",
        arguments: [("256r1_sha256", 262), ("384r1_sha384", 280), ("521r1_sha512", 318)])
    func ecdsa(_ name: String, _ size: Int) throws {
        let count = try verify("ecdsa_secp\(name)_p1363") { group in
            let point = try hex(group.publicKey?.uncompressed).dropFirst()
            let algorithm: SignatureAlgorithm = size == 262 ? .es256 : size == 280 ? .es384 : .es512
            let curve: JSONWebKey.Curve = size == 262 ? .p256 : size == 280 ? .p384 : .p521
            return (
                .ec(curve, x: Array(point.prefix(point.count / 2)), y: Array(point.suffix(point.count / 2))), algorithm
            )
        }
        #expect(count == size)
    }

    @Test(
        "RFC 7518 §3.4: ECDSA in DER is refused",
        arguments: [("256r1_sha256", 484), ("384r1_sha384", 504), ("521r1_sha512", 542)])
    func ecdsaDER(_ name: String, _ size: Int) throws {
        let count = try verify(
            "ecdsa_secp\(name)",
            { group in
                let point = try hex(group.publicKey?.uncompressed).dropFirst()
                let algorithm: SignatureAlgorithm = size == 484 ? .es256 : size == 504 ? .es384 : .es512
                let curve: JSONWebKey.Curve = size == 484 ? .p256 : size == 504 ? .p384 : .p521
                return (
                    .ec(curve, x: Array(point.prefix(point.count / 2)), y: Array(point.suffix(point.count / 2))),
                    algorithm
                )
            }, wanted: { _, _ in false })
        #expect(count == size)
    }

    @Test("EdDSA with Ed25519")
    func ed25519() throws {
        let count = try verify("ed25519") { (.ed25519(try hex($0.publicKey?.pk)), .edDSA) }
        #expect(count == 151)
    }

    @Test("HS256, HS384, HS512; a code that is cut is refused", arguments: ["256", "384", "512"])
    func hmac(_ size: String) throws {
        let algorithm = try #require(named("HS", size))
        var count = 0
        for group in try groups("hmac_sha\(size)") {
            for entry in group.tests {
                count += 1
                let isValid = MAC.isValid(
                    try hex(entry.tag), of: try hex(entry.msg), key: try hex(entry.key), algorithm: algorithm)
                #expect(isValid == (entry.result == "valid" && group.tagSize == Int(size)), "\(entry.tcId)")
            }
        }
        #expect(count == 174)
    }

    // MARK: Signing

    @Test("RS256, RS384, RS512 sign to the byte", arguments: [("2048", 27), ("3072", 26), ("4096", 24)])
    func signing(_ size: String, _ expected: Int) throws {
        var count = 0
        for group in try groups("rsa_pkcs1_\(size)_sig_gen") {
            // Not of JOSE: SHA-1 and SHA-224.
            guard let algorithm = named("RS", group.sha), group.sha != "SHA-224", group.sha != "SHA-1" else { continue }
            let key = try SigningKey(serialized: try hex(group.privateKeyPkcs8))
            for entry in group.tests {
                count += 1
                let signature = try key.sign(try hex(entry.msg), algorithm: algorithm)
                #expect(signature == (try hex(entry.sig)), "\(size) \(entry.tcId)")
            }
        }
        #expect(count == expected)
    }

    // MARK: Whole tokens

    /// By ID, where the opposite is right here, and why.
    static let differing: [String: [Int: String]] = [
        "json_web_signature": [
            346: "the key says PS256, the token PS384", 350: "the key says PS256, the token PS384",
            347: "the key's alg is ES521, which does not exist", 351: "the key's alg is ES521, which does not exist",
            367: "it is the same text as 357, which is valid", 370: "it is the same text as 357, which is valid",
            372: "a question mark is not base64url", 373: "a question mark is not base64url",
        ],
        "json_web_key": [:],
        "json_web_crypto": [:],
    ]

    @Test(
        "JWS with one key or a set of them",
        arguments: [("json_web_signature", 401, 0), ("json_web_key", 11, 15), ("json_web_crypto", 45, 38)])
    func tokens(_ name: String, _ expected: Int, _ notOffered: Int) throws {
        let file = try JSONReader.read(
            Array(try Data(contentsOf: Shared.file("vectors/wycheproof/\(name)_test.json"))),
            limits: .init(members: 100_000))
        var count = 0
        var passed = 0
        for group in file.members["testGroups"]?.elements ?? [] {
            let key = (group.members["public"] ?? group.members["private"])?.members ?? JSONObject()
            for entry in group.members["tests"]?.elements ?? [] {
                let id = entry[path: "tcId"]?.int ?? 0
                // Not offered: encryption, the JSON serialization, and sets of secrets.
                guard let compact = entry.members["jws"]?.text,
                    (key["keys"]?.elements ?? []).allSatisfy({ $0.members["kty"]?.text != "oct" })
                else {
                    passed += 1
                    if let encrypted = entry.members["jwe"]?.text { #expect((try? JWS(encrypted)) == nil, "\(id)") }
                    continue
                }
                count += 1
                let isWanted = (entry[path: "result"]?.text == "valid") == (Self.differing[name]?[id] == nil)
                #expect(Self.isValid(compact, key) == isWanted, "\(name) \(id): \(entry[path: "comment"]?.text ?? "")")
            }
        }
        #expect(count == expected && passed == notOffered, "\(name): \(count), not offered \(passed)")
    }

    private static func isValid(_ compact: String, _ key: JSONObject) -> Bool {
        guard let keys = key["keys"]?.elements else { return JOSEVectorTests.isValid(compact, key) }
        let set = JSONWebKeySet(keys.compactMap { JSONWebKey(JOSEVectorTests.publicHalf($0.members)) })
        return (try? JWS(compact))?.verify(with: set, allowed: Set(SignatureAlgorithm.allCases)) == .valid
    }
}
