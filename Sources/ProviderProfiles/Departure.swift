import OAuth

/// What a provider does differently from the standard: a closed list, each implemented once.
///
/// A profile names it as text, with a value after a colon where it needs one: `response_scope_separator:,`. A name that
/// begins with `unsafe_` puts secrets where others may see them.
public enum Departure: Sendable, Hashable {
    /// One that needs no value.
    case flag(Flag)
    /// Scopes in answers are set apart by this besides spaces.
    case responseScopeSeparator(Character)
    /// `token_type` is this word for Bearer.
    case tokenTypeAlias(String)
    /// The token answer stands under this dotted path.
    case responseRoot(String)
    /// A member of the token answer stands under another dotted path.
    case responseMember(String, path: String)
    /// An answer counts as a token answer only where this member of it has this value.
    case successMember(String, value: String)
    /// The error's code stands under this dotted path.
    case errorMember(String)
    /// What the error says to people stands under this dotted path.
    case errorDescriptionMember(String)
    /// A standard parameter that the authorization endpoint must not be sent.
    case dropAuthorizationParameter(String)
    /// A standard parameter that the token endpoint must not be sent.
    case dropTokenParameter(String)
    /// A standard parameter has another name at the authorization endpoint.
    case renameAuthorizationParameter(String, to: String)
    /// A standard parameter has another name at the token endpoint.
    case renameTokenParameter(String, to: String)
    /// A standard parameter that goes into the token endpoint's query, while the others stay in the body.
    case tokenParameterInQuery(String)
    /// The authorization page is a route behind a `#`: the parameters follow that route.
    case authorizationFragment(String)
    /// The code comes back under this name.
    case codeParameter(String)

    /// Those with a value.
    enum Name: String, CaseIterable {
        case responseScopeSeparator = "response_scope_separator"
        case tokenTypeAlias = "token_type_alias"
        case responseRoot = "response_root"
        case responseMember = "response_member"
        case successMember = "success_member"
        case errorMember = "error_member"
        case errorDescriptionMember = "error_description_member"
        case dropAuthorizationParameter = "drop_authorization_parameter"
        case dropTokenParameter = "drop_token_parameter"
        case renameAuthorizationParameter = "rename_authorization_parameter"
        case renameTokenParameter = "rename_token_parameter"
        case tokenParameterInQuery = "token_parameter_in_query"
        case authorizationFragment = "authorization_fragment"
        case codeParameter = "code_parameter"

        /// What the value is.
        var value: String {
            switch self {
            case .responseScopeSeparator: "C"
            case .tokenTypeAlias: "WORD"
            case .responseRoot, .errorMember, .errorDescriptionMember, .authorizationFragment: "PATH"
            case .responseMember: "NAME=PATH"
            case .successMember: "PATH=VALUE"
            case .renameAuthorizationParameter, .renameTokenParameter: "NAME=OTHER"
            case .dropAuthorizationParameter, .dropTokenParameter, .tokenParameterInQuery, .codeParameter: "NAME"
            }
        }
    }

    /// What may stand in a profile.
    public static let forms = Flag.allCases.map(\.rawValue) + Name.allCases.map { "\($0.rawValue):\($0.value)" }

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
    /// What is no secret, and may stand in an address.
    static let queryTokenParameters = ["client_id", "grant_type", "redirect_uri", "scope"]

    /// Two departures of one place contradict each other, or say the same twice.
    var place: String {
        switch self {
        case .flag(let flag): flag.place
        case .responseScopeSeparator(let separator): "response_scope_separator:\(separator)"
        case .tokenTypeAlias(let word): "token_type_alias:\(word)"
        case .responseRoot: "response_root"
        case .responseMember(let name, _): "response_member:\(name)"
        case .successMember: "success_member"
        case .errorMember: "error_member"
        case .errorDescriptionMember: "error_description_member"
        case .dropAuthorizationParameter(let name), .renameAuthorizationParameter(let name, _): "authorization:\(name)"
        case .dropTokenParameter(let name), .renameTokenParameter(let name, _): "token:\(name)"
        case .tokenParameterInQuery(let name): "token_parameter_in_query:\(name)"
        case .authorizationFragment: "authorization_fragment"
        case .codeParameter: "code_parameter"
        }
    }

    func apply(to dialect: inout Dialect) {
        switch self {
        case .flag(let flag): flag.apply(to: &dialect)
        case .responseScopeSeparator(let separator): dialect.responseScopeSeparators.insert(separator)
        case .tokenTypeAlias(let word): dialect.tokenTypeAliases.insert(word)
        case .responseRoot(let path): dialect.responseRoot = path
        case .responseMember(let name, let path): dialect.memberPaths[name] = path
        case .successMember(let path, let value): dialect.successMember = Dialect.Mark(path: path, value: value)
        case .errorMember(let path): dialect.errorMember = path
        case .errorDescriptionMember(let path): dialect.errorDescriptionMember = path
        case .dropAuthorizationParameter(let name): dialect.droppedAuthorizationParameters.insert(name)
        case .dropTokenParameter(let name): dialect.droppedTokenParameters.insert(name)
        case .renameAuthorizationParameter(let name, let other): dialect.renamedAuthorizationParameters[name] = other
        case .renameTokenParameter(let name, let other): dialect.renamedTokenParameters[name] = other
        case .tokenParameterInQuery(let name): dialect.tokenParametersInQuery.insert(name)
        case .authorizationFragment(let path): dialect.authorizationFragment = path
        case .codeParameter(let name): dialect.codeParameter = name
        }
    }
}
