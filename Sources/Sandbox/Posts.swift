import ArgumentParser
import AsyncHTTPClient
import Broker
import Foundation
import HTTPTransport
import HTTPTypes
import NIOCore
import NIOHTTP1
import OAuth
import Synchronization

/// `credence-sandbox posts`: sends the same POST again and again, and says how many were answered a second.
struct Posts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a POST again and again, and count the answers.",
        discussion: "`make bench-refresh` measures refreshes with it, and what they are held against.")

    @Option(help: "Where to; {n} in it counts from 0 up to --count.")
    var url: String

    @Option(help: "How many addresses there are.")
    var count = 1

    @Option(help: "How many requests are under way at once.")
    var concurrency = 32

    @Option(help: "For how long.")
    var seconds = 4

    @Flag(help: "Send with Credence's own transport: a vetted address and a fresh connection each.")
    var vetted = false

    @Option(help: "The body, a form; without one it is {}.")
    var form: String?

    @Option(help: "A file with the value of the Authorization header.")
    var authorizationFile: String?

    func run() async throws {
        let authorization = try authorizationFile.map {
            try String(contentsOfFile: $0, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let body = ByteBuffer(string: form ?? "{}")
        let type = form == nil ? "application/json" : "application/x-www-form-urlencoded"
        let exchange = try VettedExchange(policy: .development)
        let numbers = Numbers()
        let end = ContinuousClock.now + .seconds(seconds)
        let begun = ContinuousClock.now
        let (answered, failed) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for _ in 0..<concurrency {
                group.addTask { [url, count, vetted] in
                    var (answered, failed) = (0, 0)
                    while ContinuousClock.now < end {
                        let number = numbers.next() % count
                        let url = url.replacingOccurrences(of: "{n}", with: "\(number)")
                        let status =
                            vetted
                            ? try await exchange.status(of: url, type, Array(buffer: body))
                            : try await Self.status(of: url, type, body, authorization)
                        if status == 200 { answered += 1 } else { failed += 1 }
                    }
                    return (answered, failed)
                }
            }
            return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
        }
        let rate = Double(answered) / ((ContinuousClock.now - begun) / .seconds(1))
        announce(#"{"answered":\#(answered),"failed":\#(failed),"rate":\#(rate)}"#)
    }

    private static func status(
        of url: String, _ type: String, _ body: ByteBuffer, _ authorization: String?
    ) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: type)
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        request.body = .bytes(body)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        _ = try await response.body.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }
}

private final class Numbers: Sendable {
    private let count = Atomic(0)

    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}

extension VettedExchange {
    fileprivate func status(of url: String, _ type: String, _ body: [UInt8]) async throws -> Int {
        let request = EndpointRequest(
            method: .post, url: try EndpointURL(url), headerFields: [.contentType: type], body: body)
        return try await send(request, within: .seconds(30)).status
    }
}
