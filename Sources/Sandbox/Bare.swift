import ArgumentParser
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// `credence-sandbox bare`: the yardstick of the benchmark, a route that does nothing.
struct Bare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a bare route, GET /bare, that answers a constant body.",
        discussion: "`make bench` measures the credential call against it.")

    @Option(help: "Port to listen on at 127.0.0.1; 0 for any that is free.")
    var port = 8091

    @Option(help: "How long the body is.")
    var bytes = 300

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be between 0 and 65535.") }
        guard bytes >= 2 else { throw ValidationError("--bytes must be 2 or more, the length of an empty JSON text.") }
    }

    func run() async throws {
        let body = ByteBuffer(string: "\"" + String(repeating: "x", count: bytes - 2) + "\"")
        let router = Router()
        router.get("bare") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
        }
        var logger = Logger(label: "bare")
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
