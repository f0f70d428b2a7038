import Broker
import Crypto
import Foundation
import HTTPTransport
import NIOCore
import NIOSSL
import OAuth
import SwiftASN1
import Synchronization
import Testing
import X509

@Suite struct ClientCertificateTests {
    private let servers: TestAuthority
    private let clients: ClientAuthority

    init() throws {
        servers = try TestAuthority()
        clients = try ClientAuthority()
    }

    /// Starts `as.example.com`, which trusts the clients' authority; notes the certificate of each request, or nil; and
    /// gives the body what to call it with.
    private func withServer(
        _ verification: CertificateVerification = .noHostnameVerification, atMost version: TLSVersion = .tlsv13,
        _ body: (RawServer, VettedExchange) async throws -> Void
    ) async throws -> [[UInt8]?] {
        let context = try servers.server(for: "as.example.com") { [root = clients.root] configuration in
            configuration.certificateVerification = verification
            configuration.trustRoots = .certificates([root])
            configuration.maximumTLSVersion = version
            // What a server may take, and this one does not of itself: P-521 and Ed25519.
            configuration.verifySignatureAlgorithms = [
                .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512, .ed25519,
            ]
        }
        let presented = Mutex<[[UInt8]?]>([])
        let server = try await RawServer.start(tls: context) { channel in
            channel.nioSSL_peerCertificate().whenComplete { result in
                let certificate = try? result.get()?.toDERBytes()
                presented.withLock { $0.append(certificate) }
                RawServer.answering("200 OK")(channel)
            }
        }
        try await servers.withRootFile { path in
            let exchange = try VettedExchange(
                policy: .development, resolver: StubResolver(["127.0.0.1"]), additionalTrustRoots: path)
            try await body(server, exchange)
        }
        return presented.withLock { $0 }
    }

    private func send(
        _ key: ClientKey?, to server: RawServer, scheme: String = "https", over exchange: VettedExchange
    ) async throws -> Result<EndpointResponse, ExchangeFailure> {
        var request = try request(server.url(scheme: scheme, host: "as.example.com"))
        request.clientKey = key
        do {
            return .success(try await exchange.send(request, within: .seconds(20)))
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "RFC 8705 §2: the handshake presents the client's certificate, whatever the version of TLS",
        arguments: [TLSVersion.tlsv12, .tlsv13])
    func presented(version: TLSVersion) async throws {
        let key = try clients.key()
        let presented = try await withServer(atMost: version) { server, exchange in
            let result = try await send(key, to: server, over: exchange)
            #expect(result.response?.status == 200, "\(result)")
            #expect(server.requests.first?.hasSuffix("\r\n\r\ngrant_type=test") == true)
        }
        #expect(presented == [key.certificates[0]])
    }

    @Test("RFC 8705 §2: each kind of key is presented", arguments: ClientAuthority.Kind.allCases)
    func kinds(kind: ClientAuthority.Kind) async throws {
        let key = try clients.key(kind)
        let presented = try await withServer { server, exchange in
            let result = try await send(key, to: server, over: exchange)
            #expect(result.response?.status == 200, "\(result)")
        }
        #expect(presented == [key.certificates[0]])
    }

    @Test("RFC 8705 §2: the issuers between the client and the authority are presented too")
    func chain() async throws {
        let key = try clients.key(throughIntermediate: true)
        let presented = try await withServer { server, exchange in
            let result = try await send(key, to: server, over: exchange)
            #expect(result.response?.status == 200, "\(result)")
            // Without its issuer the server cannot trust it: it was the chain that made the difference.
            let alone = ClientKey(privateKey: key.privateKey, certificates: [key.certificates[0]])
            #expect(try await send(alone, to: server, over: exchange).failure != nil)
        }
        #expect(presented == [key.certificates[0]])
    }

    @Test("RFC 8705 §2: without a certificate a server that demands one ends the handshake (TLS 1.2)")
    func demanded() async throws {
        let presented = try await withServer(atMost: .tlsv12) { server, exchange in
            let result = try await send(nil, to: server, over: exchange)
            expect(result, failsWith: .tlsFailed, mayHaveArrived: false)
            #expect(server.requests.isEmpty)
        }
        #expect(presented.isEmpty)
    }

    @Test("RFC 8446 §4.4.2.4: in TLS 1.3 the refusal comes after the request, and the log says what it was")
    func demandedAfterwards() async throws {
        let presented = try await withServer { server, exchange in
            let result = try await send(nil, to: server, over: exchange)
            expect(result, failsWith: .interrupted, mayHaveArrived: true)
            #expect(result.failure?.detail.contains("CERTIFICATE_REQUIRED") == true, "\(result)")
            #expect(server.requests.isEmpty)
        }
        #expect(presented.isEmpty)
    }

    @Test("RFC 8705 §2: a certificate goes with its own request, and with no other of the same exchange")
    func notKept() async throws {
        let (first, second) = (try clients.key(), try clients.key())
        let presented = try await withServer(.optionalVerification) { server, exchange in
            for key in [nil, first, nil, second, nil] {
                let result = try await send(key, to: server, over: exchange)
                #expect(result.response?.status == 200, "\(result)")
            }
        }
        #expect(presented == [nil, first.certificates[0], nil, second.certificates[0], nil])
    }

    @Test("RFC 8705 §2: a certificate is not presented to a server that does not ask for one, which answers as ever")
    func notAskedFor() async throws {
        let presented = try await withServer(.none) { server, exchange in
            let result = try await send(clients.key(), to: server, over: exchange)
            #expect(result.response?.status == 200, "\(result)")
        }
        #expect(presented == [nil])
    }

    @Test("RFC 8705 §2: over http a request that needs a certificate is refused before anything leaves")
    func plain() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let resolver = StubResolver(["127.0.0.1"])
        let exchange = try VettedExchange(policy: .development, resolver: resolver)
        let result = try await send(clients.key(), to: server, scheme: "http", over: exchange)
        expect(result, failsWith: .clientKeyUnusable, mayHaveArrived: false)
        #expect(
            result.failure?.detail == "as.example.com: the client's key: a certificate is presented over https alone")
        #expect(server.connections == 0)
        #expect(resolver.questions.value == 0)
        #expect(try await send(nil, to: server, scheme: "http", over: exchange).response?.status == 200)
    }

    /// What can be wrong with a key, and the words that tell it.
    private static let unusable: [(fault: String, damage: @Sendable (ClientKey, ClientKey) -> ClientKey)] = [
        ("another key's", { ClientKey(privateKey: $0.privateKey, certificates: $1.certificates) }),
        ("no certificate", { key, _ in ClientKey(privateKey: key.privateKey) }),
        ("private key cannot be read", { key, _ in ClientKey(privateKey: [], certificates: key.certificates) }),
        (
            "private key cannot be read",
            { key, _ in ClientKey(privateKey: key.privateKey.dropLast(), certificates: key.certificates) }
        ),
        ("certificate 1 of", { key, _ in ClientKey(privateKey: key.privateKey, certificates: [[]]) }),
        (
            "certificate 2 of",
            { ClientKey(privateKey: $0.privateKey, certificates: $0.certificates + [$1.privateKey]) }
        ),
    ]

    @Test("RFC 8705 §2: a key that cannot be presented is the clear failure, before anything leaves", arguments: 0..<6)
    func unusable(index: Int) async throws {
        let (fault, damage) = Self.unusable[index]
        let key = damage(try clients.key(), try clients.key())
        let presented = try await withServer(.optionalVerification) { server, exchange in
            let result = try await send(key, to: server, over: exchange)
            expect(result, failsWith: .clientKeyUnusable, mayHaveArrived: false)
            #expect(result.failure?.detail.contains(fault) == true, "\(result)")
            #expect(server.connections == 0)
        }
        #expect(presented.isEmpty)
    }
}

