import HTTPTypes

/// RFC 7523 §2.1.
public enum JWTBearerGrant {
    /// - Parameters:
    ///   - assertion: made for this one request (security case F26).
    ///   - scope: empty where the assertion says it.
    public static func parameters(
        assertion: Secret, scope: [String], separator: String, resource: [String] = []
    ) -> Parameters {
        var parameters = Parameters([("grant_type", GrantType.jwtBearer.rawValue), ("assertion", assertion.reveal())])
        parameters.append(scope: scope, separator: separator)
        parameters.append(resource: resource)
        return parameters
    }

    /// Not of the RFC: the assertion is the bearer token of a call that answers with a token, and says by itself who
    /// asks. The profile's token parameters are the body.
    public static func call(assertion: Secret, at endpoint: EndpointURL, dialect: Dialect) -> EndpointRequest {
        var fields = EndpointRequest.standardFields(dialect)
        fields[.authorization] = "Bearer \(assertion.reveal())"
        let parameters = dialect.tokenParameters
        let isJSON = dialect.tokenRequestForm == .json
        fields[.contentType] = isJSON ? "application/json" : "application/x-www-form-urlencoded"
        let body = isJSON ? parameters.json.serialized() : parameters.formURLEncoded
        return EndpointRequest(method: .post, url: endpoint, headerFields: fields, body: Array(body.utf8))
    }
}
