import HTTPTypes
import Testing

@testable import OAuth

@Suite("DPoP")
struct JOSEDPoPTests {
    static let freshness = Freshness(now: 1_562_262_616, jti: "j-1")

    private func proof(
        key: SigningKey = TestKeys.p256, method: HTTPRequest.Method = .post,
        url: String = "https://server.example.com/token", nonce: String? = nil, accessToken: Secret? = nil
    ) throws -> String {
        DPoPProof.make(
            method: method, url: try EndpointURL(url), key: key, nonce: nonce, accessToken: accessToken,
            freshness: Self.freshness
        ).reveal()
    }

    @Test("RFC 9449 §4.2: a proof holds the public key and what the request is, signed by that key")
    func shape() throws {
        for key in TestKeys.all {
            let compact = try proof(key: key)
            let read = try #require(ReadToken(compact))
            #expect(read.header.names == ["typ", "alg", "jwk"])
            #expect(read.header["typ"] == .string("dpop+jwt"))
            #expect(read.header["alg"] == .string(key.algorithms[0].rawValue))
            let own = try #require(JSONWebKey(read.header["jwk"]?.members ?? JSONObject()))
            #expect(own.thumbprint == key.publicKey.thumbprint)
            #expect(read.header["jwk"]?.members["kid"] == nil)
            #expect(try JWS(compact).verify(with: JSONWebKeySet([own]), allowed: [key.algorithms[0]]) == .valid)
            #expect(read.claims.names == ["jti", "htm", "htu", "iat"])
            #expect(read.claims["htm"] == .string("POST"))
            #expect(read.claims["htu"] == .string("https://server.example.com/token"))
            #expect(read.claims["iat"] == .number(JSONNumber(Self.freshness.now)))
        }
    }

    @Test("RFC 9449 §4.2: htu has no query, and is the same however the host is spelt")
    func address() throws {
        func htu(_ url: String) throws -> String? { ReadToken(try proof(url: url))?.claims["htu"]?.text }
        #expect(try htu("https://as.example/token?tenant=1") == "https://as.example/token")
        #expect(try htu("HTTPS://AS.example/Token") == "https://as.example/Token")
        #expect(try htu("http://[::1]:8080/t") == "http://[::1]:8080/t")
        #expect(try htu("https://as.example") == "https://as.example/")
    }

    @Test("RFC 9449 §4.2, §8: the nonce and the token's hash go in where there are any")
    func optional() throws {
        let read = try #require(ReadToken(try proof(method: .get, nonce: "n", accessToken: Secret("t"))))
        #expect(read.claims["nonce"] == .string("n") && read.claims["htm"] == .string("GET"))
        #expect(read.claims["ath"] == .string(PKCE.challenge(for: Secret("t"))))
    }

    @Test("The jti is not that of a client assertion in the same request")
    func ownJTI() throws {
        #expect(ReadToken(try proof())?.claims["jti"] == .string("j-1.dpop"))
    }

    @Test("RFC 9449 §5: a request is proved as it is, and proved again with a nonce")
    func proving() throws {
        var request = EndpointRequest(
            method: .post, url: try EndpointURL("https://as.example/token?x=1"), headerFields: [:])
        request.prove(with: TestKeys.p256, nonce: nil, freshness: Self.freshness)
        request.prove(with: TestKeys.p256, nonce: "n", freshness: Freshness(now: 1, jti: "j-2"))
        let values = request.headerFields[values: DPoPProof.field]
        #expect(values.count == 1)
        let read = try #require(ReadToken(values[0]))
        #expect(read.claims["htu"] == .string("https://as.example/token") && read.claims["nonce"] == .string("n"))
        #expect(read.claims["jti"] == .string("j-2.dpop") && read.claims["iat"] == .number(JSONNumber(1)))
    }

