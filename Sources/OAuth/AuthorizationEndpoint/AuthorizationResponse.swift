/// What came back to the redirection endpoint (RFC 6749 §4.1.2). The `state` was matched before, when the pending
/// authorization was taken.
public enum AuthorizationResponse {
    public static func judge(
        _ parameters: Parameters, server: AuthorizationServer, dialect: Dialect
    ) -> AuthorizationVerdict {
        // RFC 6749 §3.1: no parameter more than once.
        let names = [dialect.codeParameter, "code", "state", "error", "iss", "response"]
        if let name = names.first(where: { parameters.values(of: $0).count > 1 }) {
            return .invalid(reason: "\(name) stands there twice")
        }
        // A parameter without a value counts as left out (RFC 6749 §3.1).
        let given = { (name: String) in parameters[name].flatMap { $0.isEmpty ? nil : $0 } }
        let code = given(dialect.codeParameter)
        let error = given("error")
        // JARM (JWT Secured Authorization Response Mode §2.3): never asked for.
        guard given("response") == nil || dialect.codeParameter == "response" else {
            return .invalid(reason: "it is a signed response, which nobody asked for")
        }
        // RFC 9207 §2.4: the issuer must be the one that was asked; compared as text, to the letter.
        if let iss = parameters["iss"] {
            if let issuer = server.issuer {
                guard isSameText(iss, issuer) else { return .invalid(reason: "it names another issuer") }
            } else if server.authorizationResponseIssParameterSupported {
                // A promise is worth what it can be compared with. A server that promises nothing, whose issuer nobody
                // configured, is left to what keeps providers apart anyway: a redirection endpoint for each client.
                return .invalid(reason: "it names an issuer, and none is configured to compare it with")
            }
        } else if server.authorizationResponseIssParameterSupported, error == nil {
            // Some servers leave it out of errors, which change nothing here; a code without it is refused.
            return .invalid(reason: "it names no issuer although the provider promises to")
        }
        switch (code, error) {
        // An error beside a code is an error (RFC 6749 §4.1.2.1): the code is not spent.
        case (_, let error?):
            return .refused(
                OAuthError(code: error, description: parameters["error_description"], uri: parameters["error_uri"]))
        case (let code?, nil):
            // RFC 6749 appendix A.11: visible characters.
            guard code.utf8.count <= 8192, code.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
                return .invalid(reason: "its code is not of a form that codes have")
            }
            return .code(Secret(code))
        case (nil, nil): return .invalid(reason: "it holds neither a code nor an error")
        }
    }
}

public enum AuthorizationVerdict: Sendable, Hashable {
    case code(Secret)
    case refused(OAuthError)
    /// The answer breaks the protocol: no token request follows.
    case invalid(reason: String)
}
