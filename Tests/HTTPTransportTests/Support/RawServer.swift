import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server on loopback that writes exactly the bytes it is told to, so that it can lie.
final class RawServer: Sendable {
    typealias Script = @Sendable (any Channel) -> Void

    let port: Int
    private let listener: any Channel
    private let record: Record

    /// What the server saw.
    final class Record: Sendable {
        struct State {
            var connections = 0
            var requests: [String] = []
            var bytesWritten = 0
        }

        let state = Mutex(State())
        let requestArrived = AsyncStream<Void>.makeStream()
        let connectionClosed = AsyncStream<Void>.makeStream()
    }

    var connections: Int { record.state.withLock { $0.connections } }
    /// The requests in full, as they came.
    var requests: [String] { record.state.withLock { $0.requests } }

    /// - Parameter script: is run when a request has come in full.
    static func start(
        at address: String = "127.0.0.1", port: Int = 0, tls: NIOSSLContext? = nil, answer script: @escaping Script
    ) async throws -> RawServer {
        let record = Record()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                record.state.withLock { $0.connections += 1 }
                channel.closeFuture.whenComplete { _ in record.connectionClosed.continuation.yield() }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(RequestReader(record: record, script: script))
                }
            }
            .bind(host: address, port: port).get()
        return RawServer(listener: listener, record: record)
    }

    private init(listener: any Channel, record: Record) {
        self.listener = listener
        self.record = record
        port = listener.localAddress!.port!
    }

    func url(_ target: String = "/token", scheme: String = "http", host: String = "127.0.0.1") -> String {
        "\(scheme)://\(host):\(port)\(target)"
    }

    func firstRequest() async { for await _ in record.requestArrived.stream { return } }

    /// Ends when a client's connection has closed, however it did.
    func firstClose() async { for await _ in record.connectionClosed.stream { return } }

    func stop() async throws { try await listener.close() }
}

/// Collects one request, then runs the script.
private final class RequestReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let record: RawServer.Record
    private let script: RawServer.Script
    private var received = ""

    init(record: RawServer.Record, script: @escaping RawServer.Script) {
        self.record = record
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard isComplete else { return }
        record.state.withLock { $0.requests.append(received) }
        received = ""
        record.requestArrived.continuation.yield()
        script(context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private var isComplete: Bool {
        let lines = received.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: "") else { return false }
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last!) }
        return lines[(end + 1)...].joined(separator: "\r\n").utf8.count >= length ?? 0
    }
}

extension RawServer {
    /// Writes the bytes and closes.
    static func writing(_ text: String) -> Script {
        { channel in channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) } }
    }

    /// A complete, honest answer.
    static func answering(_ status: String, fields: [String] = [], body: String = "{}") -> Script {
        let head = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
        return writing(head.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Writes the head, then one byte every 20 ms, for ever.
    static func dripping(_ head: String) -> Script {
        { channel in
            channel.writeAndFlush(ByteBuffer(string: head), promise: nil)
            let drip = channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { _ in
                channel.writeAndFlush(ByteBuffer(string: "a"), promise: nil)
            }
            channel.closeFuture.whenComplete { _ in drip.cancel() }
        }
    }

    /// Writes the head, then 100 MB as fast as the client takes them.
    /// - Parameter written: counts the bytes the client's side has taken.
    static func flooding(_ head: String, written: Counter) -> Script {
        { channel in
            channel.writeAndFlush(ByteBuffer(string: head), promise: nil)
            flood(channel, written: written)
        }
    }

    private static func flood(_ channel: any Channel, written: Counter) {
        guard written.value < 100_000_000 else { return channel.close(promise: nil) }
        let block = ByteBuffer(repeating: UInt8(ascii: "a"), count: 1 << 16)
        channel.writeAndFlush(block).whenSuccess {
            written.add(block.readableBytes)
            flood(channel, written: written)
        }
    }
}

final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add(_ amount: Int = 1) { count.add(amount, ordering: .sequentiallyConsistent) }
}