    @Test("RFC 9449 §4.2, §6.1: the printed values", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func vectors() throws {
        let vectors = try Shared.json("vectors/rfc/dpop_rfc9449.json")
        let key = try #require(JSONWebKey(vectors[path: "jwk"]?.members ?? JSONObject()))
        #expect(key.thumbprint == vectors[path: "jkt"]?.text)
        let token = try #require(vectors[path: "access_token"]?.text)
        #expect(ReadToken(try proof(accessToken: Secret(token)))?.claims["ath"] == vectors[path: "ath"])
        let proofs = vectors[path: "proofs"]?.elements ?? []
        #expect(proofs.count == 3)
        for printed in proofs {
            let compact = try #require(printed[path: "proof"]?.text)
            #expect(try JWS(compact).verify(with: JSONWebKeySet([key]), allowed: [.es256]) == .valid)
            let claims = try #require(printed[path: "claims"]?.members)
            // Ours has the same members, but for the order, and the same values, but for time and chance.
            let own = try proof(
                method: claims["htm"]?.text == "GET" ? .get : .post, url: claims["htu"]?.text ?? "",
                accessToken: claims["ath"] == nil ? nil : Secret(token))
            let ours = try #require(ReadToken(own))
            #expect(Set(ours.claims.names) == Set(claims.names))
            for name in ["htm", "htu", "ath"] { #expect(ours.claims[name] == claims[name]) }
            #expect(Set(ours.header.names) == Set(printed[path: "header"]?.members.names ?? []))
        }
        for nonce in vectors[path: "nonces"]?.elements.compactMap(\.text) ?? [] {
            let response = EndpointResponse(status: 400, headerFields: [DPoPProof.nonceField: nonce])
            #expect(DPoPProof.nonce(in: response) == nonce)
        }
    }

    // MARK: Nonces

    @Test("RFC 9449 §8.1: a nonce is one value of visible characters, and no longer than 1 KiB")
    func nonces() {
        func nonce(_ values: String...) -> String? {
            var fields = HTTPFields()
            for value in values { fields.append(HTTPField(name: DPoPProof.nonceField, value: value)) }
            return DPoPProof.nonce(in: EndpointResponse(status: 200, headerFields: fields))
        }
        #expect(nonce("eyJ7S_zG.eyJH0-Z.HX4w-7v") == "eyJ7S_zG.eyJH0-Z.HX4w-7v")
        #expect(nonce("!#[]~") == "!#[]~")
        #expect(nonce(String(repeating: "n", count: 1024)) != nil)
        #expect(nonce(String(repeating: "n", count: 1025)) == nil)
        #expect(nonce() == nil)
        #expect(nonce("a", "b") == nil)
        for odd in ["", "a b", "a\"b", "a\\b", "é", "a, b"] { #expect(nonce(odd) == nil) }
    }

    @Test("RFC 9449 §8, §9: a nonce is wanted when body or challenge say so, with 400 or 401")
    func wanted() {
        func wants(_ status: Int, _ body: String = "", _ challenge: String? = nil) -> Bool {
            DPoPProof.wantsNonce(
                EndpointResponse(
                    status: status, headerFields: challenge.map { [.wwwAuthenticate: $0] } ?? [:],
                    body: Array(body.utf8)))
        }
        let body = #"{"error":"use_dpop_nonce"}"#
        let challenge = #"DPoP error="use_dpop_nonce", error_description="nonce""#
        #expect(wants(400, body) && wants(401, body) && wants(401, "", challenge) && wants(400, "", challenge))
        #expect(wants(401, "", #"Bearer realm="x", dpop algs="ES256", ERROR=use_dpop_nonce"#))
        for status in [200, 302, 403, 500] { #expect(!wants(status, body, challenge)) }
        #expect(!wants(400, #"{"error":"invalid_dpop_proof"}"#))
        #expect(!wants(401, "", #"Bearer error="use_dpop_nonce""#))
        #expect(!wants(401, "", #"Basic realm="DPoP error=\"use_dpop_nonce\"""#))
        #expect(!wants(401, "", #"DPoP error="invalid_token", error_description="use_dpop_nonce""#))
        #expect(!wants(401, "use_dpop_nonce"))
    }
}