/// A certificate authority for clients that lives for one test.
struct ClientAuthority {
    /// Elliptic alone: RSA keys take long to make, and TLS treats them alike.
    enum Kind: CaseIterable {
        case p256, p384, p521, ed25519
    }

    let root: NIOSSLCertificate
    private let issuer: (name: DistinguishedName, key: P256.Signing.PrivateKey)
    private let intermediate: (name: DistinguishedName, key: P256.Signing.PrivateKey)
    private let intermediateCertificate: Certificate

    init() throws {
        issuer = (try DistinguishedName { CommonName("Test Clients") }, P256.Signing.PrivateKey())
        intermediate = (try DistinguishedName { CommonName("Test Clients Below") }, P256.Signing.PrivateKey())
        let certificate = try Self.certificate(
            Certificate.PublicKey(issuer.key.publicKey), issuer.name, by: issuer, isAuthority: true)
        root = try NIOSSLCertificate(bytes: Self.der(certificate), format: .der)
        intermediateCertificate = try Self.certificate(
            Certificate.PublicKey(intermediate.key.publicKey), intermediate.name, by: issuer, isAuthority: true)
    }

    func key(_ kind: Kind = .p256, throughIntermediate: Bool = false) throws -> ClientKey {
        let key: (pem: String, public: Certificate.PublicKey)
        switch kind {
        case .p256:
            let made = P256.Signing.PrivateKey()
            key = (made.pemRepresentation, Certificate.PublicKey(made.publicKey))
        case .p384:
            let made = P384.Signing.PrivateKey()
            key = (made.pemRepresentation, Certificate.PublicKey(made.publicKey))
        case .p521:
            let made = P521.Signing.PrivateKey()
            key = (made.pemRepresentation, Certificate.PublicKey(made.publicKey))
        case .ed25519:
            let made = Curve25519.Signing.PrivateKey()
            key = (
                try Certificate.PrivateKey(made).serializeAsPEM().pemString, Certificate.PublicKey(made.publicKey)
            )
        }
        let name = try DistinguishedName { CommonName("client \(UUID())") }
        let leaf = try Self.certificate(
            key.public, name, by: throughIntermediate ? intermediate : issuer, isAuthority: false)
        let chain = throughIntermediate ? [leaf, intermediateCertificate] : [leaf]
        return ClientKey(
            privateKey: Array(try PEMDocument(pemString: key.pem).derBytes), certificates: try chain.map(Self.der))
    }

    private static func der(_ certificate: Certificate) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    private static func certificate(
        _ key: Certificate.PublicKey, _ name: DistinguishedName,
        by issuer: (name: DistinguishedName, key: P256.Signing.PrivateKey), isAuthority: Bool
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key,
            notValidBefore: Date(timeIntervalSinceNow: -3600), notValidAfter: Date(timeIntervalSinceNow: 3600),
            issuer: issuer.name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                if isAuthority {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    Critical(KeyUsage(keyCertSign: true))
                } else {
                    Critical(BasicConstraints.notCertificateAuthority)
                    try ExtendedKeyUsage([.clientAuth])
                }
            },
            issuerPrivateKey: Certificate.PrivateKey(issuer.key))
    }
}
