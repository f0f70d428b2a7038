extension Departure {
    /// Why a text is no departure, for people.
    struct Invalid: Error {
        let message: String
    }

    init(_ text: String) throws(Invalid) {
        if let flag = Flag(rawValue: text) {
            self = .flag(flag)
            return
        }
        let colon = text.firstIndex(of: ":")
        let word = String(text[..<(colon ?? text.endIndex)])
        guard let name = Name(rawValue: word) else {
            guard Flag(rawValue: word) == nil else { throw Invalid(message: "\(word) takes no value") }
            throw Invalid(message: "'\(text)' is not a departure; known are: \(Self.forms.joined(separator: ", "))")
        }
        let value = colon.map { String(text[text.index(after: $0)...]) } ?? ""
        guard !value.isEmpty else {
            throw Invalid(message: "\(name.rawValue) needs a value: \(name.rawValue):\(name.value)")
        }
        self = try Self.read(name, value)
    }

    private static func read(_ name: Name, _ value: String) throws(Invalid) -> Departure {
        func choice(_ value: String, of allowed: [String]) throws(Invalid) -> String {
            guard allowed.contains(value) else {
                throw Invalid(
                    message: "\(name.rawValue) does not take '\(value)'; it takes: \(allowed.joined(separator: ", "))")
            }
            return value
        }
        func pair(_ complaint: String) throws(Invalid) -> (String, String) {
            let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw Invalid(message: "\(name.rawValue) needs \(complaint): \(name.rawValue):\(name.value)")
            }
            return (parts[0], parts[1])
        }
        switch name {
        case .responseScopeSeparator:
            guard value.count == 1, let separator = value.first else {
                throw Invalid(message: "\(name.rawValue) takes one character")
            }
            return .responseScopeSeparator(separator)
        case .tokenTypeAlias: return .tokenTypeAlias(value)
        case .responseRoot: return .responseRoot(value)
        case .responseMember:
            let (member, path) = try pair("a name and a path")
            return .responseMember(try choice(member, of: responseMembers), path: path)
        case .successMember:
            let (path, value) = try pair("a path and a value")
            return .successMember(path, value: value)
        case .errorMember: return .errorMember(value)
        case .errorDescriptionMember: return .errorDescriptionMember(value)
        case .dropAuthorizationParameter:
            return .dropAuthorizationParameter(try choice(value, of: droppableAuthorizationParameters))
        case .dropTokenParameter: return .dropTokenParameter(try choice(value, of: droppableTokenParameters))
        case .renameAuthorizationParameter:
            let (from, to) = try pair("two names")
            return .renameAuthorizationParameter(try choice(from, of: renamableAuthorizationParameters), to: to)
        case .renameTokenParameter:
            let (from, to) = try pair("two names")
            return .renameTokenParameter(try choice(from, of: renamableTokenParameters), to: to)
        case .tokenParameterInQuery: return .tokenParameterInQuery(try choice(value, of: queryTokenParameters))
        case .authorizationFragment:
            let isRoute = value.unicodeScalars.allSatisfy {
                $0.isASCIIAlphanumeric || "-._~!$&'()*+,;=:@/".unicodeScalars.contains($0)
            }
            guard value.hasPrefix("/"), isRoute else {
                throw Invalid(message: "\(name.rawValue) takes the route behind the #, such as /oauth/authorize")
            }
            return .authorizationFragment(value)
        case .codeParameter:
            guard !["state", "error", "error_description", "error_uri", "iss"].contains(value) else {
                throw Invalid(message: "code_parameter does not take '\(value)', which has a meaning of its own")
            }
            return .codeParameter(value)
        }
    }
}
