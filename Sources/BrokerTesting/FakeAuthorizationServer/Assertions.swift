import Crypto
import Foundation
import HTTPTypes
import OAuth

/// JWTs, judged and made here by hand: a double must not share the faults of what it tests.
extension AuthorizationServerState {
    /// Whose assertion this is (RFC 7523 §3): signed by the client's key, for this server, not expired, never seen.
    mutating func asserted(by assertion: String) -> Client? {
        let parts = assertion.split(separator: ".").map(String.init)
        guard parts.count == 3, let unproven = Self.object(parts[1]), let id = unproven["sub"] as? String,
            let client = clients[id],
            let claims = claims(of: assertion, from: client, behaviour.clientAssertions),
            claims["iss"] as? String == id
        else { return nil }
        return client
    }

    /// The claims of a JWT that the client signed as the rules want it; nil for all others, and for one that was seen.
    mutating func claims(
        of token: String, from client: Client, _ rules: FakeAuthorizationServer.AssertionRules
    ) -> [String: Any]? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            isSigned(token, header: header, by: client, rules.thumbprints), isMeant(claims["aud"], rules.audiences),
            let expiry = claims["exp"] as? Int, expiry > now, expiry <= now + rules.lifetime,
            let id = claims["jti"] as? String ?? (rules.requiresID ? nil : Self.text(Array(token.utf8))),
            seenTokens.insert(id).inserted
        else { return nil }
        return claims
    }

    private func isSigned(
        _ token: String, header: [String: Any], by client: Client,
        _ thumbprints: [String: FakeAuthorizationServer.Thumbprint]
    ) -> Bool {
        guard let algorithm = header["alg"] as? String, let thumbprint = thumbprints[algorithm] else { return false }
        if algorithm == "ES256", let key = client.publicKey, Self.isSigned(token, by: key) { return true }
        guard let dot = token.lastIndex(of: "."), let signature = Self.bytes(String(token[token.index(after: dot)...]))
        else { return false }
        return client.keys.contains { key in
            key.isNamed(in: header, thumbprint)
                && key.signed(Array(token[..<dot].utf8), signature, algorithm: algorithm)
        }
    }

    private func isMeant(_ audience: Any?, _ audiences: [FakeAuthorizationServer.Audience]?) -> Bool {
        guard let audiences else { return true }
        return audiences.contains { wanted in
            switch wanted {
            case .issuer: audience as? String == issuer
            case .tokenEndpoint: audience as? String == issuer + behaviour.paths.token
            case .fixed(let text): audience as? String == text
            }
        }
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

    // MARK: By hand

    private static func isSigned(_ token: String, by key: [UInt8]) -> Bool {
        guard let dot = token.lastIndex(of: "."), let signature = bytes(String(token[token.index(after: dot)...])),
            let key = try? P256.Signing.PublicKey(rawRepresentation: key),
            let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(parsed, for: Data(token[..<dot].utf8))
    }

    static func object(_ part: String) -> [String: Any]? {
        bytes(part).flatMap { try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
    }

    static func bytes(_ text: String) -> [UInt8]? {
        let usual = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        let padding = String(repeating: "=", count: (4 - usual.count % 4) % 4)
        return Data(base64Encoded: String(usual) + padding).map(Array.init)
    }

    static func text(_ bytes: [UInt8]) -> String { SigningKeyPair.text(bytes) }
}
