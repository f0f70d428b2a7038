import Broker
import NIOSSL
import OAuth
import Testing

@testable import HTTPTransport

/// Pins a client to one address and gives it a URL that names another: what a slip in pinning would look like.
enum PeerCheck {
    static func run() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let destination = Destination(
            isSecure: false, host: .address(IPAddress("127.0.0.1")!), port: server.port, target: "/")
        let client = PinnedClient(
            destination: destination, address: IPAddress("127.0.0.2")!, tls: .makeClientConfiguration())
        let request = try request(server.url())
        await #expect(throws: ExchangeFailure(.addressRefused, detail: "", mayHaveArrived: false)) {
            try await client.send(request, connecting: .seconds(10), progress: Progress())
        }
        #expect(server.requests.isEmpty)
    }
}
