import HTTPTypes

/// Dynamic client registration (RFC 7591).
public enum ClientRegistration {
    /// What the client says of itself (§2).
    public struct Metadata: Sendable, Hashable {
        public var redirectURIs: [String]
        public var grantTypes: [GrantType]
        public var tokenEndpointAuthMethod: String
        public var scope: [String]
        public var clientName: String
        public var softwareID: String?
        /// Other members. One with a name of those above takes its place.
        public var additional: JSONObject

        public init(
            redirectURIs: [String], grantTypes: [GrantType], tokenEndpointAuthMethod: String, scope: [String],
            clientName: String, softwareID: String? = nil, additional: JSONObject = JSONObject()
        ) {
            self.redirectURIs = redirectURIs
            self.grantTypes = grantTypes
            self.tokenEndpointAuthMethod = tokenEndpointAuthMethod
            self.scope = scope
            self.clientName = clientName
            self.softwareID = softwareID
            self.additional = additional
        }

        var json: JSONObject {
            let list = { (texts: [String]) in JSONValue.array(texts.map { .string($0) }) }
            var members = JSONObject()
            if !redirectURIs.isEmpty { members["redirect_uris"] = list(redirectURIs) }
            members["grant_types"] = list(grantTypes.map(\.rawValue))
            // §2.1: `code` goes with the grant that brings one, and with no other.
            members["response_types"] = list(grantTypes.contains(.authorizationCode) ? ["code"] : [])
            members["token_endpoint_auth_method"] = .string(tokenEndpointAuthMethod)
            if !scope.isEmpty { members["scope"] = .string(scope.joined(separator: " ")) }
            members["client_name"] = .string(clientName)
            members["software_id"] = softwareID.map { .string($0) }
            for (name, value) in additional.pairs { members[name] = value }
            return members
        }
    }

    /// §3.1.
    /// - Parameter initialAccessToken: where the server registers only who has one (§1.2).
    public static func request(
        at endpoint: EndpointURL, metadata: Metadata, initialAccessToken: Secret? = nil
    ) -> EndpointRequest {
        var fields = EndpointRequest.standardFields(Dialect())
        fields[.contentType] = "application/json"
        if let initialAccessToken { fields[.authorization] = "Bearer \(initialAccessToken.reveal())" }
        return EndpointRequest(
            method: .post, url: endpoint, headerFields: fields,
            body: Array(JSONValue.object(metadata.json).serialized().utf8))
    }

    /// What was registered (§3.2.1). The server may have registered something else than was asked for.
    public struct Registered: Sendable, Hashable {
        public var clientID: String
        public var clientSecret: Secret?
        /// Seconds since 1970; nil when the secret does not expire.
        public var clientSecretExpiresAt: Int?
        /// nil where it does not say: then it is what was asked for.
        public var tokenEndpointAuthMethod: String?
        public var redirectURIs: [String]?
        public var grantTypes: [String]?
        public var scope: [String]?
        /// For reading, changing and deleting the registration (RFC 7592 §3).
        public var registrationAccessToken: Secret?
        public var registrationClientURI: EndpointURL?

        public init(clientID: String, clientSecret: Secret? = nil, tokenEndpointAuthMethod: String? = nil) {
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.tokenEndpointAuthMethod = tokenEndpointAuthMethod
        }
    }

    public enum Verdict: Sendable, Hashable {
        case registered(Registered)
        case refused(OAuthError)
        case malformed(reason: String)
        case unavailable(status: Int)
    }

    /// §3.2.1 says 201; some send 200.
    public static func judge(_ response: EndpointResponse) -> Verdict {
        if response.status == 401, OAuthError.code(in: response) == "invalid_client",
            response.json() == nil
        {
            // A challenge here asks for an initial access token (§3), not for a client's secret.
            return .refused(OAuthError(code: "invalid_token"))
        }
        switch EndpointAnswer(response, naming: "client_id") {
        case .success(let members):
            do {
                return .registered(try registered(members))
            } catch {
                return .malformed(reason: error.reason)
            }
        case .refused(let error): return .refused(error)
        case .malformed(let reason): return .malformed(reason: reason)
        case .unavailable(let status, _): return .unavailable(status: status)
        }
    }

    private struct Malformed: Error {
        let reason: String
    }

    private static func registered(_ members: JSONObject) throws(Malformed) -> Registered {
        // RFC 6749 appendix A.1.
        guard let clientID = members["client_id"]?.asText, clientID.isVisible(upTo: 1024) else {
            throw Malformed(reason: "it holds no client_id")
        }
        var registered = Registered(clientID: clientID)
        registered.clientSecret = try secret(members["client_secret"], "client_secret")
        registered.registrationAccessToken = try secret(
            members["registration_access_token"], "registration_access_token")
        // 0 is never.
        registered.clientSecretExpiresAt = members["client_secret_expires_at"]?.asDate.flatMap { $0 == 0 ? nil : $0 }
        registered.tokenEndpointAuthMethod = members["token_endpoint_auth_method"]?.asText
        if let method = registered.tokenEndpointAuthMethod, method.hasPrefix("client_secret_"),
            registered.clientSecret == nil
        {
            throw Malformed(reason: "its client authenticates with a secret, and it holds none")
        }
        registered.redirectURIs = members["redirect_uris"]?.asTexts
        registered.grantTypes = members["grant_types"]?.asTexts
        registered.scope = members["scope"]?.asText?.split(separator: " ").map(String.init)
        registered.registrationClientURI = members["registration_client_uri"]?.asText.flatMap { try? EndpointURL($0) }
        return registered
    }

    /// An empty one is none.
    private static func secret(_ value: JSONValue?, _ name: String) throws(Malformed) -> Secret? {
        switch value {
        case nil, .null?, .string("")?: return nil
        case .string(let text)? where text.isVisible(upTo: 8192): return Secret(text)
        default: throw Malformed(reason: "its \(name) is not one that can be sent")
        }
    }
}
