import Testing

@testable import OAuth

@Suite("ID tokens")
struct JOSEIDTokenTests {
    static let now = 1_800_000_000

    static let expectation: IDToken.Expectation = {
        var expected = IDToken.Expectation(
            issuers: ["https://as.example"], clientID: "client",
            keys: JSONWebKeySet(of: TestKeys.rsa, TestKeys.p256, TestKeys.ed25519), now: now)
        expected.nonce = Secret("n-1")
        return expected
    }()

    static func claims(_ changes: (String, JSONValue?)...) -> JSONObject {
        var claims = JSONObject([
            ("iss", .string("https://as.example")), ("sub", .string("user-1")), ("aud", .string("client")),
            ("iat", .number(JSONNumber(now))), ("exp", .number(JSONNumber(now + 300))), ("nonce", .string("n-1")),
        ])
        for (name, value) in changes { claims[name] = value }
        return claims
    }

    private func judge(
        _ claims: JSONObject, _ change: (inout IDToken.Expectation) -> Void = { _ in }
    ) -> IDTokenVerdict {
        var expected = Self.expectation
        change(&expected)
        return IDToken.judge(Secret(Minter(claims).compact), expecting: expected)
    }

    private func judge(_ changes: (String, JSONValue?)...) -> IDTokenVerdict {
        var claims = Self.claims()
        for (name, value) in changes { claims[name] = value }
        return judge(claims)
    }

    private func isValid(_ verdict: IDTokenVerdict) -> Bool { if case .valid = verdict { true } else { false } }

    private func number(_ text: String) -> JSONValue { .number(JSONNumber(validText: text)) }

    private func after(_ seconds: Int) -> JSONValue { .number(JSONNumber(Self.now + seconds)) }

    @Test("A sound token is valid and says who")
    func valid() throws {
        let verdict = judge(
            ("email", .string("a@example.com")), ("email_verified", .string("true")), ("name", .string("Ada")),
            ("preferred_username", .string("ada")), ("auth_time", number("1799999999.5")), ("odd", .bool(true)))
        guard case .valid(let claims) = verdict else { throw IDToken.Invalid(reason: "\(verdict)") }
        #expect(claims.issuer == "https://as.example" && claims.subject == "user-1" && claims.audience == ["client"])
        #expect(claims.expiry == Self.now + 300 && claims.issueTime == Self.now && claims.authTime == 1_799_999_999)
        #expect(claims.email == "a@example.com" && claims.isEmailVerified && claims.name == "Ada")
        #expect(claims.preferredUsername == "ada" && claims.all["odd"] == .bool(true))
        #expect(!printed(claims).contains("example") && !printed(verdict).contains("user-1"))
    }

