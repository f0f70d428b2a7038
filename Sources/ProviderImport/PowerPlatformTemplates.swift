import OAuth
import ProviderProfiles

/// Requests as their author wrote them: URLs, queries and bodies with `{Name}` in them.
extension PowerPlatformMethod {
    private static let standardQuery =
        "?client_id={ClientId}&response_type=code&redirect_uri={RedirectUrl}&scope={Scopes}&state={State}"
    private static let standardToken =
        "code={Code}&grant_type=authorization_code&redirect_uri={RedirectUrl}&client_id={ClientId}"
        + "&client_secret={ClientSecret}"
    private static let standardRefresh =
        "refresh_token={RefreshToken}&redirect_uri={RedirectUrl}&grant_type=refresh_token&client_id={ClientId}"
        + "&client_secret={ClientSecret}"

    /// What comes at run time, by the author's name for it.
    private static let runtime = [
        "clientid": "client_id", "clientsecret": "client_secret", "redirecturl": "redirect_uri",
        "redirecturi": "redirect_uri",
        "scopes": "scope", "state": "state", "code": "code", "refreshtoken": "refresh_token",
        "codechallenge": "code_challenge", "codeverifier": "code_verifier", "accesstoken": "access_token",
    ]

    /// A pair of a form, before its holes are filled: what stands literally is decoded.
    struct Pair {
        let name: String
        var value: [TemplatePart]

        func isHole(_ name: String) -> Bool {
            guard value.count == 1, case .hole(let hole) = value[0] else { return false }
            return hole.isSame(as: name)
        }
    }

    mutating func templated(_ settings: LooseValue, _ scopes: [String]) {
        draft.imported["class"] = .string("oauth2generic")
        draft.scopes = scopes
        draft.scopeSeparator = delimiter(settings)
        let text = { [self] (name: String) in custom(settings, name).map(Self.trimmed) }
        guard let authorize = text("authorizationUrlTemplate") ?? text("authorizationUrl") else {
            return draft.needs.append("Where is the authorization endpoint? The file does not say.")
        }
        guard let token = text("tokenUrlTemplate") ?? text("tokenUrl") else {
            return draft.needs.append("Where is the token endpoint? The file does not say.")
        }
        let (suffix, query) = Self.query(text("authorizationUrlQueryStringTemplate") ?? Self.standardQuery)
        guard let authorization = endpoint(authorize + suffix, settings, "authorization"),
            let exchange = endpoint(token, settings, "token")
        else { return }
        var pairs = pairs(query)
        if !pairs.contains(where: { $0.value.contains { $0 == .hole("State") || Self.isHole($0, "state") } }) {
            pairs.append(Pair(name: "state", value: [.hole("State")]))
            draft.repairs.append("The authorization request had no state; it has one.")
        }
        let tokenPairs = self.pairs(text("tokenBodyTemplate") ?? Self.standardToken)
        let refreshPairs = refreshPairs(text("refreshBodyTemplate"), tokenPairs)
        let tokenQuery = self.pairs(Self.query(text("tokenUrlQueryStringTemplate") ?? "?").query)
        let refreshQuery = self.pairs(
            Self.query(text("refreshUrlQueryStringTemplate") ?? text("tokenUrlQueryStringTemplate") ?? "?").query)
        nameClient(tokenPairs + pairs + refreshPairs)
        guard let first = filled(pairs, settings), let second = filled(tokenPairs, settings),
            let third = filled(refreshPairs, settings), let secondQuery = filled(tokenQuery, settings),
            let thirdQuery = filled(refreshQuery, settings)
        else { return }
        setAuthorization(authorization)
        draft.endpoints.append(("token_endpoint", exchange))
        if let refresh = text("refreshUrlTemplate") ?? text("refreshUrl"), refresh != token {
            guard let url = endpoint(refresh, settings, "refresh") else { return }
            if url != exchange { draft.endpoints.append(("refresh_endpoint", url)) }
        }
        draft.authorizationTemplate = first
        draft.tokenTemplate = second
        draft.refreshTemplate = third
        draft.tokenQueryTemplate = secondQuery
        draft.refreshQueryTemplate = thirdQuery
    }

