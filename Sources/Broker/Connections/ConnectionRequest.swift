public import OAuth

/// What a creator says of a new connection (contract.md, `POST /v1/connections`).
public struct ConnectionRequest: Sendable {
    public var id: ConnectionID?
    public var provider: String?
    public var client: ClientID?
    public var fields: [String: String] = [:]
    public var scopes: [String] = []
    /// nil takes the client's first grant type, else the profile's.
    public var grantType: GrantType?
    /// Where the token is to be used (RFC 8707 §2).
    public var resources: [String] = []
    public var wishes = ConsentWishes()
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
    case subjectToken(SubjectToken)
    /// By the names that the profile's secret fields have.
    case fields([String: Secret])
    /// The only one that the profile asks for.
    case only(Secret)

    var isSubjectToken: Bool { if case .subjectToken = self { true } else { false } }
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
        case .fields(let secrets):
            guard secrets.count <= 32, secrets.values.allSatisfy({ $0.reveal().isEmpty || fits($0) }) else {
                throw .invalid(
                    "fields are at most 32 texts of at most 65536 bytes without control characters.",
                    field: "secret.fields")
            }
        case .only(let secret):
            guard fits(secret) else {
                throw .invalid(
                    "secret is text of 1 to 65536 bytes without control characters.", field: "secret.secret")
            }
        case .subjectToken(let subject):
            let tokens = [subject.token] + [subject.actor].compactMap(\.self)
            guard tokens.allSatisfy(fits), tokens.allSatisfy({ $0.reveal().utf8.allSatisfy { $0 < 0x7F } }) else {
                throw .invalid(
                    "subject_token and actor_token are visible text of at most 65536 bytes.",
                    field: "secret.subject_token")
            }
            // RFC 8693 §2.1: actor_token_type stands with actor_token, and only with it.
            guard (subject.actor == nil) == (subject.actorType == nil) else {
                throw .invalid(
                    "actor_token and actor_token_type go together (RFC 8693 §2.1).", field: "secret.actor_token")
            }
            guard [subject.type, subject.actorType ?? "urn:x"].allSatisfy(isURN) else {
                throw .invalid("A token type is a URI (RFC 8693 §3).", field: "secret.subject_token_type")
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

    /// RFC 8707 §2: absolute URIs without a fragment.
    static func check(resources: [String]) throws(BrokerError) {
        for resource in resources {
            guard (try? EndpointURL(resource)) != nil || isURN(resource) else {
                throw .invalid("resource holds absolute URIs without a fragment (RFC 8707 §2).", field: "resource")
            }
        }
        guard resources.count <= 10 else { throw .invalid("resource holds ten URIs at most.", field: "resource") }
    }

    private static func isURN(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return text.utf8.count <= 2048 && parts.count >= 2 && !parts[0].isEmpty
            && parts[0].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }

    static func check(_ wishes: ConsentWishes) throws(BrokerError) {
        for (name, value) in [("login_hint", wishes.loginHint), ("prompt", wishes.prompt), ("claims", wishes.claims)] {
            guard let value else { continue }
            guard (1...4096).contains(value.utf8.count), isPlain(value) else {
                throw .invalid("\(name) is text of 1 to 4096 bytes without control characters.", field: name)
            }
        }
        guard wishes.parameters.count <= 32 else {
            throw .invalid("parameters holds 32 at most.", field: "parameters")
        }
        for (name, value) in wishes.parameters {
            guard !Self.ownParameters.contains(name) else {
                throw .invalid("The parameter \(name.prefix(64)) is Credence's own to set.", field: "parameters")
            }
            guard (1...128).contains(name.utf8.count), value.utf8.count <= 4096, isPlain(name), isPlain(value) else {
                throw .invalid(
                    "A parameter has a name of 1 to 128 bytes and a value of at most 4096, without control characters.",
                    field: "parameters")
            }
        }
    }

    /// What protects a consent, or has a member of its own.
    private static let ownParameters: Set<String> = [
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "request", "request_uri", "dpop_jkt", "response_mode", "client_secret",
        "client_assertion", "client_assertion_type", "resource", "login_hint", "prompt", "claims",
    ]

    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
