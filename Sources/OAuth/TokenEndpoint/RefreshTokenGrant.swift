/// RFC 6749 §6.
public enum RefreshTokenGrant {
    /// - Parameter scope: empty renews what was granted.
    public static func parameters(refreshToken: Secret, scope: [String]) -> Parameters {
        var parameters = Parameters([("grant_type", "refresh_token"), ("refresh_token", refreshToken.reveal())])
        if !scope.isEmpty { parameters.append("scope", scope.joined(separator: " ")) }
        return parameters
    }
}
