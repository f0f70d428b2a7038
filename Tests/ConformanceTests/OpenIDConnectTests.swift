import HTTPTypes
import Testing

@testable import OAuth

@Suite("OpenID Connect Core 1.0")
struct OpenIDConnectTests {
    private func judge(
        _ claims: String, header: String = #"{"alg":"ES256"}"#,
        sign: ([UInt8]) -> [UInt8] = { (try? Keys.p256.sign($0, algorithm: .es256)) ?? [] },
        expecting change: (inout IDToken.Expectation) -> Void = { _ in }
    ) -> IDTokenVerdict {
        var expected = IDToken.Expectation(issuers: [issuer], clientID: "client", keys: Keys.set, now: now)
        expected.algorithms = [.es256]
        change(&expected)
        return IDToken.judge(Secret(signed(header: header, claims, sign: sign)), expecting: expected)
    }

    private func isValid(_ verdict: IDTokenVerdict) -> Bool { if case .valid = verdict { true } else { false } }

    private func claims(_ more: String = "", without name: String? = nil) -> String {
        let all = [
            ("iss", #""\#(issuer)""#), ("sub", #""s""#), ("aud", #""client""#), ("iat", "1800000000"),
            ("exp", "1800000300"),
        ]
        return "{\(all.filter { $0.0 != name }.map { #""\#($0.0)":\#($0.1)"# }.joined(separator: ","))\(more)}"
    }

    @Test(
        "OpenID Connect Core §2: iss, sub, aud, exp and iat must be there",
        arguments: ["iss", "sub", "aud", "exp", "iat"])
    func required(name: String) {
        #expect(isValid(judge(claims())))
        #expect(!isValid(judge(claims(without: name))))
    }

    @Test("OpenID Connect Core §2: sub is at most 255 ASCII characters")
    func subject() {
        for (text, isSound) in [
            (String(repeating: "a", count: 255), true), (String(repeating: "a", count: 256), false),
        ] {
            #expect(isValid(judge(claims(#","sub":"\#(text)""#, without: "sub"))) == isSound)
        }
        #expect(!isValid(judge(claims(#","sub":"é""#, without: "sub"))))
    }

    @Test("OpenID Connect Core §3.1.2.1: the nonce goes along as it is, where an ID token is wanted")
    func nonceSent() {
        var request = authorizationRequest()
        #expect(request.parameters(dialect: Dialect())["nonce"] == nil)
        request.nonce = "n-0S6_WzA2Mj"
        #expect(request.parameters(dialect: Dialect())["nonce"] == "n-0S6_WzA2Mj")
    }

    @Test("OpenID Connect Core §3.1.3.7, 1: an encrypted token, which nobody asked for, is refused")
    func encrypted() {
        let expected = IDToken.Expectation(issuers: [issuer], clientID: "client", keys: Keys.set, now: now)
        let verdict = IDToken.judge(Secret("e30.e30.e30.e30.e30"), expecting: expected)
        #expect(verdict == .invalid(reason: "it is encrypted"))
    }

    @Test("OpenID Connect Core §3.1.3.7, 2: iss is exactly the issuer that was discovered", arguments: ["/", ":443"])
    func issuerExact(ending: String) {
        #expect(!isValid(judge(claims(#","iss":"\#(issuer)\#(ending)""#, without: "iss"))))
    }

    @Test("OpenID Connect Core §3.1.3.7, 3: a token whose aud does not hold our client_id is refused")
    func audience() { #expect(!isValid(judge(claims(#","aud":["a","b"],"azp":"client""#, without: "aud")))) }

    @Test("OpenID Connect Core §3.1.3.7, 4 and 5: with several audiences there is an azp, and it is ours")
    func authorizedParty() {
        #expect(!isValid(judge(claims(#","aud":["client","b"]"#, without: "aud"))))
        #expect(!isValid(judge(claims(#","aud":["client","b"],"azp":"b""#, without: "aud"))))
        #expect(!isValid(judge(claims(#","azp":"b""#))))
        #expect(isValid(judge(claims(#","azp":"client""#))))
    }

    @Test("OpenID Connect Core §3.1.3.7, 6: the signature is verified, though the token came from the token endpoint")
    func signature() {
        let verdict = judge(claims(), sign: { (try? Keys.other.sign($0, algorithm: .es256)) ?? [] })
        #expect(!isValid(verdict))
    }

    @Test("OpenID Connect Core §3.1.3.7, 7: where nothing is said, the algorithm is RS256")
    func usualAlgorithm() {
        #expect(SignatureAlgorithm.allowed(supported: nil) == [.rs256])
        #expect(!isValid(judge(claims(), expecting: { $0.algorithms = SignatureAlgorithm.allowed(supported: nil) })))
    }

    @Test("OpenID Connect Core §3.1.3.7, 8: the key of a MAC is the client_secret, and nothing else")
    func mac() {
        let secret = "0123456789abcdef0123456789abcdef"
        let sign = { (bytes: [UInt8]) in MAC.make(bytes, key: Array(secret.utf8), algorithm: .hs256) ?? [] }
        func verdict(_ known: Secret?) -> IDTokenVerdict {
            judge(claims(), header: #"{"alg":"HS256"}"#, sign: sign) {
                $0.algorithms = [.hs256]
                $0.clientSecret = known
            }
        }
        #expect(isValid(verdict(Secret(secret))))
        #expect(!isValid(verdict(Secret("another"))) && !isValid(verdict(nil)))
    }

    @Test("OpenID Connect Core §3.1.3.7, 9: now is before exp, give or take the leeway")
    func expiry() {
        #expect(isValid(judge(claims(), expecting: { $0.now = now + 300 + $0.leeway - 1 })))
        #expect(!isValid(judge(claims(), expecting: { $0.now = now + 300 + $0.leeway })))
    }

    @Test("OpenID Connect Core §3.1.3.7, 11: a nonce that was sent is there, and is that one")
    func nonce() {
        let sent = { (expected: inout IDToken.Expectation) in expected.nonce = Secret("n") }
        #expect(isValid(judge(claims(#","nonce":"n""#), expecting: sent)))
        #expect(
            !isValid(judge(claims(#","nonce":"N""#), expecting: sent)) && !isValid(judge(claims(), expecting: sent)))
    }

    @Test("OpenID Connect Core §3.1.3.8: an at_hash that is there is the access token's")
    func accessTokenHash() {
        let hash = SignatureAlgorithm.es256.halfHash(of: "token")
        let token = { (expected: inout IDToken.Expectation) in expected.accessToken = Secret("token") }
        #expect(isValid(judge(claims(#","at_hash":"\#(hash)""#), expecting: token)))
        #expect(!isValid(judge(claims(#","at_hash":"77QmUPtjPfzWtF2AnpK9RQ""#), expecting: token)))
    }

    @Test("OpenID Connect Core §5.3.1: the UserInfo request carries the token as a bearer token")
    func userInfoRequest() throws {
        let request = UserInfo.request(
            at: try url("https://as.example/userinfo"), accessToken: Secret("t"), tokenType: "Bearer")
        #expect(request.method == .get && request.headerFields[.authorization] == "Bearer t")
    }

    @Test(
        "OpenID Connect Core §5.3.2: an answer without sub says nothing of anybody", arguments: ["{}", #"{"sub":""}"#])
    func userInfoSubject(body: String) {
        #expect(UserInfo.judge(answer(200, body)) == .malformed(reason: "it names no subject"))
    }
}
