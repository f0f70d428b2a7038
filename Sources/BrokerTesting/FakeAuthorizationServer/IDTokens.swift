import Crypto
import CryptoExtras
import Foundation
import OAuth

/// ID tokens (OpenID Connect Core §2) and the keys that they are signed with.
extension AuthorizationServerState {
    /// One for all servers: it takes a moment to make.
    private static let rsaKey = SigningKeyPair()

    func keys() -> Answer {
        let key: Members =
            switch behaviour.idTokenAlgorithm {
            case .es256: ecKey
            case .rs256: rsaKey
            }
        return .json(#"{"keys":[\#(Self.json(key))]}"#)
    }

    private var ecKey: Members {
        let raw = Array(signingKey.publicKey.rawRepresentation)
        return [
            ("kty", jsonString("EC")), ("crv", jsonString("P-256")), ("use", jsonString("sig")),
            ("kid", jsonString("fake-1")), ("x", jsonString(Self.text(Array(raw.prefix(32))))),
            ("y", jsonString(Self.text(Array(raw.suffix(32))))),
        ]
    }

    private var rsaKey: Members {
        // The key was made here.
        let numbers = try! _RSA.Signing.PublicKey(derRepresentation: Self.rsaKey.publicKey).getKeyPrimitives()
        return [
            ("kty", jsonString("RSA")), ("use", jsonString("sig")), ("kid", jsonString("fake-1")),
            ("n", jsonString(Self.text(Array(numbers.modulus)))),
            ("e", jsonString(Self.text(Array(numbers.publicExponent)))),
        ]
    }

    func idToken(for granted: FakeAuthorizationServer.Granted, nonce: String?, accessToken: String) -> String {
        var claims: Members = [
            ("iss", jsonString(issuer)), ("sub", jsonString(granted.user)), ("aud", jsonString(granted.client)),
            ("iat", String(granted.now)), ("exp", String(granted.now + 300)),
            ("email", jsonString("\(granted.user)@example.com")),
            ("at_hash", jsonString(Self.text(Array(SHA256.hash(data: Array(accessToken.utf8)).prefix(16))))),
        ]
        if let nonce { claims.append(("nonce", jsonString(nonce))) }
        let body = Self.json(Self.change(claims, by: behaviour.idTokenClaims(granted)))
        let header = Self.json([
            ("alg", jsonString(behaviour.idTokenAlgorithm.rawValue)), ("kid", jsonString("fake-1")),
        ])
        switch behaviour.idTokenAlgorithm {
        case .rs256: return Self.rsaKey.token(header: header, claims: body)
        case .es256:
            let input = "\(Self.text(Array(header.utf8))).\(Self.text(Array(body.utf8)))"
            // A key that was just made signs.
            let signature = try! signingKey.signature(for: Data(input.utf8)).rawRepresentation
            return "\(input).\(Self.text(Array(signature)))"
        }
    }
}
