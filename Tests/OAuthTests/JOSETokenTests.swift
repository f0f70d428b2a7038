import Testing

@testable import OAuth

@Suite("Signed tokens in the compact form")
struct JOSETokenTests {
    static let claims = JSONObject([("a", .number(JSONNumber(1)))])

    private func refusal(_ compact: String) -> String? {
        do throws(JWS.Malformed) {
            _ = try JWS(compact)
            return nil
        } catch {
            return error.description
        }
    }

    private func with(_ name: String, _ value: JSONValue?) -> String {
        var minter = Minter(Self.claims)
        minter.header[name] = value
        return minter.compact
    }

    @Test("RFC 7515 §7.1: three parts, no more, no less; five are an encrypted token")
    func parts() {
        let sound = Minter(Self.claims).compact
        #expect(refusal(sound) == nil)
        let parts = sound.split(separator: ".").map(String.init)
        #expect(refusal("") == "it does not have three parts")
        #expect(refusal(parts[0]) == "it does not have three parts")
        #expect(refusal("\(parts[0]).\(parts[1])") == "it does not have three parts")
        #expect(refusal("\(sound).") == "it does not have three parts")
        #expect(refusal("\(sound).x.y") == "it is encrypted")
        #expect(refusal("\(sound).x.y.z") == "it does not have three parts")
        #expect(refusal(sound + String(repeating: ".", count: 60_000)) == "it does not have three parts")
        #expect(refusal("..") == "its header is not a JSON object")
    }

    @Test("RFC 7515 §2: no part has padding, space or line breaks")
    func strict() {
        let parts = Minter(Self.claims).compact.split(separator: ".").map(String.init)
        for place in 0..<3 {
            for odd in ["=", " ", "\n", "+"] {
                var changed = parts
                changed[place] += odd
                #expect(refusal(changed.joined(separator: ".")) == "it is not base64url")
            }
        }
        #expect(refusal(" " + parts.joined(separator: ".")) == "it is not base64url")
    }

    @Test("A token is no longer than 64 KiB")
    func size() {
        let long = { (count: Int) in
            Minter(JSONObject([("a", .string(String(repeating: "a", count: count)))])).compact
        }
        #expect(refusal(long(48_000)) == nil)
        #expect(refusal(long(50_000)) == "it is longer than 64 KiB")
    }

    @Test("RFC 7515 §4: the header is an object with each member once")
    func header() {
        let tail = ".e30.AAAA"
        for text in ["[]", "null", "1", "", "{", #"{"alg":"RS256","alg":"none"}"#, "\u{FEFF}{\"alg\":\"RS256\"}"] {
            #expect(refusal(base64URL(Array(text.utf8)) + tail) == "its header is not a JSON object")
        }
        #expect(refusal(base64URL([0xFF, 0xFE]) + tail) == "its header is not a JSON object")
    }

    @Test("RFC 7515 §4.1.11, RFC 7797: extensions are refused, whatever they are")
    func extensions() {
        let reason = "its header names an extension"
        for crit: JSONValue in [.array([.string("b64")]), .array([]), .null, .array([.string("exp")])] {
            #expect(refusal(with("crit", crit)) == reason)
        }
        for b64: JSONValue in [.bool(false), .null, .string("true")] { #expect(refusal(with("b64", b64)) == reason) }
        #expect(refusal(with("b64", .bool(true))) == nil)
    }

    @Test(
        "F21: no algorithm, none in any spelling, and unknown ones",
        arguments: ["none", "None", "nOnE", "", "RS1", "rs256"])
    func algorithms(_ name: String) {
        let reason = "its algorithm is missing or none that Credence verifies"
        #expect(refusal(with("alg", .string(name))) == reason)
        #expect(refusal(with("alg", nil)) == reason)
        #expect(refusal(with("alg", .null)) == reason)
        #expect(refusal(with("alg", .array([.string("RS256")]))) == reason)
    }

    @Test("RFC 7515 §4.1.4: kid is text")
    func keyID() {
        for value: JSONValue in [
            .null, .number(JSONNumber(1)), .array([]), .string(String(repeating: "k", count: 1025)),
        ] {
            #expect(refusal(with("kid", value)) == "its kid is not text, or too long")
        }
    }

    // MARK: Verifying

    private func verdict(
        _ compact: String, _ keys: JSONWebKeySet, secret: Secret? = nil,
        allowed: Set<SignatureAlgorithm> = Set(SignatureAlgorithm.allCases)
    ) throws -> JWS.Verdict { try JWS(compact).verify(with: keys, secret: secret, allowed: allowed) }

    @Test("Every algorithm verifies, with the key that made it and with no other")
    func verifies() throws {
        let all = JSONWebKeySet(TestKeys.all.map(\.publicKey))
        for key in TestKeys.all {
            for algorithm in key.algorithms {
                let compact = Minter(Self.claims, key: key, algorithm: algorithm).compact
                #expect(try verdict(compact, all) == .valid)
                #expect(
                    try verdict(compact, all, allowed: Set(SignatureAlgorithm.allCases).subtracting([algorithm]))
                        == .invalid(reason: "its algorithm is not one that was agreed on"))
                #expect(try verdict(compact, JSONWebKeySet()) == .unknownKey(keyID: key.keyID))
            }
        }
    }

