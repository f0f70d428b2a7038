/// RFC 6749 §4.1.3, with the code verifier of RFC 7636 §4.5.
public enum AuthorizationCodeGrant {
    public static func parameters(code: Secret, redirectURI: String, verifier: Secret?) -> Parameters {
        var parameters = Parameters([
            ("grant_type", "authorization_code"), ("code", code.reveal()), ("redirect_uri", redirectURI),
        ])
        if let verifier { parameters.append("code_verifier", verifier.reveal()) }
        return parameters
    }
}
