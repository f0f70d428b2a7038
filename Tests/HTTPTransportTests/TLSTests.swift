import Broker
import Foundation
import HTTPTransport
import NIOCore
import NIOSSL
import OAuth
import Synchronization
import Testing

@Suite struct TLSTests {
    private let authority: TestAuthority
    private let unverified = "CERTIFICATE_VERIFY_FAILED"

    init() throws { authority = try TestAuthority() }

    /// Calls `as.example.com` at a server with that certificate.
    private func call(
        _ context: NIOSSLContext, trusting: Bool = true, answer: @escaping RawServer.Script
    ) async throws -> (result: Result<EndpointResponse, ExchangeFailure>, requests: [String]) {
        let server = try await RawServer.start(tls: context, answer: answer)
        let url = server.url(scheme: "https", host: "as.example.com")
        let result = try await authority.withRootFile { path in
            try await exchange(url, trustRoots: trusting ? path : nil)
        }
        return (result, server.requests)
    }

    private func refuses(_ context: NIOSSLContext, trusting: Bool = true, because reason: String) async throws {
        let (result, requests) = try await call(context, trusting: trusting, answer: RawServer.answering("200 OK"))
        expect(result, failsWith: .tlsFailed, mayHaveArrived: false)
        #expect(result.failure?.detail.hasSuffix("TLS: \(reason)") == true, "\(result)")
        #expect(requests.isEmpty)
    }

    @Test("N5: a certificate of a private authority is accepted for its host, and the name goes into the handshake")
    func accepted() async throws {
        let names = Mutex<[String?]>([])
        let context = try authority.server(for: "as.example.com") { configuration in
            configuration.sslContextCallback = { values, promise in
                names.withLock { $0.append(values.serverHostname) }
                promise.succeed(.noChanges)
            }
        }
        let (result, requests) = try await call(context, answer: RawServer.answering("200 OK"))
        #expect(result.response?.status == 200, "\(result)")
        #expect(requests.first?.contains("host: as.example.com:") == true)
        #expect(names.withLock { $0 } == ["as.example.com"])
    }

    @Test("N5: an expired certificate is refused")
    func expired() async throws {
        try await refuses(authority.server(for: "as.example.com", validity: -7200 ... -3600), because: unverified)
    }

    @Test("N5: a certificate that is not valid yet is refused")
    func future() async throws {
        try await refuses(authority.server(for: "as.example.com", validity: 3600...7200), because: unverified)
    }

    @Test("N5: a self-signed certificate is refused")
    func selfSigned() async throws {
        try await refuses(authority.server(for: "as.example.com", isSelfSigned: true), because: unverified)
    }

    @Test("N5: a certificate for another host is refused")
    func wrongHost() async throws {
        try await refuses(
            authority.server(for: "other.example.com"), because: "the certificate is for another host")
    }

    @Test("N5: a private authority that is not configured is refused")
    func untrusted() async throws {
        try await refuses(authority.server(for: "as.example.com"), trusting: false, because: unverified)
    }

    @Test("N5: TLS 1.1 is refused")
    func oldVersion() async throws {
        let context = try authority.server(for: "as.example.com") { configuration in
            configuration.minimumTLSVersion = .tlsv1
            configuration.maximumTLSVersion = .tlsv11
        }
        try await refuses(context, because: "TLSV1_ALERT_PROTOCOL_VERSION")
    }

    @Test("N5: TLS 1.2 is accepted")
    func oldestVersion() async throws {
        let context = try authority.server(for: "as.example.com") { $0.maximumTLSVersion = .tlsv12 }
        #expect(try await call(context, answer: RawServer.answering("200 OK")).result.response?.status == 200)
    }

    @Test("N5: a server that speaks no TLS is refused, and sees nothing of the request")
    func plain() async throws {
        let server = try await RawServer.start(answer: RawServer.writing("HTTP/1.1 400 Bad Request\r\n\r\n"))
        let result = try await exchange(server.url(scheme: "https", host: "as.example.com"), within: .seconds(1))
        #expect(result.failure?.mayHaveArrived == false)
        #expect(!server.requests.joined().contains("grant_type"))
    }

    @Test("N6: an answer without a length that ends without TLS's goodbye is cut short")
    func truncated() async throws {
        let context = try authority.server(for: "as.example.com")
        let (result, requests) = try await call(context) { channel in
            let start = ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"a")
            channel.writeAndFlush(start).whenComplete { _ in
                // Past the TLS handler: the socket closes, the goodbye is never written.
                channel.pipeline.context(handlerType: NIOSSLServerHandler.self).whenSuccess { $0.close(promise: nil) }
            }
        }
        expect(result, failsWith: .interrupted, mayHaveArrived: true)
        #expect(requests.count == 1)
    }

    @Test("a file without certificates, and one that is not there, are refused at the start")
    func badRoots() throws {
        #expect(throws: (any Error).self) {
            try VettedExchange(policy: .default, additionalTrustRoots: "/nonexistent/roots.pem")
        }
        #expect(throws: (any Error).self) {
            try VettedExchange(policy: .default, additionalTrustRoots: "/dev/null")
        }
    }
}
