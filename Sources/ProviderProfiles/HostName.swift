import OAuth

/// Where a credential belongs: a host, or a host and a port.
enum HostName {
    /// In lower case; nil for what is no host. A URL gives its host, and `*.` before a name its subdomains.
    static func normalized(_ text: String) -> String? {
        let isWildcard = text.hasPrefix("*.")
        let isURL = text.contains("://")
        guard !(isWildcard && isURL),
            let url = try? EndpointURL(isURL ? text : "https://\(isWildcard ? String(text.dropFirst(2)) : text)"),
            isURL || (url.path == "/" && !text.contains("/") && url.query == nil)
        else { return nil }
        let host = url.host.contains(":") ? "[\(url.host)]" : url.host
        return "\(isWildcard ? "*." : "")\(host)\(url.port.map { ":\($0)" } ?? "")"
    }

    /// The entries of a list set apart by commas.
    static func entries(_ list: String) -> [String] {
        list.split(separator: ",").map { entry in
            var entry = entry
            while entry.first == " " { entry.removeFirst() }
            while entry.last == " " { entry.removeLast() }
            return String(entry)
        }.filter { !$0.isEmpty }
    }
}
