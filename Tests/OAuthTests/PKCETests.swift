import Testing

@testable import OAuth

@Suite("Proof Key for Code Exchange")
struct PKCETests {
    static let octets: [UInt8] = [
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191, 240,
        91, 88, 5,
        88, 83, 132, 141, 121,
    ]

    @Test("RFC 7636 appendix B: octets to verifier to challenge")
    func appendixB() {
        let verifier = PKCE.verifier(Self.octets)
        #expect(verifier.reveal() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        #expect(PKCE.challenge(for: verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    }

    @Test("The printed challenges are met", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func vectors() throws {
        let vectors = try Shared.json("vectors/rfc/pkce.json")[path: "vectors"]?.elements ?? []
        #expect(vectors.count >= 2)
        for vector in vectors where vector[path: "method"] == .string("S256") {
            #expect(
                PKCE.challenge(for: Secret(try #require(vector[path: "verifier"]?.text)))
                    == vector[path: "challenge"]?.text)
        }
    }

    @Test("F8: a verifier has 43 characters of the alphabet (RFC 7636 §4.1)", arguments: [UInt8(0), 0x3E, 0xFF])
    func alphabet(_ byte: UInt8) {
        let verifier = PKCE.verifier(Array(repeating: byte, count: 32)).reveal()
        #expect(verifier.utf8.count == 43)
        #expect(verifier.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._~".contains($0)) })
    }

    @Test(
        "RFC 4648 §10: its vectors",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64Vectors(_ text: String, _ encoded: String) {
        #expect(base64(Array(text.utf8)) == encoded)
        #expect(base64URL(Array(text.utf8)) == encoded.filter { $0 != "=" })
    }
}
