import OAuth

/// What a provider does differently from the standard: a closed list, each implemented once.
///
/// A profile names it as text, with a value after a colon where it needs one: `response_scope_separator:,`.
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
    /// A member of the token answer stands under another dotted path.
    case responseMember(String, path: String)
    /// A standard parameter that the authorization endpoint must not be sent.
    case dropAuthorizationParameter(String)
    /// A standard parameter that the token endpoint must not be sent.
    case dropTokenParameter(String)
    /// The code comes back under this name.
    case codeParameter(String)
    /// Authorization requests are not pushed, although there is an endpoint for it (RFC 9126).
    case noPAR
    /// `client_id` stands beside an assertion that says it already (RFC 7521 §4.2).
    case clientIDWithAssertion
    /// A token exchange is asked for as a JWT bearer grant with `requested_token_use=on_behalf_of`.
    case onBehalfOf
    /// Token requests are a JSON object.
    case jsonTokenRequest
    /// A standard parameter has another name at the authorization endpoint.
    case renameAuthorizationParameter(String, to: String)
    /// A standard parameter has another name at the token endpoint.
    case renameTokenParameter(String, to: String)

    /// The words of the list.
    enum Name: String, CaseIterable {
        case noPKCE = "no_pkce"
        case rawBasic = "raw_basic"
        case formResponse = "form_response"
        case responseScopeSeparator = "response_scope_separator"
        case tokenTypeAlias = "token_type_alias"
        case responseRoot = "response_root"
        case responseMember = "response_member"
        case dropAuthorizationParameter = "drop_authorization_parameter"
        case dropTokenParameter = "drop_token_parameter"
        case codeParameter = "code_parameter"
        case noPAR = "no_par"
        case clientIDWithAssertion = "client_id_with_assertion"
        case onBehalfOf = "on_behalf_of"
        case jsonTokenRequest = "json_token_request"
        case renameAuthorizationParameter = "rename_authorization_parameter"
        case renameTokenParameter = "rename_token_parameter"

        /// What the value is; nil where there is none.
        var value: String? {
            switch self {
            case .noPKCE, .rawBasic, .formResponse, .noPAR, .clientIDWithAssertion, .onBehalfOf, .jsonTokenRequest: nil
            case .responseScopeSeparator: "C"
            case .tokenTypeAlias: "WORD"
            case .responseRoot: "PATH"
            case .responseMember: "NAME=PATH"
            case .renameAuthorizationParameter, .renameTokenParameter: "NAME=OTHER"
            case .dropAuthorizationParameter, .dropTokenParameter, .codeParameter: "NAME"
            }
        }
    }

    /// What may stand in a profile.
    public static let forms = Name.allCases.map { name in "\(name.rawValue)\(name.value.map { ":\($0)" } ?? "")" }

    /// The members of a token response that may stand elsewhere.
    static let responseMembers = [
        "access_token", "token_type", "refresh_token", "expires_in", "refresh_token_expires_in", "scope", "id_token",
    ]
    /// What may be left out without losing what protects the flow: `state`, the code challenge and its verifier stay.
    static let droppableAuthorizationParameters = ["response_type", "scope"]
    static let droppableTokenParameters = ["grant_type", "redirect_uri", "scope"]

    /// What may have another name without losing what protects the flow: `state` and the code challenge keep theirs.
    static let renamableAuthorizationParameters = ["client_id", "redirect_uri", "response_type", "scope"]
    static let renamableTokenParameters = [
        "client_id", "client_secret", "code", "grant_type", "redirect_uri", "refresh_token", "scope",
    ]

    /// Why a text is no departure, for people.
    struct Invalid: Error {
        let message: String
    }

    init(_ text: String) throws(Invalid) {
        let colon = text.firstIndex(of: ":")
        guard let name = Name(rawValue: String(text[..<(colon ?? text.endIndex)])) else {
            throw Invalid(message: "'\(text)' is not a departure; known are: \(Self.forms.joined(separator: ", "))")
        }
        let value = colon.map { String(text[text.index(after: $0)...]) } ?? ""
        guard (name.value == nil) == (colon == nil), name.value == nil || !value.isEmpty else {
            throw Invalid(
                message: name.value.map { "\(name.rawValue) needs a value: \(name.rawValue):\($0)" }
                    ?? "\(name.rawValue) takes no value")
        }
        func choice(_ value: String, of allowed: [String]) throws(Invalid) -> String {
            guard allowed.contains(value) else {
                throw Invalid(
                    message: "\(name.rawValue) does not take '\(value)'; it takes: \(allowed.joined(separator: ", "))")
            }
            return value
        }
        func pair(_ complaint: String) throws(Invalid) -> (String, String) {
            let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty else {
                throw Invalid(message: "\(complaint): \(name.rawValue):\(name.value ?? "")")
            }
            return (parts[0], parts[1])
        }
        switch name {
        case .noPKCE: self = .noPKCE
        case .rawBasic: self = .rawBasic
        case .formResponse: self = .formResponse
        case .noPAR: self = .noPAR
        case .clientIDWithAssertion: self = .clientIDWithAssertion
        case .onBehalfOf: self = .onBehalfOf
        case .jsonTokenRequest: self = .jsonTokenRequest
        case .renameAuthorizationParameter:
            let (from, to) = try pair("rename_authorization_parameter needs two names")
            self = .renameAuthorizationParameter(try choice(from, of: Self.renamableAuthorizationParameters), to: to)
        case .renameTokenParameter:
            let (from, to) = try pair("rename_token_parameter needs two names")
            self = .renameTokenParameter(try choice(from, of: Self.renamableTokenParameters), to: to)
        case .responseScopeSeparator:
            guard value.count == 1, let separator = value.first else {
                throw Invalid(message: "\(name.rawValue) takes one character")
            }
            self = .responseScopeSeparator(separator)
        case .tokenTypeAlias: self = .tokenTypeAlias(value)
        case .responseRoot: self = .responseRoot(value)
        case .responseMember:
            let (member, path) = try pair("response_member needs a name and a path")
            self = .responseMember(try choice(member, of: Self.responseMembers), path: path)
        case .dropAuthorizationParameter:
            self = .dropAuthorizationParameter(try choice(value, of: Self.droppableAuthorizationParameters))
        case .dropTokenParameter: self = .dropTokenParameter(try choice(value, of: Self.droppableTokenParameters))
        case .codeParameter:
            guard !["state", "error", "error_description", "error_uri", "iss"].contains(value) else {
                throw Invalid(message: "code_parameter does not take '\(value)', which has a meaning of its own")
            }
            self = .codeParameter(value)
        }
    }

    /// Two departures of one place contradict each other, or say the same twice.
    var place: String {
        switch self {
        case .noPKCE: "no_pkce"
        case .rawBasic: "raw_basic"
        case .formResponse: "form_response"
        case .responseScopeSeparator(let separator): "response_scope_separator:\(separator)"
        case .tokenTypeAlias(let word): "token_type_alias:\(word)"
        case .responseRoot: "response_root"
        case .responseMember(let name, _): "response_member:\(name)"
        case .dropAuthorizationParameter(let name): "drop_authorization_parameter:\(name)"
        case .dropTokenParameter(let name): "drop_token_parameter:\(name)"
        case .codeParameter: "code_parameter"
        case .noPAR: "no_par"
        case .clientIDWithAssertion: "client_id_with_assertion"
        case .onBehalfOf: "on_behalf_of"
        case .jsonTokenRequest: "json_token_request"
        case .renameAuthorizationParameter(let name, _): "rename_authorization_parameter:\(name)"
        case .renameTokenParameter(let name, _): "rename_token_parameter:\(name)"
        }
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
        case .clientIDWithAssertion: dialect.sendsClientIDWithAssertion = true
        case .onBehalfOf: dialect.exchangesOnBehalfOf = true
        case .jsonTokenRequest: dialect.sendsJSON = true
        case .renameAuthorizationParameter(let name, let other): dialect.renamedAuthorizationParameters[name] = other
        case .renameTokenParameter(let name, let other): dialect.renamedTokenParameters[name] = other
        // Which request is made, not how: `Provider` says it.
        case .noPAR: break
        }
    }
}
