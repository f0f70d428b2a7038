import Broker
import Glibc
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization
import UnixSignals

/// The certificate that the service shows, which is read again when its files change: at SIGHUP at once, else within a
/// minute. Connections that are open stay as they are; new ones get the new certificate. One that cannot be read, or whose key
/// does not fit, changes nothing.
final class ServedCertificate: Sendable {
    private struct Loaded {
        var override: NIOSSLContextConfigurationOverride
        var chain: [NIOSSLCertificate]
        var key: NIOSSLPrivateKey
    }

    private let certificate: String
    private let key: String
    private let current: Mutex<Loaded>

    init(certificate: String, key: String) throws {
        self.certificate = certificate
        self.key = key
        current = Mutex(try Self.load(certificate, key))
    }

    func configuration() -> TLSConfiguration {
        let (chain, key) = current.withLock { ($0.chain, $0.key) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.sslContextCallback = { [self] _, promise in
            promise.succeed(current.withLock { $0.override })
        }
        return configuration
    }

    /// Whether there was anything new.
    func reload() throws -> Bool {
        let loaded = try Self.load(certificate, key)
        return current.withLock { current in
            guard loaded.chain != current.chain else { return false }
            current = loaded
            return true
        }
    }

    private static func load(_ certificate: String, _ key: String) throws -> Loaded {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate)
            let key = try NIOSSLPrivateKey(file: key, format: .pem)
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = chain.map { .certificate($0) }
            override.privateKey = .privateKey(key)
            // A key that does not fit would fail every handshake: better here.
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
            return Loaded(override: override, chain: chain, key: key)
        } catch {
            throw CommandFailure(
                .failed,
                "The certificate \(certificate) or its key \(key) cannot be read as PEM, or they do not belong together: \(error)"
            )
        }
    }
}

/// Looks for a new certificate until the service ends.
struct CertificateReloading: ServiceLifecycle.Service {
    let certificate: ServedCertificate
    let logger: Logger

    static let tick: Duration = .seconds(60)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { look(isAsked: true) }
                }
                group.addTask {
                    while !Task.isCancelled {
                        do { try await Task.sleep(for: Self.tick) } catch { return }
                        look(isAsked: false)
                    }
                }
            }
        }
    }

    private func look(isAsked: Bool) {
        do {
            if try certificate.reload() {
                logger.notice("New connections are shown a new certificate")
            } else if isAsked {
                logger.notice("The certificate is the one that is shown already")
            }
        } catch {
            logger.error(
                "The certificate's files changed and cannot be used; the one before is shown on. An administrator must act.",
                metadata: ["why": "\((error as? CommandFailure)?.message ?? "\(error)")"])
        }
    }
}
