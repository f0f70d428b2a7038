/// What grants and authorization requests have in common.
extension Parameters {
    /// `scope` (RFC 6749 §3.3); an empty one is left out.
    mutating func append(scope: [String], separator: String) {
        if !scope.isEmpty { append("scope", scope.joined(separator: separator)) }
    }

    /// `resource`, once for each (RFC 8707 §2).
    mutating func append(resource: [String]) { for url in resource { append("resource", url) } }
}
