import BrokerTesting
import OAuth
import Testing

@testable import Broker

/// The two documents of an issuer: RFC 8414's and OpenID Connect's.
@Suite("Published metadata")
struct PublishedMetadataTests {
    private let exchange = ScriptedExchange()
    private let clock = ManualClock()
    private let issuer = "https://as.example"
    private let metadata: PublishedMetadata

    init() {
        metadata = PublishedMetadata(exchange: exchange, clock: clock, allowHTTP: false)
    }

    private func publish(_ name: String, _ members: String, status: Int = 200, times: Int? = 1) {
        exchange.expect(
            .json(
                #"{"issuer":"https://as.example","token_endpoint":"https://as.example/\#(name)/token"\#(members)}"#,
                status: status), times: times
        ) { $0.url.path == "/.well-known/\(name)" }
    }

    @Test("OpenID Connect Discovery defines no revocation and introspection: the other document names them")
    func supplemented() async throws {
        publish("openid-configuration", #","jwks_uri":"https://as.example/jwks""#)
        publish(
            "oauth-authorization-server",
            #","revocation_endpoint":"https://as.example/revoke","introspection_endpoint":"https://as.example/look""#)
        let server = try await metadata.server(issuer, prefersOpenID: true)
        #expect(server.revocationEndpoint?.path == "/revoke")
        #expect(server.introspectionEndpoint?.path == "/look")
        #expect(server.jwksURI?.path == "/jwks")
        #expect(server.tokenEndpoint?.path == "/openid-configuration/token", "what leads is what the first one says")
        exchange.verifyAllUsed()
    }

    @Test("Another document that is not there, or not the issuer's, changes nothing", arguments: [404, 200])
    func alone(status: Int) async throws {
        publish("openid-configuration", #","jwks_uri":"https://as.example/jwks""#)
        exchange.expect(
            .json(#"{"issuer":"https://evil.example","revocation_endpoint":"https://evil.example/r"}"#, status: status)
        ) { $0.url.path == "/.well-known/oauth-authorization-server" }
        let server = try await metadata.server(issuer, prefersOpenID: true)
        #expect(server.revocationEndpoint == nil)
        #expect(server.jwksURI?.path == "/jwks")
    }

    @Test("A document that names both is enough")
    func enough() async throws {
        publish(
            "openid-configuration",
            #","revocation_endpoint":"https://as.example/revoke","introspection_endpoint":"https://as.example/look""#)
        _ = try await metadata.server(issuer, prefersOpenID: true)
        #expect(exchange.requests.count == 1)
    }

    @Test("Who asks without OpenID does not decide for those who ask with it; each is kept for an hour")
    func apart() async throws {
        publish("oauth-authorization-server", "", times: nil)
        publish("openid-configuration", #","jwks_uri":"https://as.example/jwks""#, times: nil)
        #expect(try await metadata.server(issuer, prefersOpenID: false).jwksURI == nil)
        #expect(try await metadata.server(issuer, prefersOpenID: true).jwksURI?.path == "/jwks")
        let sent = exchange.requests.count
        _ = try await metadata.server(issuer, prefersOpenID: false)
        _ = try await metadata.server(issuer, prefersOpenID: true)
        #expect(exchange.requests.count == sent)
        clock.advance(by: .seconds(3601))
        _ = try await metadata.server(issuer, prefersOpenID: false)
        #expect(exchange.requests.count == sent + 1)
    }
}
