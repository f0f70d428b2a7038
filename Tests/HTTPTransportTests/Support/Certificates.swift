import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// A private certificate authority that lives for one test.
struct TestAuthority {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    private let root: Certificate

    init() throws {
        name = try DistinguishedName { CommonName("Test Authority \(UUID())") }
        root = try Self.certificate(
            for: key.publicKey, subject: name, issuer: name, signedBy: key,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            })
    }

    /// Writes the root into a file for the time of the body.
    func withRootFile<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let path = FileManager.default.temporaryDirectory.appending(path: "root-\(UUID()).pem").path
        try root.serializeAsPEM().pemString.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    /// A server's certificate for a host.
    /// - Parameters:
    ///   - validity: seconds from now, beginning and end.
    ///   - isSelfSigned: signed by its own key, under the host's name.
    func server(
        for host: String, validity: ClosedRange<Double> = -3600...3600, isSelfSigned: Bool = false,
        adjust: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> NIOSSLContext {
        let own = P256.Signing.PrivateKey()
        let subject = try DistinguishedName { CommonName(host) }
        let leaf = try Self.certificate(
            for: own.publicKey, subject: subject, issuer: isSelfSigned ? subject : name,
            signedBy: isSelfSigned ? own : key, validity: validity,
            extensions: Certificate.Extensions { SubjectAlternativeNames([.dnsName(host)]) })
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: pem(leaf), format: .pem))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(own.pemRepresentation.utf8), format: .pem)))
        adjust(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }

    private func pem(_ certificate: Certificate) throws -> [UInt8] {
        Array(try certificate.serializeAsPEM().pemString.utf8)
    }

    private static func certificate(
        for key: P256.Signing.PublicKey, subject: DistinguishedName, issuer: DistinguishedName,
        signedBy issuerKey: P256.Signing.PrivateKey, validity: ClosedRange<Double> = -3600...3600,
        extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key),
            notValidBefore: Date(timeIntervalSinceNow: validity.lowerBound),
            notValidAfter: Date(timeIntervalSinceNow: validity.upperBound), issuer: issuer, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(issuerKey))
    }
}