    @Test("F21: a changed header, payload or signature")
    func changed() throws {
        let keys = JSONWebKeySet(of: TestKeys.rsa)
        let parts = Minter(Self.claims).compact.split(separator: ".").map(String.init)
        let wrong = JWS.Verdict.invalid(reason: "its signature is wrong")
        let payload = base64URL(Array(#"{"a":2}"#.utf8))
        let header = base64URL(Array(#"{"typ":"JWT","alg":"RS256","kid":"rs1"}"#.utf8))
        let signature = (parts[2].hasPrefix("A") ? "B" : "A") + parts[2].dropFirst()
        #expect(try verdict("\(parts[0]).\(parts[1]).\(parts[2])", keys) == .valid)
        #expect(try verdict("\(parts[0]).\(payload).\(parts[2])", keys) == wrong)
        #expect(try verdict("\(header).\(parts[1]).\(parts[2])", keys) == wrong)
        #expect(try verdict("\(parts[0]).\(parts[1]).\(signature)", keys) == wrong)
        #expect(try verdict("\(parts[0]).\(parts[1]).", keys) == wrong)
    }

    @Test(
        "RFC 8725 §3.10: keys that the token brings or points to are not used", arguments: ["jwk", "jku", "x5c", "x5u"])
    func ownKeys(_ name: String) throws {
        var minter = Minter(Self.claims, key: TestKeys.otherRSA)
        minter.header["kid"] = .string("rs1")
        minter.header[name] =
            name == "jwk" ? .object(TestKeys.otherRSA.publicKey.json) : .string("https://evil.example")
        let keys = JSONWebKeySet(of: TestKeys.rsa)
        #expect(try verdict(minter.compact, keys) == .invalid(reason: "its signature is wrong"))
        minter.header["kid"] = nil
        #expect(try verdict(minter.compact, keys) == .unknownKey(keyID: nil))
    }

    @Test("Without a kid all keys of the kind are tried")
    func withoutKeyID() throws {
        var minter = Minter(Self.claims, key: TestKeys.otherRSA)
        minter.header["kid"] = nil
        #expect(
            try verdict(minter.compact, JSONWebKeySet(of: TestKeys.p256, TestKeys.rsa, TestKeys.otherRSA)) == .valid)
        #expect(try verdict(minter.compact, JSONWebKeySet(of: TestKeys.p256)) == .unknownKey(keyID: nil))
    }

    // MARK: Secrets

    private func minted(_ algorithm: SignatureAlgorithm, secret: [UInt8]) -> String {
        var minter = Minter(Self.claims)
        minter.header = JSONObject([("alg", .string(algorithm.rawValue))])
        minter.sign = { MAC.make($0, key: secret, algorithm: algorithm) ?? [] }
        return minter.compact
    }

    @Test("RFC 7518 §3.2: HMAC verifies with the client secret", arguments: [SignatureAlgorithm.hs256, .hs384, .hs512])
    func symmetric(_ algorithm: SignatureAlgorithm) throws {
        let secret = Secret("sécret of the client")
        let compact = minted(algorithm, secret: Array(secret.reveal().utf8))
        let wrong = JWS.Verdict.invalid(reason: "its signature is wrong")
        #expect(try verdict(compact, JSONWebKeySet(), secret: secret) == .valid)
        #expect(try verdict(compact, JSONWebKeySet(), secret: Secret("another")) == wrong)
        #expect(try verdict(compact, JSONWebKeySet()) == wrong)
        #expect(
            try verdict(compact, JSONWebKeySet(), secret: secret, allowed: [.rs256])
                == .invalid(reason: "its algorithm is not one that was agreed on"))
    }

    @Test("RFC 8725 §2.1: a public key is no secret, and neither is an empty one")
    func confusion() throws {
        let published = TestKeys.rsa.publicKey.json
        let wrong = JWS.Verdict.invalid(reason: "its signature is wrong")
        for secret in [Array(JSONValue.object(published).serialized().utf8), [0]] {
            let compact = minted(.hs256, secret: secret)
            #expect(try verdict(compact, JSONWebKeySet(of: TestKeys.rsa)) == wrong)
            #expect(try verdict(compact, JSONWebKeySet(of: TestKeys.rsa), secret: Secret("real")) == wrong)
        }
        #expect(MAC.make([1], key: [], algorithm: .hs256) == nil)
        #expect(try verdict(minted(.hs256, secret: []), JSONWebKeySet(), secret: Secret("")) == wrong)
    }

    @Test("Printing shows the algorithm alone")
    func printing() throws {
        let compact = Minter(JSONObject([("email", .string("a@example.com"))])).compact
        let text = printed(try JWS(compact))
        #expect(text.contains("RS256"))
        #expect(!text.contains("example") && !text.contains("payload"))
    }

    @Test("OpenID Connect Discovery 1.0 §3: what may be used is what both sides can, RS256 where nothing is said")
    func allowed() {
        #expect(SignatureAlgorithm.allowed(supported: nil) == [.rs256])
        #expect(SignatureAlgorithm.allowed(supported: []) == [.rs256])
        #expect(SignatureAlgorithm.allowed(supported: ["none", "RS256", "ES256", "ES256K"]) == [.rs256, .es256])
        #expect(SignatureAlgorithm.allowed(supported: ["none"]).isEmpty)
    }
}
