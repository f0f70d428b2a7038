internal import AsyncHTTPClient
internal import Broker
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

extension PinnedClient {
    /// Sorts what AsyncHTTPClient, NIO and BoringSSL throw. Before the connection stood, the request was not sent
    /// and the error says why there was no connection; afterwards the answer was cut short, whatever the error.
    func failure(_ error: any Error, progress: Progress) -> ExchangeFailure {
        if let failure = error as? ExchangeFailure { return failure }
        let detail = "\(destination.hostInURL) (\(address) port \(destination.port)): \(Self.summary(of: error))"
        let code: ExchangeFailure.Code =
            if error is UnvettedPeer {
                .addressRefused
            } else if progress.mayHaveArrived || error is CancellationError {
                .interrupted
            } else if Self.isTimeout(error) {
                .timedOut
            } else if destination.isSecure, !(error is IOError) {
                .tlsFailed
            } else {
                .connectionFailed
            }
        return ExchangeFailure(code, detail: detail, mayHaveArrived: progress.mayHaveArrived)
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        guard let error = error as? HTTPClientError else { return false }
        return [.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout].contains(error)
    }

    /// Only texts that cannot hold what was sent or received: the whole description of an `HTTPClientError`
    /// would, for a header field it refuses.
    private static func summary(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case let error as IOError: error.description
        // The second is an alert that came after the handshake: in TLS 1.3 a server judges the client's certificate
        // when the client is done already (RFC 8446 §4.4.2.4).
        case is NIOSSLError, is BoringSSLError: "TLS: \(reason(in: "\(error)"))"
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            "TLS: the certificate is for another host"
        case let error as HTTPParserError: "the answer is not HTTP/1.1 (\(error))"
        default: "\(type(of: error))"
        }
    }

    /// BoringSSL's own word for it, such as `CERTIFICATE_VERIFY_FAILED`, out of a description full of source lines.
    private static func reason(in description: String) -> String {
        let words = description.split { !($0.isUppercase || $0.isNumber || $0 == "_") }
        return words.filter { $0.contains("_") && $0 != "OPENSSL_" }.max { $0.count < $1.count }.map(String.init)
            ?? String(description.prefix(80))
    }
}
