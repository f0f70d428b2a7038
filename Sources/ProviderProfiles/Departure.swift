import OAuth

/// What a provider does differently from the standard: a closed list, each implemented once, here.
///
/// A profile names it as text, or as text with a value after a colon, such as `response_scope_separator:,`.
public enum Departure: Sendable, Hashable {
    /// The provider refuses `code_challenge`. Weakens the flow (RFC 9700 §2.1.1).
    case noPKCE
    /// Client id and secret are not form-encoded in Basic.
    case rawBasic
    /// Token answers are form-encoded, whatever their type says.
    case formResponse
    /// Scopes in answers are set apart by this besides spaces.
    case responseScopeSeparator(Character)
    /// `token_type` is this word for Bearer.
    case tokenTypeAlias(String)
    /// The token answer stands under this dotted path.
    case responseRoot(String)
    /// A member of the token answer stands under another dotted path: `member=path`.
    case responseMember(String, path: String)
    /// A standard parameter that the authorization endpoint must not be sent.
    case dropAuthorizationParameter(String)
    /// A standard parameter that the token endpoint must not be sent.
    case dropTokenParameter(String)
    /// The code comes back under this name.
    case codeParameter(String)

    /// What may stand in a profile.
    public static let forms = [
        "no_pkce", "raw_basic", "form_response", "response_scope_separator:C", "token_type_alias:WORD",
        "response_root:PATH", "response_member:NAME=PATH", "drop_authorization_parameter:NAME",
        "drop_token_parameter:NAME", "code_parameter:NAME",
    ]

    /// nil when it is none of them.
    init?(_ text: String) {
        let colon = text.firstIndex(of: ":")
        let word = text[..<(colon ?? text.endIndex)]
        let value = colon.map { String(text[text.index(after: $0)...]) }
        switch (word, value) {
        case ("no_pkce", nil): self = .noPKCE
        case ("raw_basic", nil): self = .rawBasic
        case ("form_response", nil): self = .formResponse
        case ("response_scope_separator", let value?) where value.count == 1:
            self = .responseScopeSeparator(value.first!)
        case ("token_type_alias", let value?) where !value.isEmpty: self = .tokenTypeAlias(value)
        case ("response_root", let value?) where !value.isEmpty: self = .responseRoot(value)
        case ("response_member", let value?):
            guard let equals = value.firstIndex(of: "="), equals > value.startIndex else { return nil }
            let name = String(value[..<equals])
            let known = [
                "access_token", "token_type", "refresh_token", "expires_in", "refresh_token_expires_in", "scope",
                "id_token",
            ]
            guard known.contains(name), value.index(after: equals) < value.endIndex else { return nil }
            self = .responseMember(name, path: String(value[value.index(after: equals)...]))
        case ("drop_authorization_parameter", let value?) where Self.mayBeDropped(value):
            self = .dropAuthorizationParameter(value)
        case ("drop_token_parameter", let value?) where Self.mayBeDropped(value): self = .dropTokenParameter(value)
        case ("code_parameter", let value?) where !value.isEmpty: self = .codeParameter(value)
        default: return nil
        }
    }

    /// `state` is what protects the consent: no provider is worth dropping it. PKCE goes by `no_pkce` alone, so that
    /// one word in a profile shows it.
    private static func mayBeDropped(_ parameter: String) -> Bool {
        !["", "state", "code_challenge", "code_challenge_method", "code_verifier"].contains(parameter)
    }

    func apply(to dialect: inout Dialect) {
        switch self {
        case .noPKCE: dialect.pkce = false
        case .rawBasic: dialect.rawBasicEncoding = true
        case .formResponse: dialect.acceptsFormResponse = true
        case .responseScopeSeparator(let separator): dialect.responseScopeSeparators.insert(separator)
        case .tokenTypeAlias(let word): dialect.tokenTypeAliases.insert(word)
        case .responseRoot(let path): dialect.responseRoot = path
        case .responseMember(let name, let path): dialect.memberPaths[name] = path
        case .dropAuthorizationParameter(let name): dialect.droppedAuthorizationParameters.insert(name)
        case .dropTokenParameter(let name): dialect.droppedTokenParameters.insert(name)
        case .codeParameter(let name): dialect.codeParameter = name
        }
    }
}
