import Testing

@testable import OAuth

@Suite("RFC 7515: JSON Web Signature")
struct RFC7515Tests {
    private func verdict(
        _ compact: String, keys: JSONWebKeySet = Keys.set, allowed: Set<SignatureAlgorithm> = [.es256]
    ) -> JWS.Verdict? {
        (try? JWS(compact))?.verify(with: keys, allowed: allowed)
    }

    @Test("RFC 7515 §2: base64url has no padding, in any part")
    func padding() {
        // Three parts, each of a length that padding would be added to.
        let compact = signed(#"{"a":1}"#)
        #expect(verdict(compact) == .valid)
        let parts = compact.split(separator: ".").map(String.init)
        #expect(parts.allSatisfy { !$0.hasSuffix("=") })
        for place in parts.indices {
            var padded = parts
            padded[place] += String(repeating: "=", count: (4 - padded[place].utf8.count % 4) % 4)
            #expect(padded == parts || verdict(padded.joined(separator: ".")) == nil)
        }
    }

    @Test("RFC 7515 §4: a header with a name twice is refused")
    func headerTwice() {
        #expect(verdict(signed(header: #"{"alg":"ES256","alg":"ES256"}"#, "{}")) == nil)
        #expect(verdict(signed(header: #"{"alg":"ES256","typ":"JWT"}"#, "{}")) == .valid)
    }

    @Test("RFC 7515 §4: header parameters that are not understood are ignored")
    func headerUnknown() { #expect(verdict(signed(header: #"{"alg":"ES256","foo":[1]}"#, "{}")) == .valid) }

    @Test(
        "RFC 7515 §4.1.1: alg must be there and be understood", arguments: [#"{}"#, #"{"alg":"ES257"}"#, #"{"alg":7}"#])
    func algorithm(header: String) { #expect(verdict(signed(header: header, "{}")) == nil) }

    @Test("RFC 7515 §4.1.1: alg is case-sensitive", arguments: ["es256", "Es256"])
    func algorithmCase(name: String) { #expect(verdict(signed(header: #"{"alg":"\#(name)"}"#, "{}")) == nil) }

    @Test("RFC 7515 §4.1.4: kid is case-sensitive text")
    func keyID() throws {
        let named = try SigningKey(ClientKey(privateKey: Keys.p256.serialized, keyID: "K1"))
        let set = JSONWebKeySet([named.publicKey])
        #expect(verdict(signed(header: #"{"alg":"ES256","kid":"K1"}"#, "{}"), keys: set) == .valid)
        #expect(verdict(signed(header: #"{"alg":"ES256","kid":"k1"}"#, "{}"), keys: set) == .unknownKey(keyID: "k1"))
        #expect(verdict(signed(header: #"{"alg":"ES256","kid":1}"#, "{}"), keys: set) == nil)
    }

    @Test("RFC 7515 §4.1.6: x5c holds base64 with padding, not base64url")
    func certificateChain() {
        let value = CertificateHeader.chain.value(own: [0xFB, 0xFF], all: [[0xFB, 0xFF]])
        #expect(value == .array([.string("+/8=")]))
    }

    @Test("RFC 7515 §4.1.11: a token with crit that is not understood is invalid", arguments: [#"["exp"]"#, "[]", "7"])
    func critical(list: String) {
        #expect(verdict(signed(header: #"{"alg":"ES256","crit":\#(list),"exp":1}"#, "{}")) == nil)
    }

    @Test("RFC 7515 §5.2: the header is a JSON object in UTF-8")
    func headerObject() {
        for header in ["[]", "null", "7", "{", ""] { #expect(verdict(signed(header: header, "{}")) == nil) }
    }

    @Test("RFC 7515 §5.2: a signature over anything but what was received is invalid")
    func changed() {
        let parts = signed(#"{"sub":"a"}"#).split(separator: ".").map(String.init)
        let other = base64URL(Array(#"{"sub":"b"}"#.utf8))
        #expect(verdict(parts.joined(separator: ".")) == .valid)
        #expect(verdict("\(parts[0]).\(other).\(parts[2])") != .valid)
        #expect(verdict("\(parts[0]).\(parts[1]).") != .valid)
    }

    @Test("RFC 7515 §5.2: a signature of another's key is invalid")
    func otherKey() throws {
        let compact = signed("{}") { (try? Keys.other.sign($0, algorithm: .es256)) ?? [] }
        #expect(verdict(compact) != .valid)
        #expect(verdict(compact, keys: JSONWebKeySet([Keys.other.publicKey])) == .valid)
    }

    @Test("RFC 7515 §5.2: an algorithm that the application does not accept is refused, though the signature is right")
    func notAccepted() { #expect(verdict(signed("{}"), allowed: [.rs256, .es384]) != .valid) }

    @Test("RFC 7515 §7.1: the compact form has three parts", arguments: [1, 2, 4, 5])
    func parts(count: Int) {
        let part = base64URL(Array(#"{"alg":"ES256"}"#.utf8))
        #expect(throws: JWS.Malformed.self) {
            try JWS(Array(repeating: part, count: count).joined(separator: "."))
        }
    }
}
