/// RFC 6749 §6.
public enum RefreshTokenGrant {
    /// - Parameter scope: empty renews what was granted.
    public static func parameters(refreshToken: Secret, scope: [String], separator: String = " ") -> Parameters {
        var parameters = Parameters([("grant_type", GrantType.refreshToken.rawValue)])
        parameters.append("refresh_token", refreshToken.reveal())
        parameters.append(scope: scope, separator: separator)
        return parameters
    }
}
