import Crypto
import CryptoExtras

extension JSONWebKey {
    /// Whether the signature is the key's. False also for a key that is none, such as a point beside its curve. An
    /// ECDSA signature is two numbers of full length, never DER (RFC 7518 §3.4).
    func isValidSignature(_ signature: [UInt8], of bytes: [UInt8], algorithm: SignatureAlgorithm) -> Bool {
        guard canVerify(algorithm) else { return false }
        switch material {
        case .rsa(let modulus, let exponent):
            guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else { return false }
            let digest = algorithm.digest(of: bytes)
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return key.isValidSignature(signature, for: digest, padding: algorithm.padding)
        case .ec(.p256, let x, let y):
            guard let key = try? P256.Signing.PublicKey(rawRepresentation: x + y),
                let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .ec(.p384, let x, let y):
            guard let key = try? P384.Signing.PublicKey(rawRepresentation: x + y),
                let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .ec(.p521, let x, let y):
            guard let key = try? P521.Signing.PublicKey(rawRepresentation: x + y),
                let signature = try? P521.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .ed25519(let x):
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else { return false }
            return key.isValidSignature(signature, for: bytes)
        }
    }
}

extension SignatureAlgorithm {
    /// RFC 7518 §3.3 and §3.5; of no meaning outside RSA.
    var padding: _RSA.Signing.Padding {
        [.ps256, .ps384, .ps512].contains(self) ? .PSS : .insecurePKCS1v1_5
    }
}
