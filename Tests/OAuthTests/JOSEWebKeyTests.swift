import HTTPTypes
import Testing

@testable import OAuth

@Suite("JSON Web Keys and sets of them")
struct JOSEWebKeyTests {
    private func key(_ text: String) throws -> JSONWebKey? { JSONWebKey(try json(text).members) }

    private func members(_ key: SigningKey, _ changes: (String, JSONValue?)...) -> JSONObject {
        var members = key.publicKey.json
        for (name, value) in changes { members[name] = value }
        return members
    }

    @Test("RFC 7517 §4: what is written is read again")
    func roundTrip() throws {
        for key in TestKeys.all {
            let again = try #require(JSONWebKey(key.publicKey.json))
            #expect(again == key.publicKey)
            #expect(again.keyID == key.keyID)
        }
        let full = try #require(
            JSONWebKey(
                members(TestKeys.p256, ("alg", .string("ES256")), ("key_ops", .array([.string("verify")])))))
        #expect(full.algorithm == "ES256")
        #expect(full.operations == ["verify"])
        #expect(JSONWebKey(full.json) == full)
    }

    @Test("Only the public half is ever written")
    func publicOnly() {
        let secret: Set = ["d", "p", "q", "dp", "dq", "qi", "k"]
        for key in TestKeys.all { #expect(secret.isDisjoint(with: key.publicKey.json.names)) }
    }

    @Test(
        "A key whose private half is published is everybody's",
        arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
    func published(_ name: String) {
        for key in TestKeys.all { #expect(JSONWebKey(members(key, (name, .string("AQAB")))) == nil) }
    }

    @Test(
        "Unknown kinds and odd forms are none",
        arguments: [
            "{}", #"{"kty":"XYZ","kid":"rs1"}"#, #"{"kty":"RSA","kid":"broken"}"#,
            #"{"kty":"RSA","e":"AQAB","n":"AQAB"}"#, #"{"kty":"oct","k":"AAAA"}"#, #"{"kty":1}"#,
            #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            #"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}"#,
        ])
    func odd(_ text: String) throws { #expect(try key(text) == nil) }

    @Test("Names that are not text spoil the key", arguments: ["kid", "use", "alg"])
    func oddNames(_ name: String) {
        #expect(JSONWebKey(members(TestKeys.p256, (name, .number(JSONNumber(1))))) == nil)
        #expect(JSONWebKey(members(TestKeys.p256, (name, .null))) != nil)
    }

    @Test("RFC 7518 §6.2.1.2: a coordinate has its full length")
    func coordinates() throws {
        for key in [TestKeys.p256, TestKeys.p384, TestKeys.p521] {
            guard case .ec(_, let x, _) = key.publicKey.material else { continue }
            for wrong in [Array(x.dropFirst()), [0] + x] {
                #expect(JSONWebKey(members(key, ("x", .string(base64URL(wrong))))) == nil)
            }
        }
        #expect(JSONWebKey(members(TestKeys.p256, ("crv", .string("P-384")))) == nil)
    }

    @Test("RSA keys that are too small, too large, or have silly exponents are none")
    func sillyRSA() throws {
        func rsa(_ modulus: [UInt8], _ exponent: [UInt8] = [1, 0, 1]) -> JSONWebKey? {
            JSONWebKey(
                members(
                    TestKeys.rsa, ("n", .string(base64URL(modulus))), ("e", .string(base64URL(exponent)))))
        }
        func modulus(bits: Int) -> [UInt8] {
            [UInt8(1 << ((bits - 1) % 8))] + Array(repeating: 0x35, count: (bits - 1) / 8)
        }
        #expect(rsa(modulus(bits: 2047)) == nil)
        #expect(rsa(modulus(bits: 2048)) != nil)
        #expect(rsa(modulus(bits: 8192)) != nil)
        #expect(rsa(modulus(bits: 8193)) == nil)
        #expect(rsa([]) == nil)
        #expect(rsa(Array(modulus(bits: 2048).dropLast()) + [0x36]) == nil)
        for exponent: [UInt8] in [[], [0], [1], [2], [0, 1], [1, 0, 0], [1, 0, 0, 0, 1]] {
            #expect(rsa(modulus(bits: 2048), exponent) == nil, "\(exponent)")
        }
        for exponent: [UInt8] in [[3], [17], [1, 0, 1], [0x80, 0, 0, 1]] {
            #expect(rsa(modulus(bits: 2048), exponent) != nil, "\(exponent)")
        }
        // Some write a leading zero, as for a sign: it is the same key.
        guard case .rsa(let own, _) = TestKeys.rsa.publicKey.material else { return }
        #expect(rsa([0] + own) == TestKeys.rsa.publicKey)
    }

    @Test("CVE-2017-15361: an RSA key whose primes can be found is none")
    func weakRSA() {
        // 65537 to the 128th is of the form that gives such keys away, and has the size of a key.
        var modulus: [UInt8] = [1]
        for _ in 0..<128 {
            var carry = 0
            for place in modulus.indices.reversed() {
                let product = Int(modulus[place]) * 65537 + carry
                modulus[place] = UInt8(truncatingIfNeeded: product)
                carry = product >> 8
            }
            while carry > 0 {
                modulus.insert(UInt8(truncatingIfNeeded: carry), at: 0)
                carry >>= 8
            }
        }
        #expect(RSAKeyFault.find(modulus: modulus, exponent: [1, 0, 1]) == .weak)
        modulus[modulus.count - 1] += 2
        #expect(RSAKeyFault.find(modulus: modulus, exponent: [1, 0, 1]) == nil)
    }

    @Test("A point beside its curve verifies nothing")
    func besideCurve() throws {
        var members = TestKeys.p256.publicKey.json
        members["y"] = .string(base64URL(Array(repeating: 7, count: 32)))
        let key = try #require(JSONWebKey(members))
        let signature = try TestKeys.p256.sign([1], algorithm: .es256)
        #expect(!key.isValidSignature(signature, of: [1], algorithm: .es256))
    }

    // MARK: Choosing

    @Test("RFC 7517 §4: use, alg and key_ops bind")
    func binding() {
        func can(_ name: String, _ value: JSONValue, _ key: SigningKey = TestKeys.p256) -> Bool {
            JSONWebKey(members(key, (name, value)))?.canVerify(key.algorithms[0]) ?? false
        }
        #expect(can("use", .string("sig")) && can("use", .null))
        #expect(!can("use", .string("enc")))
        #expect(can("alg", .string("ES256")) && !can("alg", .string("ES384")))
        #expect(can("key_ops", .array([.string("sign"), .string("verify")])))
        #expect(!can("key_ops", .array([.string("encrypt")])) && !can("key_ops", .array([])))
        #expect(can("alg", .string("Ed25519"), TestKeys.ed25519))
        for key in TestKeys.all {
            for algorithm in SignatureAlgorithm.allCases {
                #expect(key.publicKey.canVerify(algorithm) == key.algorithms.contains(algorithm))
            }
        }
    }

    @Test("A set gives the keys of the name and the kind; without a name those of the kind, up to a few")
    func candidates() {
        var twin = TestKeys.p256.publicKey
        twin.keyID = "rs1"
        let set = JSONWebKeySet([twin, TestKeys.rsa.publicKey, TestKeys.otherRSA.publicKey])
        #expect(set.candidates(keyID: "rs1", algorithm: .rs256) == [TestKeys.rsa.publicKey])
        #expect(set.candidates(keyID: "rs1", algorithm: .es256) == [twin])
        #expect(set.candidates(keyID: "rs1", algorithm: .es384).isEmpty)
        #expect(set.candidates(keyID: "RS1", algorithm: .rs256).isEmpty)
        #expect(set.candidates(keyID: nil, algorithm: .rs256).count == 2)
        #expect(set.candidates(keyID: "rs1", algorithm: .hs256).isEmpty)
        let crowd = JSONWebKeySet(Array(repeating: twin, count: 10_000))
        #expect(crowd.candidates(keyID: nil, algorithm: .es256).count == JSONWebKeySet.mostTries)
    }

    // MARK: Judging

    private func response(_ status: Int, _ keys: JSONValue...) -> EndpointResponse {
        EndpointResponse(
            status, "application/json", JSONValue.object(JSONObject([("keys", .array(keys))])).serialized())
    }

    @Test("RFC 7517 §5: one bad key does not void the set")
    func badKeys() throws {
        let verdict = JSONWebKeySet.judge(
            response(
                200, .string("x"), .null, try json(#"{"kty":"XYZ"}"#), try json(#"{"kty":"RSA","kid":"broken"}"#),
                TestKeys.rsa.publicKey.published(for: .rs256)))
        guard case .keys(let set) = verdict else { throw JWS.Malformed(description: "\(verdict)") }
        #expect(set.keys.map(\.keyID) == ["rs1"])
    }

    @Test("Ten thousand keys are a set like any other")
    func manyKeys() throws {
        let one = #"{"kty":"RSA","kid":"k","use":"sig","alg":"RS256","e":"AQAB","n":"AQAB"}"#
        let last = TestKeys.rsa.publicKey.published(for: .rs256).serialized()
        let body = #"{"keys":["# + String(repeating: one + ",", count: 10_000) + last + "]}"
        #expect(body.utf8.count < 1 << 20)
        guard case .keys(let set) = JSONWebKeySet.judge(EndpointResponse(200, nil, body)) else {
            throw JWS.Malformed(description: "not a set")
        }
        #expect(set.keys.count == 1)
    }

    @Test("What will pass is told from what will not")
    func unavailable() {
        for status in [408, 429, 500, 503, 599] {
            #expect(JSONWebKeySet.judge(EndpointResponse(status, nil, "")) == .unavailable(status: status))
        }
        for status in [204, 206, 301, 302, 400, 404] {
            let verdict = JSONWebKeySet.judge(response(status, TestKeys.rsa.publicKey.published(for: .rs256)))
            #expect(verdict == .malformed(reason: "status \(status)"))
        }
        for body in ["<html>", "", "[]", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"keys":[],"keys":[]}"#] {
            #expect(
                JSONWebKeySet.judge(EndpointResponse(200, nil, body))
                    == .malformed(reason: "it is not a JSON Web Key Set"))
        }
        #expect(JSONWebKeySet.judge(response(200)) == .keys(JSONWebKeySet()))
    }

    @Test("The request asks for a set, or for JSON")
    func request() throws {
        let request = JSONWebKeySet.request(at: try EndpointURL("https://as.example/jwks"))
        #expect(request.method == .get)
        #expect(request.headerFields[.accept] == "application/jwk-set+json, application/json")
        #expect(request.headerFields[.acceptEncoding] == "identity")
        #expect(request.body.isEmpty && request.clientKey == nil)
    }
}
