extension EndpointURL {
    /// Scheme, host and, where one is written, port: what the path begins after.
    var root: String { String(description.dropLast(path.count)) }

    /// RFC 6454 §5.
    func isSameOrigin(as other: EndpointURL) -> Bool {
        let usual = isSecure ? 443 : 80
        return scheme == other.scheme && host == other.host && (port ?? usual) == (other.port ?? usual)
    }
}
