internal import NIOSSL
internal import OAuth

extension TLSConfiguration {
    /// The same, and the client presents its certificate and the issuers that come with it (RFC 8705 §2).
    ///
    /// Whether key and certificate go together is asked here: a handshake would fail too, but nobody could tell from
    /// it whose fault that was.
    func presenting(_ key: ClientKey) throws(UnusableClientKey) -> TLSConfiguration {
        guard !key.certificates.isEmpty else { throw UnusableClientKey("it has no certificate") }
        // NIOSSL does not take an empty array.
        guard !key.privateKey.isEmpty,
            let privateKey = try? NIOSSLPrivateKey(bytes: key.privateKey, format: .der)
        else { throw UnusableClientKey("its private key cannot be read") }
        var chain: [NIOSSLCertificateSource] = []
        for bytes in key.certificates {
            guard !bytes.isEmpty, let certificate = try? NIOSSLCertificate(bytes: bytes, format: .der) else {
                throw UnusableClientKey("certificate \(chain.count + 1) of its chain cannot be read")
            }
            chain.append(.certificate(certificate))
        }
        // A context without roots costs little: parsing the system's would be most of it.
        var pair = TLSConfiguration.makeClientConfiguration()
        pair.trustRoots = .certificates([])
        pair.certificateChain = chain
        pair.privateKey = .privateKey(privateKey)
        do {
            _ = try NIOSSLContext(configuration: pair)
        } catch {
            throw UnusableClientKey("its certificate is another key's, or TLS cannot sign with this kind of key")
        }
        var configuration = self
        configuration.certificateChain = chain
        configuration.privateKey = .privateKey(privateKey)
        return configuration
    }
}

/// What is wrong with a client's key; nothing of the key is in it.
struct UnusableClientKey: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
