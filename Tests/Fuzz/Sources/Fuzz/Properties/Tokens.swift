import Crypto
import Foundation
import HTTPTypes
import OAuth

/// Tokens with a signature: an input is a token as it came, or a header and, after a line break, claims, which are
/// signed here. Without the latter nothing would ever be found behind the signature.
extension Findings {
    private static let now = 1_700_000_000
    private static let secret = "0123456789abcdef0123456789abcdef"
    private static let nonce = "n-0S6_WzA2Mj"

    /// Keys that everybody knows.
    private static let ed25519 = try! Curve25519.Signing.PrivateKey(rawRepresentation: Array(UInt8(1)...32))
    private static let p256 = try! P256.Signing.PrivateKey(rawRepresentation: Array(UInt8(1)...32))
    private static let modulus = """
        oWPD8vISjc0wOXotAYkO1SWLXtTqb32RqKxI-3tJ6QT6JVC7Wk_9BjbwMY6-1jv8-7SWKYUKdnMpKHf0d5nDlfMjYC-TJGfHjalj\
        WqeRxevlo2UDymnJpSM2qtJ9U4itZWuq69dl_3fnUBjg0DnVOHzPWvb9wZDxWPxXenNNOOqKqyV5EqAIf6T-ECcrIClZiw6VfPI9\
        bv4-10QR2odTCDat9emgLKsSn7tzO-6AFS9LT-oYgaw3h04_UfO2fqlGVaLs7fDOKfJ7bWm-pd2cdBM01XA_Cq6lPr_FThql3jPW\
        kNYOikasmeaZmtlvbkMTTD65yLIwhZO1GaLQwM4YAQ
        """

    private static let keys: JSONWebKeySet = {
        let point = p256.publicKey.rawRepresentation
        let members: [[(String, String)]] = [
            [("kid", "ed1"), ("kty", "OKP"), ("crv", "Ed25519"), ("x", text(ed25519.publicKey.rawRepresentation))],
            [
                ("kid", "es1"), ("kty", "EC"), ("crv", "P-256"), ("x", text(point.prefix(32))),
                ("y", text(point.suffix(32))),
            ],
            [("kid", "rs1"), ("kty", "RSA"), ("n", modulus), ("e", "AQAB")],
        ]
        return JSONWebKeySet(
            members.compactMap { JSONWebKey(JSONObject($0.map { ($0.0, JSONValue.string($0.1)) })) })
    }()

    /// With keys alone, with a secret besides, and with one algorithm of all those.
    private static let expectations: [IDToken.Expectation] = {
        var keyed = IDToken.Expectation(issuers: ["https://as.example"], clientID: "c", keys: keys, now: now)
        keyed.algorithms = [.rs256, .ps256, .es256, .edDSA]
        var secret = keyed
        secret.algorithms = Set(SignatureAlgorithm.allCases)
        secret.clientSecret = Secret(Self.secret)
        secret.nonce = Secret(nonce)
        secret.accessToken = Secret("access")
        secret.code = Secret("code")
        var narrow = secret
        narrow.algorithms = [.es256]
        return [keyed, secret, narrow]
    }()

    mutating func checkTokens(signed input: [UInt8]) {
        expect(Self.keys.keys.count == 3, "the keys of this check")
        guard let lineBreak = input.firstIndex(of: 0x0A) else {
            return check(token: String(decoding: input, as: UTF8.self))
        }
        let text = "\(Self.text(Data(input[..<lineBreak]))).\(Self.text(Data(input[(lineBreak + 1)...])))"
        check(token: "\(text).\(Self.code(text))")
        // A signature costs more than all the rest: by a key only where it may be right.
        guard String(decoding: input[..<lineBreak], as: UTF8.self).contains("EdDSA") else { return }
        let signature = try? Self.ed25519.signature(for: Data(text.utf8))
        check(token: "\(text).\(signature.map(Self.text) ?? "")")
    }

    private mutating func check(token text: String) {
        let token = Secret(text)
        do {
            let jws = try JWS(text)
            expectHidden(jws, "a token")
            expect((jws.keyID?.utf8.count ?? 0) <= 1024 && (jws.type?.utf8.count ?? 0) <= 1024, "a header's text")
        } catch {
            expectHidden(error, "a token's failure")
        }
        let claims = IDToken.unverifiedClaims(token)
        for expected in Self.expectations {
            let verdict = judgedTwice("an ID token") { IDToken.judge(token, expecting: expected) }
            switch verdict {
            case .valid(let valid):
                expectHidden(verdict, "an ID token", but: valid.all.names)
                expect(valid.all == claims, "claims are others before they are verified")
                expectRight(text, expected)
                check(valid, expected)
            case .unknownKey(let keyID): expectHidden(verdict, "an ID token", but: [keyID ?? ""])
            case .invalid: expectHidden(verdict, "an ID token")
            }
        }
    }

    /// Who takes a token for valid must find the one text that its signature has, by a way of its own.
    private mutating func expectRight(_ token: String, _ expected: IDToken.Expectation) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard let jws = try? JWS(token), parts.count == 3 else { return expect(false, "valid, and no token") }
        expect(expected.algorithms.contains(jws.algorithm), "an algorithm that was not agreed on")
        let text = "\(parts[0]).\(parts[1])"
        let signature = String(parts[2])
        switch jws.algorithm {
        case .hs256:
            expect(expected.clientSecret != nil, "a secret that nobody has")
            expect(isSame(signature, Self.code(text)), "another code is valid")
        case .edDSA:
            let right = (try? Self.ed25519.signature(for: Data(text.utf8))).map(Self.text)
            expect(right.map { isSame($0, signature) } == true, "another Ed25519 signature is valid")
        // Only who has the other keys can make these: see the corpus.
        case .es256, .rs256, .ps256: expect(signature.utf8.count == (jws.algorithm == .es256 ? 86 : 342), "its length")
        default: expect(false, "\(jws.algorithm.rawValue) is valid")
        }
    }

    /// OpenID Connect Core 1.0 §3.1.3.7.
    private mutating func check(_ claims: IDToken.Claims, _ expected: IDToken.Expectation) {
        expect(isSame(claims.issuer, "https://as.example"), "another issuer")
        expect(claims.audience.contains("c"), "for another client")
        expectVisible(claims.subject, upTo: 255, "a subject")
        expect(claims.expiry >= expected.now - expected.leeway, "an expired token")
        expect(claims.issueTime <= expected.now + expected.leeway, "a token from the future")
        expect(claims.audience.count == 1 || claims.all["azp"] == .string("c"), "issued to nobody")
        expect(expected.nonce == nil || claims.all["nonce"] == .string(Self.nonce), "another nonce")
        for text in [claims.email, claims.preferredUsername, claims.name].compactMap({ $0 }) {
            expect((1...1024).contains(text.utf8.count), "a claim's length")
            expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "a claim can be obeyed")
        }
        _ = claims.authTime
        _ = claims.isEmailVerified
    }

    // MARK: Signing

    private static func text(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func code(_ signedText: String) -> String {
        let key = SymmetricKey(data: Data(secret.utf8))
        return text(Data(HMAC<SHA256>.authenticationCode(for: Data(signedText.utf8), using: key)))
    }
}
