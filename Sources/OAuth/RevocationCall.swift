import HTTPTypes

/// How a provider without RFC 7009 ends an access token: a call of its own API.
public struct RevocationCall: Sendable, Hashable {
    public enum Method: String, Sendable, CaseIterable {
        case post = "POST"
        case delete = "DELETE"
    }

    /// Who asks.
    public enum Authentication: String, Sendable, CaseIterable {
        /// The token that shall end.
        case bearer
        /// The client, by Basic (RFC 7617), whatever it does at the token endpoint.
        case clientBasic = "client_basic"
    }

    public var method: Method
    public var url: EndpointURL
    public var authentication: Authentication
    /// The member of a JSON body that holds the token; nil for no body.
    public var tokenMember: String?

    public init(method: Method, url: EndpointURL, authentication: Authentication, tokenMember: String?) {
        self.method = method
        self.url = url
        self.authentication = authentication
        self.tokenMember = tokenMember
    }

    /// nil where the client has no secret to ask with.
    public func request(accessToken: Secret, client: Client, dialect: Dialect) -> EndpointRequest? {
        var fields = EndpointRequest.standardFields(dialect)
        switch authentication {
        case .bearer: fields[.authorization] = "Bearer \(accessToken.reveal())"
        case .clientBasic:
            guard let secret = client.authentication.secret else { return nil }
            fields[.authorization] = "Basic \(base64(Array("\(client.id):\(secret.reveal())".utf8)))"
        }
        var body: [UInt8] = []
        if let tokenMember {
            fields[.contentType] = "application/json"
            let members = JSONObject([(tokenMember, .string(accessToken.reveal()))])
            body = Array(JSONValue.object(members).serialized().utf8)
        }
        return EndpointRequest(
            method: method == .post ? .post : .delete, url: url, headerFields: fields, body: body)
    }

    /// A token that the provider does not know, or takes no longer, is one that nobody can end from here.
    public static func judge(_ response: EndpointResponse) -> Revocation.Verdict {
        switch response.status {
        case 200..<300: .revoked
        case 401, 404, 410, 422: .refused(OAuthError(code: "invalid_token"))
        default: .unavailable(status: response.status)
        }
    }
}