    private static func isHole(_ part: TemplatePart, _ name: String) -> Bool {
        if case .hole(let hole) = part { hole.isSame(as: name) } else { false }
    }

    /// What of a query's template belongs to the path, and the query itself.
    private static func query(_ template: String) -> (path: String, query: String) {
        if template == "?" { return ("", "") }
        guard let mark = template.firstIndex(of: "?") else {
            return template.hasPrefix("/") ? (template, "") : ("", template)
        }
        return (String(template[..<mark]), String(template[template.index(after: mark)...]))
    }

    private mutating func pairs(_ form: String) -> [Pair] {
        var form = form
        if form.contains(PowerPlatformFacts.text("consent")) { form = Self.withoutRedirect(form) }
        return form.split(whereSeparator: { $0 == "&" || $0 == "?" }).compactMap { field in
            let sides = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decoded(Self.trimmed(String(sides[0])))
            guard !name.isEmpty else { return nil }
            let value = sides.count > 1 ? Self.holes(Self.trimmed(String(sides[1]))) : []
            return Pair(
                name: name,
                value: value.map { part in
                    if case .text(let literal) = part { .text(Self.decoded(literal)) } else { part }
                })
        }
    }

    /// The platform's own redirection, where its author wrote it out, is ours.
    private static func withoutRedirect(_ form: String) -> String {
        form.split(separator: "&", omittingEmptySubsequences: false).map { field in
            let sides = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, sides[1].contains(PowerPlatformFacts.text("consent")) else { return String(field) }
            return "\(sides[0])={RedirectUrl}"
        }.joined(separator: "&")
    }

    private static func decoded(_ text: String) -> String {
        (try? Parameters(formURLEncoded: "x=\(text)"))?["x"] ?? text
    }

    /// A refresh as it is written, without what only a first exchange has.
    private mutating func refreshPairs(_ body: String?, _ token: [Pair]) -> [Pair] {
        let written = pairs(body ?? Self.standardRefresh)
        var refresh = written.filter { !$0.isHole("Code") }
        let asks = refresh.contains { $0.value.contains { Self.isHole($0, "RefreshToken") } }
        let isReissue = refresh.contains { $0.name == "grant_type" && $0.value == [.text("client_credentials")] }
        if !asks, !isReissue {
            draft.repairs.append("The refresh request had no refresh token; it was made from the token request.")
            refresh = token.filter { !$0.isHole("Code") && $0.name != "grant_type" }
            refresh.insert(Pair(name: "grant_type", value: [.text("refresh_token")]), at: 0)
            refresh.append(Pair(name: "refresh_token", value: [.hole("RefreshToken")]))
        }
        return refresh
    }

    /// Fields that stand for the client itself are the client's.
    private mutating func nameClient(_ pairs: [Pair]) {
        for pair in pairs {
            guard pair.value.count == 1, case .hole(let name) = pair.value[0], let field = override(name),
                // Beside the client that the file has by itself, another name is no client's.
                Self.runtime[name.asciiLowercased] != nil || Self.isSecret(field)
                    || !pairs.contains(where: { $0.isHole("ClientId") })
            else { continue }
            let meaning: String
            switch pair.name.asciiLowercased {
            case "client_id": meaning = "client_id"
            case "client_secret": meaning = "client_secret"
            default: continue
            }
            if meanings[field.name] == nil, !meanings.values.contains(meaning) { meanings[field.name] = meaning }
        }
    }

