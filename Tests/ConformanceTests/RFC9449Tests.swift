import Crypto
import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 9449: Demonstrating Proof of Possession")
struct RFC9449Tests {
    private func proof(
        at address: String = "https://as.example/token?x=1", nonce: String? = nil, accessToken: Secret? = nil,
        jti: String = "j-1"
    ) throws -> (compact: String, parts: Parts) {
        let compact = DPoPProof.make(
            method: .post, url: try url(address), key: Keys.p256, nonce: nonce, accessToken: accessToken,
            freshness: Freshness(now: now, jti: jti)
        ).reveal()
        return (compact, try #require(Parts(compact)))
    }

    @Test("RFC 9449 §4.3: a request has one proof, also when it is proved again")
    func once() throws {
        var request = try tokenRequest()
        request.prove(with: Keys.p256, nonce: nil, freshness: fresh)
        request.prove(with: Keys.p256, nonce: "n", freshness: Freshness(now: now, jti: "j-2"))
        let proofs = request.headerFields[values: DPoPProof.field]
        #expect(proofs.count == 1 && proofs.first.flatMap(Parts.init)?.claims.text("nonce") == "n")
    }

    @Test("RFC 9449 §4.2: typ is dpop+jwt")
    func type() throws { #expect(try proof().parts.header.text("typ") == "dpop+jwt") }

    @Test("RFC 9449 §4.2: alg is an asymmetric algorithm, never none")
    func algorithm() throws {
        let name = try #require(try proof().parts.header.text("alg"))
        #expect(SignatureAlgorithm(rawValue: name)?.isSymmetric == false)
    }

    @Test("RFC 9449 §4.2: jwk is the public key, with nothing of the private one")
    func publicKey() throws {
        guard case .object(let key)? = try proof().parts.header["jwk"] else { throw Unexpected("no jwk") }
        #expect(Set(key.names) == ["crv", "kty", "x", "y"])
        #expect(JSONWebKey(key)?.thumbprint == Keys.p256.publicKey.thumbprint)
    }

    @Test("RFC 9449 §4.2: the proof is signed by the key that it holds")
    func signature() throws {
        let compact = try proof().compact
        #expect(try JWS(compact).verify(with: Keys.set, allowed: [.es256]) == .valid)
        #expect(try JWS(compact).verify(with: JSONWebKeySet([Keys.other.publicKey]), allowed: [.es256]) != .valid)
    }

    @Test("RFC 9449 §4.2: jti is another in each proof")
    func identifier() throws {
        let first = try proof(jti: "a").parts.claims.text("jti")
        let second = try proof(jti: "b").parts.claims.text("jti")
        #expect(first != nil && second != nil && first != second)
    }

    @Test("RFC 9449 §4.2: htm is the method, htu the address without query, iat now")
    func request() throws {
        let claims = try proof().parts.claims
        #expect(claims.text("htm") == "POST" && claims.text("htu") == "https://as.example/token")
        #expect(claims.int("iat") == now)
    }

    @Test("RFC 9449 §4.2: ath is the hash of the token that goes along, and stands nowhere else")
    func tokenHash() throws {
        let expected = base64URL(Array(SHA256.hash(data: Array("t".utf8))))
        #expect(try proof(accessToken: Secret("t")).parts.claims.text("ath") == expected)
        #expect(try proof().parts.claims["ath"] == nil)
    }

    @Test("RFC 9449 §5: the token endpoint's DPoP is a type that is understood only where a proof was sent")
    func tokenType() {
        let body = #"{"access_token":"t","token_type":"DPoP"}"#
        #expect(judgeToken(body, accepting: .dpop).granted?.tokenType == "DPoP")
        #expect(judgeToken(body).isMalformed)
    }

    @Test("RFC 9449 §7.1: a token that is bound goes under the scheme DPoP, not Bearer")
    func scheme() throws {
        let request = UserInfo.request(
            at: try url("https://as.example/userinfo"), accessToken: Secret("t"), tokenType: "DPoP")
        #expect(request.headerFields[values: .authorization] == ["DPoP t"])
    }

    @Test("RFC 9449 §8: a nonce that the server gives stands in the next proof")
    func nonce() throws {
        let response = EndpointResponse(status: 400, headerFields: [DPoPProof.nonceField: "n-1"])
        let given = DPoPProof.nonce(in: response)
        #expect(given == "n-1")
        #expect(try proof(nonce: given).parts.claims.text("nonce") == "n-1")
        #expect(try proof().parts.claims["nonce"] == nil)
    }

    @Test("RFC 9449 §8: an authorization server asks for a nonce by use_dpop_nonce")
    func wanted() {
        #expect(DPoPProof.wantsNonce(answer(400, #"{"error":"use_dpop_nonce"}"#)))
        #expect(!DPoPProof.wantsNonce(answer(400, #"{"error":"invalid_dpop_proof"}"#)))
    }

    @Test("RFC 9449 §8.1: a nonce is one value of its own characters", arguments: ["", "a b", "a\"", "a\\", "é"])
    func nonceCharacters(text: String) {
        #expect(DPoPProof.nonce(in: EndpointResponse(status: 400, headerFields: [DPoPProof.nonceField: text])) == nil)
    }

    @Test("RFC 9449 §8.2: any answer may bring the next nonce", arguments: [200, 201, 400, 401])
    func nextNonce(status: Int) {
        let response = EndpointResponse(status: status, headerFields: [DPoPProof.nonceField: "n-2"])
        #expect(DPoPProof.nonce(in: response) == "n-2")
    }

    @Test("RFC 9449 §9: a resource asks for a nonce by 401 and a DPoP challenge")
    func resourceNonce() {
        #expect(DPoPProof.wantsNonce(challenged(401, #"DPoP error="use_dpop_nonce""#)))
        #expect(!DPoPProof.wantsNonce(challenged(401, #"DPoP error="invalid_token""#)))
    }

    @Test("RFC 9449 §10: dpop_jkt is the thumbprint of the key, with SHA-256")
    func codeBinding() {
        var request = authorizationRequest()
        request.dpopJKT = Keys.p256.publicKey.thumbprint
        let sent = request.parameters(dialect: Dialect())["dpop_jkt"]
        let canonical = Array(JSONValue.object(Keys.p256.publicKey.required).serialized().utf8)
        #expect(sent == base64URL(Array(SHA256.hash(data: canonical))))
    }
}
