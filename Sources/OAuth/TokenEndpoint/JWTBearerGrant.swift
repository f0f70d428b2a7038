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
}
