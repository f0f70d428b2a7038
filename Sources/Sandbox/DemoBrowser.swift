import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import OAuth

/// As much of a browser as a consent needs: cookies, redirects, forms, and the `Origin` that comes with them.
struct DemoBrowser {
    struct Page {
        let url: URL
        let status: Int
        let text: String

        var title: String {
            text.firstMatch(of: /<title>([^<]*)<\/title>/).map { String($0.1) } ?? "a page without a title"
        }
    }

    /// What one request of the way was, for people: addresses without the values in their queries.
    struct Hop: CustomStringConvertible {
        let method: HTTPMethod
        let url: URL
        let status: Int
        let title: String?

        var description: String {
            let path = url.path.split(separator: "/").map { $0.count > 16 ? "\($0.prefix(8))…" : String($0) }
            let what = "\(method.rawValue) \(origin(of: url))/\(path.joined(separator: "/"))"
            return title.map { "\(what): \(status), the page '\($0)'" } ?? "\(what): \(status), on to"
        }
    }

    let http: HTTPClient
    private(set) var hops: [Hop] = []
    /// By host, as browsers keep them: ports do not part them.
    private var cookies: [String: [String: String]] = [:]

    init(http: HTTPClient) {
        self.http = http
    }

    mutating func open(_ address: String) async throws -> Page {
        guard let url = URL(string: address) else { throw DemoProblem("'\(address)' is no address") }
        return try await go(.GET, to: url)
    }

    /// Sends the page's form: its hidden fields and what a person fills in or presses.
    mutating func submit(_ page: Page, _ filled: [(String, String)] = []) async throws -> Page {
        let tags = Self.tags(in: page.text)
        guard let form = tags.first(where: { $0.name == "form" }), form.attributes["method"] == "post",
            let target = URL(string: form.attributes["action"] ?? page.url.absoluteString, relativeTo: page.url)
        else { throw DemoProblem("the page '\(page.title)' has no form to send (status \(page.status))") }
        let hidden = tags.filter { $0.name == "input" && $0.attributes["type"] == "hidden" }
            .compactMap { input in input.attributes["name"].map { ($0, input.attributes["value"] ?? "") } }
        return try await go(.POST, to: target.absoluteURL, from: page, form: Parameters(hidden + filled))
    }

    // MARK: One way, with its redirects

    private mutating func go(
        _ method: HTTPMethod, to url: URL, from page: Page? = nil, form: Parameters? = nil
    ) async throws -> Page {
        var (method, url, page, form) = (method, url, page, form)
        for _ in 0..<10 {
            var request = HTTPClientRequest(url: url.absoluteString)
            request.method = method
            request.headers.add(name: "Accept", value: "text/html")
            if let page { request.headers.add(name: "Origin", value: origin(of: page.url)) }
            if let form {
                request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
                request.body = .bytes(ByteBuffer(string: form.formURLEncoded))
            }
            let jar = cookies[url.host ?? ""] ?? [:]
            if !jar.isEmpty {
                request.headers.add(name: "Cookie", value: jar.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
            }
            let response = try await http.execute(request, timeout: .seconds(30))
            keep(response.headers["Set-Cookie"], host: url.host ?? "")
            let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
            let status = Int(response.status.code)
            let location = response.headers.first(name: "Location").flatMap { URL(string: $0, relativeTo: url) }
            guard (300..<400).contains(status), let location else {
                let landed = Page(url: url, status: status, text: text)
                hops.append(Hop(method: method, url: url, status: status, title: landed.title))
                return landed
            }
            hops.append(Hop(method: method, url: url, status: status, title: nil))
            (method, url, page, form) = (.GET, location.absoluteURL, nil, nil)
        }
        throw DemoProblem("the browser was redirected ten times")
    }

    private mutating func keep(_ fields: [String], host: String) {
        for field in fields {
            let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { cookies[host, default: [:]][String(pair[0])] = String(pair[1]) }
        }
    }

    // MARK: Reading pages

    /// The opening tags of a page, in order; enough for pages that quote every value.
    private static func tags(in text: String) -> [(name: String, attributes: [String: String])] {
        text.matches(of: /<([a-z]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/).map { tag in
            let pairs = tag.2.matches(of: /([a-z-]+)="([^"]*)"/).map { (String($0.1), unescaped(String($0.2))) }
            return (String(tag.1), Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
        }
    }

    private static func unescaped(_ text: String) -> String {
        // The ampersand last, or it would make new ones.
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")].reduce(text) { text, entity in
            text.replacing(entity.0, with: entity.1)
        }
    }
}

/// Scheme, host and port (RFC 6454 §6.1).
func origin(of url: URL) -> String {
    "\(url.scheme ?? "")://\(url.host ?? "")" + (url.port.map { ":\($0)" } ?? "")
}