    private mutating func filled(_ pairs: [Pair], _ settings: LooseValue) -> [(name: String, value: String)]? {
        var filled: [(name: String, value: String)] = []
        for pair in pairs {
            var value = ""
            for part in pair.value {
                switch part {
                case .text(let literal):
                    // A form may want a word that says nothing, and `dummy` is one.
                    let isWord = literal.asciiLowercased.hasPrefix("dummy")
                    guard !literal.contains("{"), isWord || !AuthorPlaceholder.stands(in: literal) else {
                        draft.needs.append(
                            "What is \(PowerPlatformConnector.shown(pair.name))? The author left a placeholder.")
                        return nil
                    }
                    value += ProfileDraft.literal(literal)
                case .hole(let name):
                    guard let text = variable(name, settings) else { return nil }
                    value += text
                }
            }
            filled.append((ProfileDraft.literal(pair.name), value))
        }
        return filled
    }

    /// What stands for `{Name}`: a field, a constant, or what comes at run time. nil when nobody knows.
    private mutating func variable(_ name: String, _ settings: LooseValue) -> String? {
        if let text = field(name, settings) { return text }
        if let runtime = Self.runtime[name.asciiLowercased] { return "{\(runtime)}" }
        if let extra = settings["additionalParameters"]?[name] { return additional(name, extra) }
        if let parameter = parameter(named: name), !parameter.isOAuth {
            clientFields.insert(parameter.name)
            return hole(parameter.name) ?? ""
        }
        draft.needs.append("What is {\(name)}? Nothing in the file fills it.")
        return nil
    }

    /// An override, or a constant of the author's.
    private mutating func field(_ name: String, _ settings: LooseValue) -> String? {
        let overriding = parameters.first { $0.overridden?.isSame(as: name) ?? false }
        if let overriding, !overriding.isHidden || overriding.isDirectory {
            if overriding.isDirectory { demanded.insert(overriding.name) }
            clientFields.insert(overriding.name)
            let isRuntime = Self.runtime[name.asciiLowercased]
            if let isRuntime, meanings[overriding.name] == isRuntime { return "{\(isRuntime)}" }
            return hole(overriding.name)
        }
        if let constant = custom(settings, name) {
            if !AuthorPlaceholder.stands(in: constant), !constant.contains("{") {
                return ProfileDraft.literal(constant)
            }
            if Self.runtime[name.asciiLowercased] == nil {
                draft.needs.append("What is \(PowerPlatformConnector.shown(name))? The author left a placeholder.")
                return ""
            }
        }
        return overriding.flatMap { hole($0.name) }
    }

    /// A value of the operator's that counts where another field has a certain value.
    private mutating func additional(_ name: String, _ value: LooseValue) -> String? {
        draft.needs.append("Which value does \(PowerPlatformConnector.shown(name)) have for your region?")
        return nil
    }

    /// The template of an endpoint; nil when nobody knows it.
    private mutating func endpoint(_ text: String, _ settings: LooseValue, _ what: String) -> String? {
        guard !AuthorPlaceholder.stands(in: text) else {
            draft.needs.append("Where is the \(what) endpoint? The author left a placeholder.")
            return nil
        }
        var url = ""
        var sample = ""
        for part in Self.holes(text) {
            switch part {
            case .text(let literal):
                url += ProfileDraft.literal(literal)
                sample += literal
            case .hole(let name):
                if Self.runtime[name.asciiLowercased] != nil, field(name, settings) == nil {
                    draft.needs.append("The \(what) endpoint holds {\(name)}, which no URL may: where is it?")
                    return nil
                }
                guard let text = variable(name, settings) else { return nil }
                sample += text.hasPrefix("{") ? (sample.isEmpty ? "https://a.example" : "a") : text
                url += text
            }
        }
        let bare = String(sample.prefix { $0 != "#" })
        guard let made = try? EndpointURL(bare), made.isSecure else {
            draft.needs.append("Where is the \(what) endpoint? \(PowerPlatformConnector.shown(text)) is no https URL.")
            return nil
        }
        return url
    }
}
