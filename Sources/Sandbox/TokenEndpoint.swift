import ArgumentParser
import Hummingbird
import HummingbirdCore
import Logging
import Synchronization

/// `credence-sandbox token-endpoint`: the yardstick of `make bench-refresh`, an authorization server that approves
/// whatever it is asked and rotates every refresh token, and keeps nothing.
struct TokenEndpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run an authorization server that approves everything and keeps nothing.",
        discussion: "`make bench-refresh` measures refreshes against it.")

    @Option(help: "Port to listen on at 127.0.0.1; 0 for any that is free.")
    var port = 8092

    private final class Tokens: Sendable {
        private let next = Atomic(0)

        var response: String {
            let number = next.wrappingAdd(1, ordering: .relaxed).newValue
            return #"{"access_token":"access-\#(number)","token_type":"Bearer","expires_in":3600,"#
                + #""refresh_token":"refresh-\#(number)"}"#
        }
    }

    func run() async throws {
        let tokens = Tokens()
        let router = Router()
        router.get("authorize") { request, _ in
            let query = request.uri.queryParameters
            guard let back = query["redirect_uri"], let state = query["state"] else { throw HTTPError(.badRequest) }
            return Response(status: .found, headers: [.location: "\(back)?code=1&state=\(state)"])
        }
        router.post("token") { request, _ in
            _ = try await request.body.collect(upTo: 1 << 16)
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: .init(string: tokens.response)))
        }
        var logger = Logger(label: "token-endpoint")
        logger.logLevel = .critical
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                announce("listening on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
            },
            logger: logger
        )
        try await application.runService()
    }
}
