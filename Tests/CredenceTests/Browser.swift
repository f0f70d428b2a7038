import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A browser as far as a consent needs one: it keeps cookies, and sends forms with their origin.
actor Browser {
    private var cookies: [String: String] = [:]

    struct Page: Sendable {
        let status: Int
        let location: String?
        let text: String

        func hidden(_ name: String) -> String? {
            guard let start = text.firstRange(of: "name=\"\(name)\" value=\"") else { return nil }
            return String(text[start.upperBound...].prefix { $0 != "\"" })
        }
    }

    func get(_ url: String) async throws -> Page { try await send(.GET, url) }

    func post(_ url: String, form: String) async throws -> Page {
        let origin = url.split(separator: "/", maxSplits: 3).prefix(2).joined(separator: "//")
        return try await send(.POST, url, body: form, headers: [("Origin", origin), ("Sec-Fetch-Site", "same-origin")])
    }

    private func send(
        _ method: HTTPMethod, _ url: String, body: String? = nil, headers: [(String, String)] = []
    ) async throws -> Page {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(contentsOf: HTTPHeaders(headers))
        if !cookies.isEmpty {
            request.headers.add(name: "Cookie", value: cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
        }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await Wire.client.execute(request, timeout: .seconds(30))
        for set in response.headers["Set-Cookie"] {
            let pair = set.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map(String.init)
            if pair.count == 2 { cookies[pair[0]] = pair[1] }
        }
        return Page(
            status: Int(response.status.code), location: response.headers.first(name: "Location"),
            text: String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
}

/// Plain calls of the API.
enum Wire {
    /// Follows nothing, so that every step is seen.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let text: String
    }

    static func call(
        _ method: HTTPMethod, _ url: String, key: String? = nil, body: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(60))
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            text: String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
}