    @Test("§3.1.3.7, 2: the issuer is one of the expected, to the letter")
    func issuer() {
        for issuer in ["https://as.example/", "https://AS.example", "https://as.example?x=1", "as.example", ""] {
            #expect(!isValid(judge(("iss", .string(issuer)))))
        }
        #expect(judge(("iss", .string("https://bar"))) == .invalid(reason: "it names another issuer"))
        #expect(judge(("iss", nil)) == .invalid(reason: "it names no issuer"))
        #expect(judge(("iss", .array([.string("https://as.example")]))) == .invalid(reason: "it names no issuer"))
        #expect(
            isValid(
                judge(Self.claims(("iss", .string("as.example")))) {
                    $0.issuers = ["https://as.example", "as.example"]
                }))
        #expect(!isValid(judge(Self.claims()) { $0.issuers = [] }))
    }

    @Test("§3.1.3.7, 3: the audience holds our client, to the letter")
    func audience() {
        let another = IDTokenVerdict.invalid(reason: "it is for another client")
        #expect(judge(("aud", .string("clientx"))) == another)
        #expect(judge(("aud", .string("clien"))) == another)
        #expect(judge(("aud", .string("Client"))) == another)
        #expect(judge(("aud", .array([.string("other")]))) == another)
        #expect(isValid(judge(("aud", .array([.string("client")])))))
        for odd: JSONValue? in [nil, .null, .array([]), number("1"), .array([.string("client"), number("1")])] {
            #expect(judge(("aud", odd)) == .invalid(reason: "it does not say whom it is for"))
        }
    }

    @Test("§3.1.3.7, 4 and 5: the authorized party is our client; several audiences need one")
    func authorizedParty() {
        let both = JSONValue.array([.string("client"), .string("api")])
        #expect(isValid(judge(("azp", .string("client")))))
        #expect(judge(("azp", .string("other"))) == .invalid(reason: "it was issued to another client"))
        #expect(judge(("azp", number("1"))) == .invalid(reason: "it was issued to another client"))
        #expect(isValid(judge(("aud", both), ("azp", .string("client")))))
        #expect(!isValid(judge(("aud", both))))
        #expect(!isValid(judge(("aud", both), ("azp", .null))))
        #expect(!isValid(judge(("aud", both), ("azp", .string("api")))))
    }

    @Test("§2: the subject is text of 1 to 255 ASCII characters")
    func subject() {
        #expect(isValid(judge(("sub", .string(String(repeating: "s", count: 255))))))
        for odd: JSONValue? in [
            nil, .null, .string(""), number("1"), .string(String(repeating: "s", count: 256)), .string("sé"),
            .string("a\nb"),
        ] { #expect(judge(("sub", odd)) == .invalid(reason: "it names no subject")) }
    }

    @Test("§3.1.3.7, 9: it has not expired, give or take the leeway")
    func expiry() {
        #expect(isValid(judge(("exp", after(-299)))))
        #expect(judge(("exp", after(-300))) == .invalid(reason: "it has expired"))
        #expect(judge(("exp", after(-3600))) == .invalid(reason: "it has expired"))
        #expect(judge(("exp", number("-1"))) == .invalid(reason: "it has expired"))
        #expect(!isValid(judge(Self.claims(("exp", after(-1)))) { $0.leeway = 0 }))
        #expect(isValid(judge(("exp", number("\(Self.now).5")))))
        #expect(judge(("exp", nil)) == .invalid(reason: "it does not say its end"))
        #expect(judge(("exp", .null)) == .invalid(reason: "it does not say its end"))
        for odd: JSONValue in [.string("9999999999"), .bool(true), number("1e400")] {
            #expect(judge(("exp", odd)) == .invalid(reason: "its exp is not a time"))
        }
    }

    @Test("A time beyond all calendars is a time", arguments: ["1e300", "1e18", "9223372036854775808", "-1e300"])
    func hugeTimes(_ text: String) throws {
        let claims = try IDToken.Claims(Self.claims(("exp", number(text)), ("auth_time", number(text))))
        #expect(claims.expiry == (text.hasPrefix("-") ? -62_135_596_800 : 253_402_300_799))
        #expect(claims.authTime == claims.expiry)
        #expect(isValid(judge(("exp", number(text)))) == !text.hasPrefix("-"))
    }

    @Test("§3.1.3.7, 10: it was issued, but not in the future")
    func issueTime() {
        #expect(isValid(judge(("iat", after(300)))))
        #expect(judge(("iat", after(301))) == .invalid(reason: "it was issued in the future"))
        #expect(judge(("iat", nil)) == .invalid(reason: "it does not say when it was issued"))
        #expect(judge(("iat", .string("1"))) == .invalid(reason: "its iat is not a time"))
    }

    @Test("RFC 7519 §4.1.5: not before its time")
    func notBefore() {
        #expect(isValid(judge(("nbf", after(300)))))
        #expect(judge(("nbf", after(301))) == .invalid(reason: "it is not valid yet"))
        #expect(judge(("nbf", .string("1"))) == .invalid(reason: "its nbf is not a time"))
    }

    @Test("§3.1.3.7, 11: the nonce is the one that was sent")
    func nonce() {
        let wrong = IDTokenVerdict.invalid(reason: "its nonce is not the one that was sent")
        for odd: JSONValue? in [nil, .null, .string(""), .string("n-2"), .string("n-1 "), .array([.string("n-1")])] {
            #expect(judge(("nonce", odd)) == wrong)
        }
        for nonce: JSONValue? in [nil, .string("n-1")] {
            #expect(isValid(judge(Self.claims(("nonce", nonce))) { $0.nonce = nil }))
        }
    }

    @Test("§3.1.3.8, §3.3.2.11: the hashes are those of what came along")
    func hashes() {
        for (name, place) in [("at_hash", \IDToken.Expectation.accessToken), ("c_hash", \.code)] {
            let right = SignatureAlgorithm.rs256.halfHash(of: "value")
            let wrong = IDTokenVerdict.invalid(reason: "its \(name) is another's")
            let given = { (expected: inout IDToken.Expectation) in expected[keyPath: place] = Secret("value") }
            #expect(isValid(judge(Self.claims((name, .string(right))), given)))
            #expect(isValid(judge(Self.claims(), given)))
            for odd: JSONValue in [.string("xxx"), .string(""), .null, .string(right + "="), number("1")] {
                #expect(judge(Self.claims((name, odd)), given) == wrong)
            }
            #expect(isValid(judge(Self.claims((name, .string("xxx"))))))
        }
    }

    @Test("§3.1.3.6: the hash goes by the token's algorithm")
    func hashAlgorithms() {
        var expected = Self.expectation
        expected.accessToken = Secret("value")
        expected.algorithms = Set(SignatureAlgorithm.allCases)
        for (algorithm, key) in [(SignatureAlgorithm.rs512, TestKeys.rsa), (.edDSA, TestKeys.ed25519)] {
            for (hash, isRight) in [(SignatureAlgorithm.rs512, true), (.rs256, false)] {
                let claims = Self.claims(("at_hash", .string(hash.halfHash(of: "value"))))
                let token = Minter(claims, key: key, algorithm: algorithm).compact
                #expect(isValid(IDToken.judge(Secret(token), expecting: expected)) == isRight)
            }
        }
        #expect(SignatureAlgorithm.rs256.halfHash(of: "").utf8.count == 22)
        #expect(SignatureAlgorithm.rs384.halfHash(of: "").utf8.count == 32)
        #expect(SignatureAlgorithm.rs512.halfHash(of: "").utf8.count == 43)
    }

    @Test("RFC 8725 §3.11: a token of another kind is none")
    func otherKinds() {
        for (type, isRight) in [
            ("JWT", true), ("jwt", true), ("JOSE", true), ("at+jwt", false), ("application/logout+JWT", false),
            ("dpop+jwt", false),
        ] {
            var minter = Minter(Self.claims())
            minter.header["typ"] = .string(type)
            #expect(isValid(IDToken.judge(Secret(minter.compact), expecting: Self.expectation)) == isRight, "\(type)")
        }
    }

    @Test("The claims are an object with each member once")
    func claimsForm() {
        let sound = JSONValue.object(Self.claims()).serialized()
        for text in ["notjson", "[]", "", "null", String(sound.dropLast()) + #","sub":"user-2"}"#, sound + "{}"] {
            var minter = Minter(JSONObject())
            minter.payload = Array(text.utf8)
            #expect(
                IDToken.judge(Secret(minter.compact), expecting: Self.expectation)
                    == .invalid(reason: "its claims are not a JSON object"))
        }
    }

    @Test("The signature goes first: a token nobody signed is not told what else is wrong with it")
    func signatureFirst() {
        var minter = Minter(Self.claims(("iss", .string("https://bar"))))
        minter.sign = { _ in [1, 2, 3] }
        #expect(
            IDToken.judge(Secret(minter.compact), expecting: Self.expectation)
                == .invalid(reason: "its signature is wrong"))
    }

    @Test("An unknown key is told from a wrong signature")
    func unknownKey() {
        var minter = Minter(Self.claims())
        minter.header["kid"] = .string("nope")
        #expect(
            IDToken.judge(Secret(minter.compact), expecting: Self.expectation) == .unknownKey(keyID: "nope"))
    }

    @Test("What people see of a person is short and without control characters")
    func personalText() throws {
        for odd: JSONValue in [
            .string(""), .string("a\u{1B}[2J"), .string("a\u{9B}b"), number("1"),
            .string(String(repeating: "a", count: 1025)),
        ] { #expect(try IDToken.Claims(Self.claims(("email", odd))).email == nil) }
        #expect(!(try IDToken.Claims(Self.claims(("email_verified", .string("yes")))).isEmailVerified))
    }
}
