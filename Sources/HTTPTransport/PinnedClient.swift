internal import AsyncHTTPClient
internal import Broker
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import OAuth

/// One request on one fresh connection to one vetted address.
///
/// A client of its own for each exchange, and no connection used twice. AsyncHTTPClient pins an address per client
/// only (`dnsOverride`), and a pooled connection may die under a POST, leaving open whether a refresh token was
/// used up (N6). With a fresh one a failure before the request is known to be harmless. A client costs
/// 43 µs; the handshake is paid once per token request, which is once per credential lifetime.
struct PinnedClient: Sendable {
    let destination: Destination
    let address: IPAddress
    let tls: TLSConfiguration

    /// - Parameters:
    ///   - connecting: how long the connection, TLS included, may take.
    ///   - progress: is asked before the request leaves.
    func send(
        _ request: EndpointRequest, connecting: Duration, progress: Progress
    ) async throws(ExchangeFailure) -> EndpointResponse {
        let client = HTTPClient(configuration: configuration(connecting: connecting, progress: progress))
        // Not awaited: closing waits for the peer's goodbye, and the answer does not depend on it.
        defer { client.shutdown(queue: .global()) { _ in } }
        do {
            let head = try await client.execute(prepared(request), deadline: .distantFuture)
            return try await answer(from: head)
        } catch {
            throw failure(error, progress: progress)
        }
    }

    private func configuration(connecting: Duration, progress: Progress) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, proxy: nil, decompression: .disabled)
        configuration.timeout.connect = TimeAmount(connecting)
        // Otherwise it dials again until the time is up.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.maximumUsesPerConnection = 1
        configuration.httpVersion = .http1Only
        // A span would carry the URL with its query.
        configuration.tracing.tracer = nil
        if case .name(let name) = destination.host { configuration.dnsOverride = [name: "\(address)"] }
        // Called when the connection stands (with TLS) and before a byte of the request is written.
        configuration.http1_1ConnectionDebugInitializer = { [address, port = destination.port] channel in
            guard let peer = channel.remoteAddress, peer.port == port,
                peer.ipAddress.flatMap({ IPAddress($0) }) == address
            else { return channel.close().flatMapThrowing { throw UnvettedPeer() } }
            guard progress.requestLeaves() else { return channel.close().flatMapThrowing { throw CancellationError() } }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return configuration
    }

    private func prepared(_ request: EndpointRequest) -> HTTPClientRequest {
        var prepared = HTTPClientRequest(url: destination.url)
        prepared.method = HTTPMethod(rawValue: request.method.rawValue)
        for field in request.headerFields where !Self.ownFields.contains(field.name.canonicalName) {
            prepared.headers.add(name: field.name.rawName, value: field.value)
        }
        // What is not encoded cannot unfold to more than was received (N16).
        prepared.headers.add(name: "accept-encoding", value: "identity")
        prepared.headers.add(name: "connection", value: "close")
        // Some endpoints answer 403 to a request without one.
        if !prepared.headers.contains(name: "user-agent") {
            prepared.headers.add(name: "user-agent", value: "credence")
        }
        if !request.body.isEmpty { prepared.body = .bytes(ByteBuffer(bytes: request.body)) }
        return prepared
    }

    /// Fields that belong to the transport, whatever a profile says.
    private static let ownFields: Set<String> = [
        "accept-encoding", "connection", "content-length", "cookie", "host", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]
}

/// The connection leads somewhere else than was vetted.
struct UnvettedPeer: Error {}
