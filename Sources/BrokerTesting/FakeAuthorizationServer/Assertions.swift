import Crypto
import Foundation
import HTTPTypes
import OAuth

/// JWTs, judged and made here by hand: a double must not share the faults of what it tests. ES256 alone.
extension AuthorizationServerState {
    /// Whose assertion this is (RFC 7523 §3): signed by the client's key, for this server, not expired, never seen.
    mutating func asserted(by assertion: String) -> Client? {
        let parts = assertion.split(separator: ".").map(String.init)
        guard parts.count == 3, let claims = Self.object(parts[1]), let id = claims["sub"] as? String,
            let client = clients[id], let key = client.publicKey,
            let judged = self.claims(of: assertion, key: key, now: Int(Date().timeIntervalSince1970)),
            judged["iss"] as? String == id
        else { return nil }
        return client
    }

    /// The claims of a JWT that this key signed for this server; nil for all others, and for one that was seen.
    mutating func claims(of token: String, key: [UInt8], now: Int) -> [String: Any]? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let header = Self.object(parts[0]), header["alg"] as? String == "ES256",
            let claims = Self.object(parts[1]), Self.isSigned(token, by: key),
            [issuer, issuer + behaviour.paths.token].contains(claims["aud"] as? String ?? ""),
            let expiry = claims["exp"] as? Int, expiry > now, expiry <= now + 600, let id = claims["jti"] as? String,
            seenTokens.insert(id).inserted
        else { return nil }
        return claims
    }

    // MARK: Proofs of possession (RFC 9449 §4.3)

    mutating func proofProblem(_ request: Request, now: Int) -> Answer? {
        guard behaviour.requiresProofs else { return nil }
        let proof = request.headerFields[HTTPField.Name("DPoP")!] ?? ""
        let parts = proof.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let header = Self.object(parts[0]), header["typ"] as? String == "dpop+jwt",
            header["alg"] as? String == "ES256", let jwk = header["jwk"] as? [String: Any], jwk["d"] == nil,
            let x = (jwk["x"] as? String).flatMap(Self.bytes), let y = (jwk["y"] as? String).flatMap(Self.bytes),
            Self.isSigned(proof, by: x + y), let claims = Self.object(parts[1]), claims["htm"] as? String == "POST",
            claims["htu"] as? String == issuer + behaviour.paths.token, let issued = claims["iat"] as? Int,
            abs(issued - now) < 300, let id = claims["jti"] as? String, seenTokens.insert(id).inserted
        else { return refusal(code: "invalid_dpop_proof", "the proof is not taken", to: request) }
        guard let nonce = behaviour.proofNonce, claims["nonce"] as? String != nonce else { return nil }
        var answer = refusal(code: "use_dpop_nonce", "a nonce is wanted", to: request)
        answer.headerFields[HTTPField.Name("DPoP-Nonce")!] = nonce
        return answer
    }

    // MARK: ID tokens (OpenID Connect Core §2)

    func keys() -> Answer {
        let raw = Array(signingKey.publicKey.rawRepresentation)
        let key = Self.json([
            ("kty", jsonString("EC")), ("crv", jsonString("P-256")), ("use", jsonString("sig")),
            ("kid", jsonString("fake-1")), ("x", jsonString(Self.text(Array(raw.prefix(32))))),
            ("y", jsonString(Self.text(Array(raw.suffix(32))))),
        ])
        return .json(#"{"keys":[\#(key)]}"#)
    }

    func idToken(for grant: Grant, nonce: String?, accessToken: String, now: Int) -> String {
        var claims: Members = [
            ("iss", jsonString(issuer)), ("sub", jsonString(grant.user)), ("aud", jsonString(grant.client)),
            ("iat", String(now)), ("exp", String(now + 300)), ("email", jsonString("\(grant.user)@example.com")),
            ("at_hash", jsonString(Self.text(Array(SHA256.hash(data: Array(accessToken.utf8)).prefix(16))))),
        ]
        if let nonce { claims.append(("nonce", jsonString(nonce))) }
        let header = Self.json([("alg", jsonString("ES256")), ("kid", jsonString("fake-1"))])
        let input = "\(Self.text(Array(header.utf8))).\(Self.text(Array(Self.json(claims).utf8)))"
        // A key that was just made signs.
        let signature = try! signingKey.signature(for: Data(input.utf8)).rawRepresentation
        return "\(input).\(Self.text(Array(signature)))"
    }

    // MARK: By hand

    private static func isSigned(_ token: String, by key: [UInt8]) -> Bool {
        guard let dot = token.lastIndex(of: "."), let signature = bytes(String(token[token.index(after: dot)...])),
            let key = try? P256.Signing.PublicKey(rawRepresentation: key),
            let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(parsed, for: Data(token[..<dot].utf8))
    }

    private static func object(_ part: String) -> [String: Any]? {
        bytes(part).flatMap { try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let usual = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        let padding = String(repeating: "=", count: (4 - usual.count % 4) % 4)
        return Data(base64Encoded: String(usual) + padding).map(Array.init)
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }
}
