public import OAuth
import ProviderProfiles

/// The secret part of a credential: what stands in the sealed box of a grant.
public enum CredentialMaterial: Sendable, Hashable {
    case oauth2(accessToken: Secret, tokenType: String)
    case apiKey(Secret)
    case basic(username: String, password: Secret)
    /// By the names of the profile's secret fields; none where an API asks nobody who calls.
    case fields([String: Secret])

    /// The values of the holes in a profile's `apply` templates.
    var templateValues: [String: String] {
        switch self {
        case .oauth2(let accessToken, let tokenType):
            ["access_token": accessToken.reveal(), "token_type": tokenType]
        case .apiKey(let key):
            ["api_key": key.reveal()]
        case .basic(let username, let password):
            ["username": username, "password": password.reveal()]
        case .fields(let secrets):
            secrets.mapValues { $0.reveal() }
        }
    }

    /// The one secret by which a runtime can name the credential it holds: access token, key or password.
    var principalSecret: Secret {
        switch self {
        case .oauth2(let accessToken, _): accessToken
        case .apiKey(let key): key
        case .basic(_, let password): password
        case .fields(let secrets): secrets.min { $0.key < $1.key }?.value ?? Secret("")
        }
    }

    /// The secrets that a profile of kind oauth2 puts into requests beside the access token.
    static func names(beside profile: ProviderProfile?) -> [ProviderProfile.Field] {
        guard let profile, profile.kind == .oauth2 else { return [] }
        return profile.fields.filter { $0.secret && $0.of == .connection }
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
            case .fields(let secrets):
                [("fields", .object(JSONObject(secrets.sorted { $0.key < $1.key }.map { ($0, .string($1.reveal())) })))]
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
        } else if case .object(let fields)? = members["fields"] {
            var secrets: [String: Secret] = [:]
            for (name, value) in fields.pairs {
                guard case .string(let text) = value else { return nil }
                secrets[name] = Secret(text)
            }
            self = .fields(secrets)
        } else {
            return nil
        }
    }
}
