import Broker
import Foundation
import HTTPTransport
import HTTPTypes
import NIOCore
import OAuth
import Testing

@Suite struct ExchangeTests {
    @Test("a request arrives as it was meant, and the answer comes back whole")
    func wire() async throws {
        let server = try await RawServer.start(
            answer: RawServer.answering("201 Created", fields: ["X-Answer: yes", "Set-Cookie: a=b"], body: "{\"a\":1}"))
        let exchange = try VettedExchange(policy: .development, resolver: StubResolver(["127.0.0.1"]))
        var fields: HTTPFields = [.authorization: "Basic abc", .accept: "application/json"]
        fields[.contentType] = "application/x-www-form-urlencoded"
        let response = try await exchange.send(
            request(server.url("/a%2Fb?c=%20d&e[]=f", host: "as.example.com"), fields: fields, body: "x=1&y=%C3%BC"),
            within: .seconds(20))

        #expect(response.status == 201)
        #expect(response.body == Array("{\"a\":1}".utf8))
        #expect(response.headerFields[HTTPField.Name("X-Answer")!] == "yes")
        let text = try #require(server.requests.first)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.first == "POST /a%2Fb?c=%20d&e%5B%5D=f HTTP/1.1")
        #expect(lines.last == "x=1&y=%C3%BC")
        let head = lines.dropFirst().dropLast(2).map { $0.lowercased() }.sorted()
        #expect(
            head == [
                "accept-encoding: identity", "accept: application/json", "authorization: basic abc",
                "connection: close", "content-length: 12", "content-type: application/x-www-form-urlencoded",
                "host: as.example.com:\(server.port)", "user-agent: credence",
            ])
    }

    @Test("a GET has no body and no length")
    func get() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let exchange = try VettedExchange(policy: .development)
        _ = try await exchange.send(request(server.url("/x"), method: .get), within: .seconds(20))
        #expect(server.requests.first?.hasPrefix("GET /x HTTP/1.1\r\n") == true)
        #expect(server.requests.first?.lowercased().contains("content-length") == false)
    }

    @Test("N16: fields that belong to the transport cannot be set from outside, and cookies are never kept")
    func ownFields() async throws {
        let server = try await RawServer.start(
            answer: RawServer.answering("200 OK", fields: ["Set-Cookie: session=1", "Set-Cookie: b=2"]))
        let exchange = try VettedExchange(policy: .development)
        let fields: HTTPFields = [
            .cookie: "a=b", .acceptEncoding: "gzip", .connection: "keep-alive", .contentLength: "3",
            .userAgent: "profile/1", HTTPField.Name("Host")!: "evil.example",
        ]
        for _ in 0..<2 {
            let response = try await exchange.send(request(server.url(), fields: fields), within: .seconds(20))
            #expect(response.headerFields[.setCookie] == nil)
        }
        for text in server.requests.map({ $0.lowercased() }) {
            #expect(!text.contains("cookie") && !text.contains("gzip") && !text.contains("keep-alive"))
            #expect(!text.contains("evil.example"))
            #expect(text.contains("\r\nuser-agent: profile/1\r\n") && text.contains("\r\ncontent-length: 15\r\n"))
        }
        // Nor is a connection used twice (N6).
        #expect(server.connections == 2)
    }

    @Test("N3: a redirect is given back and not followed", arguments: [301, 302, 303, 307, 308])
    func redirect(status: Int) async throws {
        let other = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let server = try await RawServer.start(
            answer: RawServer.answering("\(status) Moved", fields: ["Location: \(other.url())"], body: ""))
        let result = try await exchange(server.url())
        #expect(result.response?.status == status)
        #expect(result.response?.headerFields[.location] == other.url())
        #expect(other.connections == 0 && server.requests.count == 1)
    }

    @Test("N4: a server that is not there is a failed connection, and nothing was sent")
    func refused() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        try await server.stop()
        expect(try await exchange(server.url()), failsWith: .connectionFailed, mayHaveArrived: false)
    }

    @Test("N6: a connection that dies after the request is not tried again")
    func dying() async throws {
        let server = try await RawServer.start(answer: { $0.close(promise: nil) })
        expect(try await exchange(server.url()), failsWith: .interrupted, mayHaveArrived: true)
        #expect(server.requests.count == 1 && server.connections == 1)
    }

    @Test(
        "N6: an answer that is cut short or is not HTTP is an interruption, never an answer",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"a\"}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}", "",
        ])
    func cut(answer: String) async throws {
        let server = try await RawServer.start(answer: RawServer.writing(answer))
        expect(try await exchange(server.url()), failsWith: .interrupted, mayHaveArrived: true)
        #expect(server.requests.count == 1)
    }

    @Test("an answer without a length ends with the connection")
    func closeDelimited() async throws {
        let server = try await RawServer.start(answer: RawServer.writing("HTTP/1.1 200 OK\r\n\r\n{}"))
        #expect(try await exchange(server.url()).response?.body == Array("{}".utf8))
    }

    @Test("an exchange whose caller leaves is an interruption")
    func cancelled() async throws {
        let server = try await RawServer.start(answer: { _ in })
        let url = server.url()
        let call = Task { try await exchange(url) }
        await server.firstRequest()
        call.cancel()
        expect(try await call.value, failsWith: .interrupted, mayHaveArrived: true)
        await server.firstClose()
    }

    @Test("many exchanges at once each get their own answer")
    func many() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let url = server.url()
        let answers = try await withThrowingTaskGroup { group in
            for _ in 0..<100 { group.addTask { try await exchange(url).response?.status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: 200, count: 100))
        #expect(server.connections == 100)
    }

    @Test("a failure tells neither query nor header fields nor bodies")
    func canary() async throws {
        let scripts: [RawServer.Script] = [
            { $0.close(promise: nil) }, RawServer.writing("canary"), RawServer.writing("HTTP/1.1 200 canary"),
            RawServer.answering("200 OK", fields: ["Content-Encoding: canary"], body: "canary"),
            RawServer.writing("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX: canary\r\n\r\ncanary"),
        ]
        for script in scripts {
            let server = try await RawServer.start(answer: script)
            let result = try await exchange(server.url("/token?code=canary"))
            #expect(result.failure != nil && !"\(result)".contains("canary"), "\(result)")
        }
        let refused = try await exchange("https://as.example.com:1/token?code=canary", policy: .default)
        #expect(refused.failure != nil && !"\(refused)".contains("canary"), "\(refused)")
    }

    @Test("N4: proxy variables of the environment do not count")
    func proxy() async {
        await #expect(processExitsWith: .success) {
            let proxy = try await RawServer.start(answer: RawServer.answering("200 OK", body: "proxy"))
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:\(proxy.port)", 1)
            }
            let server = try await RawServer.start(answer: RawServer.answering("200 OK", body: "server"))
            let result = try await exchange(server.url())
            #expect(result.response?.body == Array("server".utf8))
            #expect(proxy.connections == 0)
        }
    }
}
