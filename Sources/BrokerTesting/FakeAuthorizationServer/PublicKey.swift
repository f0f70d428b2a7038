import Crypto
import CryptoExtras
import Foundation

extension FakeAuthorizationServer {
    /// What a client's signatures are judged with.
    public struct PublicKey: Sendable, Hashable {
        /// SubjectPublicKeyInfo in DER.
        public let key: [UInt8]
        /// X.509 in DER; nil where there is only a key.
        public let certificate: [UInt8]?

        public init(key: [UInt8]) {
            self.key = key
            certificate = nil
        }

        /// Nil for what is not a certificate.
        public init?(certificate: [UInt8]) {
            guard let key = Self.key(in: certificate) else { return nil }
            self.key = key
            self.certificate = certificate
        }

        /// Whether the header names the certificate as it must.
        func isNamed(in header: [String: Any], _ thumbprint: Thumbprint) -> Bool {
            switch thumbprint {
            case .none: true
            case .sha1: named(header["x5t"]) { Array(Insecure.SHA1.hash(data: $0)) }
            case .sha256: named(header["x5t#S256"]) { Array(SHA256.hash(data: $0)) }
            }
        }

        private func named(_ value: Any?, _ hash: ([UInt8]) -> [UInt8]) -> Bool {
            guard let certificate, let value = value as? String else { return false }
            return value == SigningKeyPair.text(hash(certificate))
        }

        func signed(_ input: [UInt8], _ signature: [UInt8], algorithm: String) -> Bool {
            if algorithm == "ES256" {
                guard let key = try? P256.Signing.PublicKey(derRepresentation: key),
                    let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
                else { return false }
                return key.isValidSignature(parsed, for: input)
            }
            guard ["RS256", "PS256"].contains(algorithm), let key = try? _RSA.Signing.PublicKey(derRepresentation: key)
            else { return false }
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: input),
                padding: algorithm == "PS256" ? .PSS : .insecurePKCS1v1_5)
        }

        // MARK: X.509 (RFC 5280 §4.1)

        /// The key of a certificate: what follows version, serial number, algorithm, issuer, validity and subject.
        private static func key(in certificate: [UInt8]) -> [UInt8]? {
            guard let whole = element(certificate[...]), whole.tag == 0x30, let signed = element(whole.content),
                signed.tag == 0x30
            else { return nil }
            var rest = signed.content
            if element(rest)?.tag == 0xA0 { rest = rest.dropFirst(element(rest)?.length ?? 0) }
            for _ in 0..<5 {
                guard let next = element(rest) else { return nil }
                rest = rest.dropFirst(next.length)
            }
            guard let key = element(rest), key.tag == 0x30 else { return nil }
            return Array(rest.prefix(key.length))
        }

        private static func element(_ der: ArraySlice<UInt8>) -> (tag: UInt8, content: ArraySlice<UInt8>, length: Int)?
        {
            guard der.count >= 2 else { return nil }
            let first = der[der.startIndex + 1]
            var (header, size) = (2, Int(first))
            if first >= 0x80 {
                let count = Int(first & 0x7F)
                guard (1...3).contains(count), der.count >= 2 + count else { return nil }
                header += count
                size = der.dropFirst(2).prefix(count).reduce(0) { $0 << 8 | Int($1) }
            }
            guard der.count >= header + size else { return nil }
            return (der[der.startIndex], der.dropFirst(header).prefix(size), header + size)
        }
    }
}
