import Crypto
import Testing

@testable import OAuth

@Suite("RFC 7517, RFC 7518, RFC 7638: JSON Web Keys, Algorithms and Thumbprints")
struct RFC7517Tests {
    /// RFC 7517 appendix A.1: its P-256 key.
    static let point = """
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
        """

    private func key(_ members: String) -> JSONWebKey? { object("{\(members)}").flatMap { JSONWebKey($0) } }

    private func ec(_ more: String) -> JSONWebKey? { key(#""kty":"EC","crv":"P-256",\#(Self.point)\#(more)"#) }

    private func set(_ text: String) -> JSONWebKeySet? {
        if case .keys(let set) = JSONWebKeySet.judge(answer(200, text)) { set } else { nil }
    }

    // MARK: RFC 7517

    @Test("RFC 7517 §4: members that are not understood are ignored")
    func unknownMembers() { #expect(ec(#","foo":{"bar":[]}"#) != nil) }

    @Test("RFC 7517 §4: a key with a member twice is refused")
    func memberTwice() { #expect(set(#"{"keys":[{"kty":"EC","kty":"EC","crv":"P-256",\#(Self.point)}]}"#) == nil) }

    @Test("RFC 7517 §4.1: kty must be there, and its case counts", arguments: ["", #""kty":"ec","#, #""kty":7,"#])
    func keyType(member: String) { #expect(key(#"\#(member)"crv":"P-256",\#(Self.point)"#) == nil) }

    @Test("RFC 7517 §4.2: a key for encryption verifies no signature")
    func use() throws {
        let encrypting = try #require(ec(#","use":"enc""#))
        let signing = try #require(ec(#","use":"sig""#))
        #expect(!encrypting.canVerify(.es256) && signing.canVerify(.es256))
    }

    @Test("RFC 7517 §4.3: a key whose operations do not name it does not verify")
    func operations() throws {
        let encrypting = try #require(ec(#","key_ops":["encrypt"]"#))
        let verifying = try #require(ec(#","key_ops":["verify"]"#))
        #expect(!encrypting.canVerify(.es256) && verifying.canVerify(.es256))
    }

    @Test("RFC 7517 §4.4: a key is used with the algorithm that it names alone")
    func algorithm() throws {
        let other = try #require(ec(#","alg":"ES384""#))
        let own = try #require(ec(#","alg":"ES256""#))
        #expect(!other.canVerify(.es256) && own.canVerify(.es256))
    }

    @Test("RFC 7517 §5: a set has keys, in a list", arguments: ["{}", #"{"keys":{}}"#, "[]", "null"])
    func keysMember(text: String) { #expect(set(text) == nil) }

    @Test("RFC 7517 §5: members of the set that are not understood are ignored")
    func unknownSetMembers() { #expect(set(#"{"foo":1,"keys":[]}"#) == JSONWebKeySet()) }

    @Test("RFC 7517 §5: keys of an unknown kind, without what they need or out of range are passed over")
    func passedOver() {
        let good = #"{"kty":"EC","crv":"P-256",\#(Self.point)}"#
        let bad = #"{"kty":"XX"},{"kty":"EC","crv":"P-256"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"crv":"P-256"}"#
        #expect(set(#"{"keys":[\#(bad),\#(good)]}"#)?.keys.count == 1)
    }

    @Test("RFC 7517 §9.2: of a private key nothing but the public half is written")
    func privateHalf() {
        let names = Keys.p256.publicKey.json.names
        #expect(Set(names).isDisjoint(with: ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) && names.contains("x"))
    }

    // MARK: RFC 7518

    @Test("RFC 7518 §3.1: HS256, which all must have, RS256 and ES256, which all should have, are there")
    func required() { #expect(Set(["HS256", "RS256", "ES256"].compactMap(SignatureAlgorithm.init)).count == 3) }

    @Test("RFC 7518 §3.3: an RSA key of less than 2048 bits is refused", arguments: [1024, 2040])
    func smallRSA(bits: Int) {
        let modulus = base64URL([0xC1] + Array(repeating: 0x55, count: bits / 8 - 1))
        #expect(key(#""kty":"RSA","n":"\#(modulus)","e":"AQAB""#) == nil)
    }

    @Test("RFC 7518 §3.3: an RSA key of 2048 bits is taken")
    func usualRSA() {
        let modulus = base64URL([0xC1] + Array(repeating: 0x55, count: 255))
        #expect(key(#""kty":"RSA","n":"\#(modulus)","e":"AQAB""#) != nil)
    }

    @Test("RFC 7518 §3.4: an ES256 signature is 64 octets, two numbers of full length")
    func signatureLength() throws {
        #expect(try Keys.p256.sign([1, 2, 3], algorithm: .es256).count == 64)
        let signature = try P256.Signing.PrivateKey(rawRepresentation: Array(repeating: 7, count: 32))
        let raw = Array(signature.publicKey.rawRepresentation)
        let key = JSONWebKey(.ec(.p256, x: Array(raw.prefix(32)), y: Array(raw.suffix(32))))
        let made = try signature.signature(for: [1, 2, 3] as [UInt8])
        #expect(key.isValidSignature(Array(made.rawRepresentation), of: [1, 2, 3], algorithm: .es256))
        #expect(!key.isValidSignature(Array(made.derRepresentation), of: [1, 2, 3], algorithm: .es256))
        #expect(!key.isValidSignature(Array(made.rawRepresentation) + [0], of: [1, 2, 3], algorithm: .es256))
    }

    @Test("RFC 7518 §3.6: none is never accepted", arguments: ["none", "None", "NONE", ""])
    func none(name: String) {
        let compact = signed(header: #"{"alg":"\#(name)"}"#, "{}") { _ in [] }
        #expect(throws: JWS.Malformed.self) { try JWS(compact) }
    }

    @Test("RFC 7518 §6.2.1.2: a coordinate that is shorter or longer than the field is refused")
    func coordinates() {
        let y = #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#
        for count in [31, 33] {
            let x = base64URL(Array(repeating: 1, count: count))
            #expect(key(#""kty":"EC","crv":"P-256","x":"\#(x)",\#(y)"#) == nil)
        }
        let x = base64URL(Array(repeating: 1, count: 32))
        #expect(key(#""kty":"EC","crv":"P-256","x":"\#(x)",\#(y)"#) != nil)
    }

    @Test("RFC 7518 §6.3.1: an RSA number is written with as few octets as it needs")
    func fewestOctets() {
        let modulus = base64URL([0, 0xC1] + Array(repeating: 0x55, count: 255))
        let read = key(#""kty":"RSA","n":"\#(modulus)","e":"AAEAAQ""#)
        #expect(read?.json.text("e") == "AQAB")
        #expect(read?.json.text("n") == base64URL([0xC1] + Array(repeating: 0x55, count: 255)))
    }

    // MARK: RFC 7638

    @Test("RFC 7638 §3: a thumbprint is made of the required members alone, whatever else is there, in any order")
    func thumbprint() throws {
        let plain = try #require(ec(""))
        let more = try #require(ec(#","kid":"1","use":"sig","alg":"ES256","x5t":"AA""#))
        let turned = try #require(key(#"\#(Self.point),"crv":"P-256","kty":"EC""#))
        #expect(plain.thumbprint == more.thumbprint && plain.thumbprint == turned.thumbprint)
        #expect(Keys.p256.publicKey.thumbprint != plain.thumbprint)
    }

    @Test("RFC 7638 §3.2: the members stand in the order of their names, and without white space")
    func thumbprintMembers() throws {
        let members = try #require(ec("")).required
        #expect(members.names == ["crv", "kty", "x", "y"])
        #expect(!JSONValue.object(members).serialized().contains(" "))
    }
}
