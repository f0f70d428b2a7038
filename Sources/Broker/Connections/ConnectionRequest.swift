public import OAuth

/// What a creator says of a new connection (contract.md, `POST /v1/connections`).
public struct ConnectionRequest: Sendable {
    public var id: ConnectionID?
    public var provider: String?
    public var client: ClientID?
    public var fields: [String: String] = [:]
    public var scopes: [String] = []
    public var owner: String?
    public var labels: [String: String] = [:]
    public var returnTo: String?
    public var secret: SecretValue?

    public init() {}
}

/// A secret that is set by hand.
public enum SecretValue: Sendable, Hashable {
    case apiKey(Secret)
    case basic(username: String, password: Secret)
}

/// What may be edited of a connection; nil leaves it as it is.
public struct ConnectionEdit: Sendable {
    public var owner: String??
    public var labels: [String: String]?
    public var scopes: [String]?

    public init() {}
}

/// Bounds on what people write about a connection.
enum ConnectionBounds {
    static func check(owner: String?) throws(BrokerError) {
        guard let owner else { return }
        guard (1...256).contains(owner.utf8.count), isPlain(owner) else {
            throw .invalid("owner is text of 1 to 256 bytes without control characters.", field: "owner")
        }
    }

    static func check(labels: [String: String]) throws(BrokerError) {
        guard labels.count <= 64 else { throw .invalid("A connection has at most 64 labels.", field: "labels") }
        for (key, value) in labels {
            guard (1...128).contains(key.utf8.count), value.utf8.count <= 256, isPlain(key), isPlain(value),
                !key.contains(":"), !key.contains("=")
            else {
                throw .invalid(
                    "A label's key is 1 to 128 bytes without ':' and '=', its value at most 256, both without control characters.",
                    field: "labels")
            }
        }
    }

    static func check(scopes: [String]) throws(BrokerError) {
        // RFC 6749 §3.3: scope-token.
        let isToken = { (scope: String) in
            !scope.isEmpty
                && scope.utf8.allSatisfy { $0 == 0x21 || (0x23...0x5B).contains($0) || (0x5D...0x7E).contains($0) }
        }
        guard scopes.count <= 200, scopes.allSatisfy({ $0.utf8.count <= 512 && isToken($0) }) else {
            throw .invalid(
                "scopes are at most 200 words of visible characters without quote and backslash (RFC 6749 §3.3).",
                field: "scopes")
        }
    }

    static func check(_ secret: SecretValue) throws(BrokerError) {
        func fits(_ secret: Secret) -> Bool {
            let text = secret.reveal()
            return (1...65_536).contains(text.utf8.count) && isPlain(text)
        }
        switch secret {
        case .apiKey(let key):
            guard fits(key) else {
                throw .invalid(
                    "api_key is text of 1 to 65536 bytes without control characters.", field: "secret.api_key")
            }
        case .basic(let username, let password):
            // RFC 7617 §2: a colon would end the user name.
            guard username.utf8.count <= 1024, isPlain(username), !username.utf8.contains(UInt8(ascii: ":")) else {
                throw .invalid(
                    "username is text of at most 1024 bytes without control characters and without ':' (RFC 7617 §2).",
                    field: "secret.username")
            }
            guard fits(password) else {
                throw .invalid(
                    "password is text of 1 to 65536 bytes without control characters.", field: "secret.password")
            }
        }
    }

    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
