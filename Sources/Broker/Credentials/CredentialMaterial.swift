public import OAuth

/// The secret part of a credential: what stands in the sealed box of a grant.
public enum CredentialMaterial: Sendable, Hashable {
    case oauth2(accessToken: Secret, tokenType: String)
    case apiKey(Secret)
    case basic(username: String, password: Secret)

    /// The values of the holes in a profile's `apply` templates.
    var templateValues: [String: String] {
        switch self {
        case .oauth2(let accessToken, let tokenType):
            ["access_token": accessToken.reveal(), "token_type": tokenType]
        case .apiKey(let key):
            ["api_key": key.reveal()]
        case .basic(let username, let password):
            ["username": username, "password": password.reveal()]
        }
    }

    /// The one secret by which a runtime can name the credential it holds: access token, key or password.
    var principalSecret: Secret {
        switch self {
        case .oauth2(let accessToken, _): accessToken
        case .apiKey(let key): key
        case .basic(_, let password): password
        }
    }

    // MARK: In the box

    func serialized() -> [UInt8] {
        let members: [(String, JSONValue)] =
            switch self {
            case .oauth2(let accessToken, let tokenType):
                [("access_token", .string(accessToken.reveal())), ("token_type", .string(tokenType))]
            case .apiKey(let key):
                [("api_key", .string(key.reveal()))]
            case .basic(let username, let password):
                [("username", .string(username)), ("password", .string(password.reveal()))]
            }
        return Array(JSONValue.object(JSONObject(members)).serialized().utf8)
    }

    init?(serialized bytes: [UInt8]) {
        guard case .object(let members)? = try? JSONReader.read(bytes) else { return nil }
        if case .string(let token)? = members["access_token"], case .string(let type)? = members["token_type"] {
            self = .oauth2(accessToken: Secret(token), tokenType: type)
        } else if case .string(let key)? = members["api_key"] {
            self = .apiKey(Secret(key))
        } else if case .string(let name)? = members["username"], case .string(let password)? = members["password"] {
            self = .basic(username: name, password: Secret(password))
        } else {
            return nil
        }
    }
}
