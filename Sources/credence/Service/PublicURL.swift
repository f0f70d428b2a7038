import OAuth

/// Where browsers reach the service, in the one spelling that browsers use for an origin (RFC 6454 §6.2): what they say
/// of a form is compared to the letter.
enum PublicURL {
    static func normalized(_ text: String, isDevelopment: Bool) throws -> String {
        guard let url = try? EndpointURL(text), url.path == "/", url.query == nil else {
            throw CommandFailure(
                .usage, "--public-url is scheme, host and port alone, such as https://credence.example.com.")
        }
        guard url.isSecure || isDevelopment else {
            throw CommandFailure(.usage, "--public-url must be an https URL (http only with --development).")
        }
        let host = url.host.contains(":") ? "[\(url.host)]" : url.host
        let port = url.port.flatMap { $0 == (url.isSecure ? 443 : 80) ? nil : ":\($0)" } ?? ""
        return "\(url.scheme)://\(host)\(port)"
    }
}
