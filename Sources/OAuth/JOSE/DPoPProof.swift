import Crypto
public import HTTPTypes

/// Demonstrating proof of possession (RFC 9449): a token is bound to a key, and each request proves to have it.
public enum DPoPProof {
    /// `DPoP`: carries the proof (§4.1).
    public static let field = HTTPField.Name("DPoP")!
    /// `DPoP-Nonce` (§8.1).
    public static let nonceField = HTTPField.Name("DPoP-Nonce")!

    /// A proof for one request (§4.2), never sent twice.
    /// - Parameters:
    ///   - nonce: the last one that this origin gave (§8, §9).
    ///   - accessToken: where the request carries one (§7.1).
    ///   - freshness: of this request. The `jti` is told apart from that of a client assertion beside it.
    public static func make(
        method: HTTPRequest.Method, url: EndpointURL, key: SigningKey, nonce: String? = nil,
        accessToken: Secret? = nil, freshness: Freshness
    ) -> Secret {
        let signer = AssertionSigner(usual: key)
        let header = JSONObject([
            ("typ", .string("dpop+jwt")), ("alg", .string(signer.algorithm.rawValue)),
            ("jwk", .object(key.publicKey.required)),
        ])
        var claims = JSONObject([
            ("jti", .string("\(freshness.jti).dpop")), ("htm", .string(method.rawValue)),
            // Without query and fragment; scheme and host in lower case, as §4.3 has the server compare them.
            ("htu", .string(url.description)), ("iat", .number(JSONNumber(freshness.now))),
        ])
        claims["nonce"] = nonce.map { .string($0) }
        claims["ath"] = accessToken.map { .string(base64URL(Array(SHA256.hash(data: Array($0.reveal().utf8))))) }
        return signer.token(header: header, claims: claims)
    }

    // MARK: Nonces

    static let longestNonce = 1024

    /// The nonce for the next proof, which any answer may bring (§8.2): visible characters without quotation mark and
    /// backslash (§8.1), once.
    public static func nonce(in response: EndpointResponse) -> String? {
        let values = response.headerFields[values: nonceField]
        guard values.count == 1, let nonce = values.first, (1...longestNonce).contains(nonce.utf8.count),
            nonce.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return nonce
    }

    /// Whether the request was refused for want of a nonce, by an authorization server (§8) or a resource server (§9).
    /// Without a nonce in the answer to try again is of no use.
    public static func wantsNonce(_ response: EndpointResponse) -> Bool {
        guard response.status == 400 || response.status == 401 else { return false }
        if case .object(let members)? = response.json(),
            members["error"] == .string("use_dpop_nonce")
        {
            return true
        }
        let challenges = Challenge.read(response.headerFields) ?? []
        return challenges.contains { $0.scheme == "dpop" && $0.parameters["error"] == "use_dpop_nonce" }
    }
}

extension EndpointRequest {
    /// Adds the proof that belongs to this request, in place of an earlier one.
    public mutating func prove(
        with key: SigningKey, nonce: String?, accessToken: Secret? = nil, freshness: Freshness
    ) {
        let proof = DPoPProof.make(
            method: method, url: url, key: key, nonce: nonce, accessToken: accessToken, freshness: freshness)
        headerFields[DPoPProof.field] = proof.reveal()
    }
}
