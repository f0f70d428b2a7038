import Broker
import HTTPTransport
import NIOCore
import OAuth
import Testing

@Suite struct BoundsTests {
    @Test("N14: a body of 100 MB is broken off at 1 MiB", arguments: ["", "Transfer-Encoding: chunked\r\n"])
    func flood(field: String) async throws {
        let written = Counter()
        let chunk = field.isEmpty ? "" : "ffffffff\r\n"
        let server = try await RawServer.start(
            answer: RawServer.flooding("HTTP/1.1 200 OK\r\n\(field)\r\n\(chunk)", written: written))
        expect(try await exchange(server.url()), failsWith: .tooLarge, mayHaveArrived: true)
        await server.firstClose()
        // What lies in the sockets' buffers counts as taken.
        #expect(written.value < 32_000_000)
    }

    @Test("N14: a body announced as too large is not read")
    func announced() async throws {
        let server = try await RawServer.start { channel in
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"
            channel.writeAndFlush(ByteBuffer(string: head), promise: nil)
        }
        expect(try await exchange(server.url()), failsWith: .tooLarge, mayHaveArrived: true)
        await server.firstClose()
    }

    @Test("N14: a length that lies low cuts the answer where it said")
    func lyingLow() async throws {
        let written = Counter()
        let server = try await RawServer.start(
            answer: RawServer.flooding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", written: written))
        let result = try await exchange(server.url())
        #expect(result.response?.body.count ?? 2 == 2, "\(result)")
        await server.firstClose()
        #expect(written.value < 32_000_000)
    }

    @Test("N14: 1 MiB is accepted, one byte more is not", arguments: [0, 1])
    func limit(excess: Int) async throws {
        let body = String(repeating: "a", count: 1 << 20 + excess)
        let server = try await RawServer.start(answer: RawServer.writing("HTTP/1.1 200 OK\r\n\r\n\(body)"))
        let result = try await exchange(server.url())
        #expect(result.response?.body.count == (excess == 0 ? 1 << 20 : nil))
        #expect(result.failure?.code == (excess == 0 ? nil : .tooLarge))
    }

    @Test("N14: a head without end is broken off")
    func endlessHead() async throws {
        let written = Counter()
        let server = try await RawServer.start(answer: RawServer.flooding("HTTP/1.1 200 OK\r\nX: ", written: written))
        expect(try await exchange(server.url()), failsWith: .interrupted, mayHaveArrived: true)
        await server.firstClose()
        #expect(written.value < 32_000_000)
    }

    @Test(
        "N15: an answer that drips ends at the deadline",
        arguments: [
            "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 200 OK\r\nX: ",
            "HTTP/1.1 200 ", "",
        ])
    func drip(head: String) async throws {
        let server = try await RawServer.start(answer: RawServer.dripping(head))
        let code = try await arrived(at: server).code
        // A drip that is no HTTP is found out before.
        #expect(code == .timedOut || head.isEmpty && code == .interrupted, "\(code)")
        await server.firstClose()
    }

    @Test("N15: a server that never answers ends at the deadline")
    func silent() async throws {
        let server = try await RawServer.start(answer: { _ in })
        #expect(try await arrived(at: server).code == .timedOut)
        await server.firstClose()
    }

    /// How an exchange fails whose request arrived: a busy machine may need more time than the first deadline to get it
    /// there, and a request that did not arrive says nothing of the answer.
    private func arrived(at server: RawServer) async throws -> ExchangeFailure {
        var deadline = Duration.seconds(2)
        while true {
            var result: Result<EndpointResponse, ExchangeFailure>?
            let time = try await ContinuousClock().measure {
                result = try await exchange(server.url(), within: deadline)
            }
            let failure = try #require(result?.failure)
            #expect(time < deadline + .seconds(15))
            if failure.mayHaveArrived { return failure }
            #expect(failure.code == .timedOut)
            #expect(server.requests.isEmpty, "a request arrived, and the failure denies it")
            try #require(deadline < .seconds(60), "no request arrived within a minute")
            deadline *= 2
        }
    }

    @Test("N15: a handshake that is never answered ends at the deadline, and nothing was sent")
    func silentHandshake() async throws {
        let server = try await RawServer.start(answer: { _ in })
        expect(
            try await exchange(server.url(scheme: "https"), within: .seconds(1)),
            failsWith: .timedOut, mayHaveArrived: false)
        await server.firstClose()
    }

    @Test("N15: a name server that never answers ends at the deadline, and nothing was sent")
    func silentResolver() async throws {
        let result = try await exchange(
            "https://as.example.com/", resolver: SilentResolver(), within: .seconds(1))
        expect(result, failsWith: .timedOut, mayHaveArrived: false)
    }

    @Test("N15: no time is no exchange", arguments: [Duration.zero, .seconds(-1)])
    func noTime(deadline: Duration) async throws {
        let result = try await exchange("https://as.example.com/", resolver: SilentResolver(), within: deadline)
        expect(result, failsWith: .timedOut, mayHaveArrived: false)
    }

    @Test(
        "N16: an encoded answer is refused unread",
        arguments: [
            "Content-Encoding: gzip", "Content-Encoding: br", "content-encoding: identity, gzip",
            "Content-Encoding: deflate\r\nContent-Encoding: gzip", "Transfer-Encoding: gzip, chunked",
        ])
    func encoded(field: String) async throws {
        let server = try await RawServer.start { channel in
            channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\(field)\r\n\r\n"), promise: nil)
        }
        expect(try await exchange(server.url()), failsWith: .encoded, mayHaveArrived: true)
        await server.firstClose()
    }

    @Test("N16: identity is no encoding", arguments: ["identity", "Identity", ""])
    func identity(coding: String) async throws {
        let server = try await RawServer.start(
            answer: RawServer.answering("200 OK", fields: ["Content-Encoding: \(coding)"]))
        #expect(try await exchange(server.url()).response?.status == 200)
    }
}
