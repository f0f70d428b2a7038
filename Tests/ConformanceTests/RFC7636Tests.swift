import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 7636: Proof Key for Code Exchange")
struct RFC7636Tests {
    static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    @Test("RFC 7636 §4.1: a verifier has 43 to 128 unreserved characters", arguments: [UInt8(0), 0x7F, 0xFB, 0xFF])
    func verifier(byte: UInt8) {
        let verifier = PKCE.verifier(Array(repeating: byte, count: 32)).reveal()
        #expect((43...128).contains(verifier.utf8.count) && Set(verifier).isSubset(of: Self.unreserved))
    }

    @Test("RFC 7636 §4.1, §7.1: the verifier holds all of its 256 random bits")
    func entropy() {
        for place in 0..<32 {
            var random: [UInt8] = Array(repeating: 0, count: 32)
            random[place] = 1
            #expect(PKCE.verifier(random) != PKCE.verifier(Array(repeating: 0, count: 32)))
        }
    }

    @Test("RFC 7636 §4.2: a client that can use S256 uses it, and never plain")
    func method() {
        let parameters = authorizationRequest().parameters(dialect: Dialect())
        #expect(parameters.values(of: "code_challenge_method") == ["S256"])
    }

    @Test("RFC 7636 §4.2: the challenge is BASE64URL(SHA256(verifier)), without padding")
    func challenge() {
        let challenge = PKCE.challenge(for: Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        #expect(challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    }

    @Test("RFC 7636 §4.3: the challenge goes along with the authorization request")
    func sent() { #expect(authorizationRequest().parameters(dialect: Dialect())["code_challenge"] == "ch") }

    @Test("RFC 7636 §4.5: the verifier goes along with the code, and not before")
    func verifierSent() {
        let grant = AuthorizationCodeGrant.parameters(code: Secret("c"), redirectURI: "r", verifier: Secret("v"))
        #expect(grant["code_verifier"] == "v")
        #expect(authorizationRequest().parameters(dialect: Dialect())["code_verifier"] == nil)
    }

    @Test("RFC 7636 §4.6: invalid_grant is a refusal")
    func refused() {
        let verdict = TokenResponse.judge(answer(400, #"{"error":"invalid_grant"}"#), dialect: Dialect())
        #expect(verdict == .refused(OAuthError(code: "invalid_grant")))
    }
}
