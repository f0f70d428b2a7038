import HTTPTypes

/// Token revocation (RFC 7009).
public enum Revocation {
    /// - Parameter hint: `refresh_token` or `access_token` (§2.1).
    public static func request(
        token: Secret, hint: String, at endpoint: EndpointURL, client: Client, dialect: Dialect,
        freshness: Freshness
    ) -> EndpointRequest {
        TokenRequest.form(
            Parameters([("token", token.reveal()), ("token_type_hint", hint)]), at: endpoint, client: client,
            dialect: dialect, freshness: freshness)
    }

    public enum Verdict: Sendable, Hashable {
        /// 200 also for a token that was unknown (§2.2).
        case revoked
        case refused(OAuthError)
        /// 503 and their kin: to be tried again (§2.2.1).
        case unavailable(status: Int)
    }

    public static func judge(_ response: EndpointResponse) -> Verdict {
        if (200..<300).contains(response.status) { return .revoked }
        if TokenResponse.isPassing(response.status) { return .unavailable(status: response.status) }
        if case .object(let members)? = response.json(), case .string(let code)? = members["error"],
            !code.isEmpty
        {
            return .refused(OAuthError(code: code))
        }
        return .unavailable(status: response.status)
    }
}
