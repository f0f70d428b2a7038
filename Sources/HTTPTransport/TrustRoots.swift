internal import NIOCore
internal import NIOSSL

/// The certificates that TLS trusts: the system's, and those of a private authority beside them.
enum TrustRoots {
    /// - Throws: when the additional file cannot be read or holds no certificate.
    static func load(adding additional: String?) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // A peer that never says goodbye must not hold the connection for the default of five seconds.
        configuration.shutdownTimeout = .seconds(1)
        if let system { configuration.trustRoots = .certificates(system) }
        if let additional {
            configuration.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(additional))]
        }
        return configuration
    }

    /// The system's roots, read once: a TLS context is made for every exchange (see `PinnedClient`), and parsing
    /// the file for each was measured at six times the cost of a context with parsed roots. So new roots of the
    /// system take effect at the next start. The places are Debian's and Fedora's; elsewhere NIOSSL looks for
    /// itself, at each context.
    private static let system = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
        .lazy.compactMap { try? NIOSSLCertificate.fromPEMFile($0) }.first { !$0.isEmpty }
}
