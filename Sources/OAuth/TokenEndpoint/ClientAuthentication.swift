import HTTPTypes

/// How a client authenticates (RFC 6749 §2.3): exactly one method a request, and never a second try with another.
public enum ClientAuthentication: Sendable, Hashable {
    /// A public client: `client_id` in the body (RFC 6749 §3.2.1).
    case none
    case clientSecretBasic(Secret)
    case clientSecretPost(Secret)

    /// The name in the IANA registry "OAuth Token Endpoint Authentication Methods".
    public var method: String {
        switch self {
        case .none: "none"
        case .clientSecretBasic: "client_secret_basic"
        case .clientSecretPost: "client_secret_post"
        }
    }

    func apply(clientID: String, to parameters: inout Parameters, _ fields: inout HTTPFields, dialect: Dialect) {
        switch self {
        case .none:
            parameters.append("client_id", clientID)
        case .clientSecretPost(let secret):
            parameters.append("client_id", clientID)
            parameters.append("client_secret", secret.reveal())
        case .clientSecretBasic(let secret):
            // RFC 6749 §2.3.1: both are form-encoded before they are joined.
            let encode = { (text: String) in dialect.rawBasicEncoding ? text : Parameters.encode(text) }
            let pair = "\(encode(clientID)):\(encode(secret.reveal()))"
            fields[.authorization] = "Basic \(base64(Array(pair.utf8)))"
        }
    }
}
