/// RFC 8693 §2.1.
public enum TokenExchangeGrant {
    /// - Parameters:
    ///   - subjectToken: of the party on whose behalf the request is made.
    ///   - subjectTokenType: a URI of §3.
    ///   - actorToken: of the party that acts for it.
    ///   - actorTokenType: an access token where nothing is said.
    ///   - resource: URLs of services, and `audience` their names, where the token is for (RFC 8707 §2).
    ///   - requestedTokenType: a URI of §3; nil leaves it to the server.
    public static func parameters(
        subjectToken: Secret, subjectTokenType: String, actorToken: Secret? = nil, actorTokenType: String? = nil,
        resource: [String] = [], audience: [String] = [], scope: [String], separator: String,
        requestedTokenType: String? = nil
    ) -> Parameters {
        var parameters = Parameters([("grant_type", GrantType.tokenExchange.rawValue)])
        parameters.append(resource: resource)
        for name in audience { parameters.append("audience", name) }
        parameters.append(scope: scope, separator: separator)
        if let requestedTokenType { parameters.append("requested_token_type", requestedTokenType) }
        parameters.append("subject_token", subjectToken.reveal())
        parameters.append("subject_token_type", subjectTokenType)
        // The type goes with an actor's token, and must not stand without one.
        if let actorToken {
            parameters.append("actor_token", actorToken.reveal())
            parameters.append("actor_token_type", actorTokenType ?? accessTokenType)
        }
        return parameters
    }

    /// §3.
    public static let accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

    /// The exchange that came before the RFC and is spoken still: the subject's access token as the assertion of a JWT
    /// bearer grant (RFC 7523 §2.1), to be used on behalf of the subject.
    public static func onBehalfOf(assertion: Secret, scope: [String], separator: String) -> Parameters {
        var parameters = JWTBearerGrant.parameters(assertion: assertion, scope: scope, separator: separator)
        parameters.append("requested_token_use", "on_behalf_of")
        return parameters
    }
}
