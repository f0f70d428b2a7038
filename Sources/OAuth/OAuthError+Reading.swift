import HTTPTypes

extension OAuthError {
    /// The error of any endpoint's answer, JSON or form, whatever the status; nil where it names none. A 401 with a
    /// challenge and nothing else is what failed client authentication looks like (RFC 6749 §5.2).
    static func read(_ response: EndpointResponse) -> OAuthError? {
        if let value = response.json() {
            guard case .object(let members) = value, case .string(let code)? = members["error"], !code.isEmpty else {
                return nil
            }
            func text(_ name: String) -> String? {
                if case .string(let text)? = members[name] { text } else { nil }
            }
            return OAuthError(
                code: code, description: text("error_description"), uri: text("error_uri"), subcode: text("suberror"),
                numbers: members["error_codes"]?.asNumbers ?? [])
        }
        if response.mediaType == "application/x-www-form-urlencoded", let form = response.form,
            let code = form["error"], !code.isEmpty
        {
            return OAuthError(code: code, description: form["error_description"], uri: form["error_uri"])
        }
        return response.status == 401 && response.headerFields[.wwwAuthenticate] != nil
            ? OAuthError(code: "invalid_client") : nil
    }

    /// The code of `read`.
    public static func code(in response: EndpointResponse) -> String? { read(response)?.code }
}
