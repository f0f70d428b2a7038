/// RFC 6749 §4.4.2.
public enum ClientCredentialsGrant {
    public static func parameters(scope: [String], separator: String, resource: [String] = []) -> Parameters {
        var parameters = Parameters([("grant_type", GrantType.clientCredentials.rawValue)])
        parameters.append(scope: scope, separator: separator)
        parameters.append(resource: resource)
        return parameters
    }
}
