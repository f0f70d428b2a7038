import Foundation

/// How a credential is put into a request: headers and query, ready to use.
public struct Apply: Sendable {
    let headers: [(name: Template, value: Template)]
    let query: [(name: Template, value: Template)]
    /// The profile's fields, for the holes that are not secret.
    let fields: [String: String]

    public struct Rendered: Sendable {
        public let headers: [(String, String)]
        public let query: [(String, String)]
    }

    public struct Refused: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The holes that hold secrets.
    static let secretHoles: Set<String> = ["access_token", "token_type", "api_key", "username", "password", "basic"]

    /// An entry with a hole that has no value is left out, and one whose name renders empty: so one profile can offer
    /// several places for a key. What could end a header early is refused (security case I17).
    /// - Parameter values: by hole: `access_token`, `api_key`, `username` and so on; `basic` is made here (RFC 7617 §2).
    public func render(_ values: [String: String]) -> Result<Rendered, Refused> {
        var values = fields.merging(values) { _, own in own }
        if let username = values["username"], let password = values["password"] {
            values["basic"] = Data("\(username):\(password)".utf8).base64EncodedString()
        }
        var headers: [(String, String)] = []
        for (name, value) in self.headers {
            guard let name = name.filledWhole(values), !name.isEmpty, let value = value.filledWhole(values) else {
                continue
            }
            guard name.utf8.allSatisfy(Self.isTokenByte) else {
                return .failure(Refused(description: "a header's name holds characters that no header may hold"))
            }
            guard value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                return .failure(Refused(description: "a header's value holds control characters"))
            }
            headers.append((name, value))
        }
        let query = self.query.compactMap { entry -> (String, String)? in
            guard let name = entry.name.filledWhole(values), !name.isEmpty else { return nil }
            return entry.value.filledWhole(values).map { (name, $0) }
        }
        return .success(Rendered(headers: headers, query: query))
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
