import OAuth
import ProviderProfiles

/// What is known of sign-ins beforehand: data, in `Resources`.
struct PowerPlatformFacts {
    static let known: LooseValue = LooseReader.read(PackageResources.power_platform_json)?.value ?? .null

    static func text(_ name: String) -> String { known[name]?.text ?? "" }

    /// The vendor of that name, if its endpoints are known.
    static func vendor(_ name: String) -> LooseValue? {
        known["vendors"]?.elements.first { vendor in
            (vendor["names"]?.elements ?? []).contains { $0.text?.isSame(as: name) ?? false }
        }
    }
}

extension PowerPlatformMethod {
    private static let grantNames = ["authorization_code", "client_credentials", "password", "implicit"]

    mutating func oauth2(_ settings: LooseValue?) {
        draft.kind = .oauth2
        draft.departures = ["no_pkce"]
        if settings == nil {
            draft.repairs.append("No parameter goes with the file's OAuth scheme: its URLs were taken.")
        }
        for parameter in parameters {
            switch parameter.overridden?.asciiLowercased {
            case "clientid": meanings[parameter.name] = "client_id"
            case "clientsecret": meanings[parameter.name] = "client_secret"
            default: continue
            }
        }
        if parameters.contains(where: { $0.isOAuth && $0.strays != nil }) {
            draft.repairs.append("The custom parameters stood beside the OAuth settings; they were taken for theirs.")
        }
        let isFromScheme = settings == nil
        let settings = settings ?? .null
        let scopes = isFromScheme ? connector.schemeScopes.map(ProfileDraft.literal) : scopes(settings)
        let provider = settings["identityProvider"]?.filledText ?? "oauth2"
        draft.server["token_endpoint_auth_methods_supported"] = .array(
            ["client_secret_post", "client_secret_basic"].map { .string($0) })
        switch provider.asciiLowercased {
        case "oauth2generic": templated(settings, scopes)
        case "aad": directory(settings, isCertificate: false)
        case "aadcertificate": directory(settings, isCertificate: true)
        case "oauth2": plain(settings, scopes)
        case "oauth2pkce":
            draft.departures = []
            draft.server["token_endpoint_auth_methods_supported"] = .array(
                ["client_secret_post", "none"].map { .string($0) })
            for (name, key) in [("idp_hint", "idpHint"), ("audience", "audience")] {
                if let value = custom(settings, key), !AuthorPlaceholder.stands(in: value) {
                    draft.authorizationParameters.append((name, ProfileDraft.literal(value)))
                }
            }
            plain(settings, scopes)
        case "none":
            draft.needs.append("The file has OAuth settings and says that nobody signs in: how does one?")
            plain(settings, scopes)
        default:
            let hasURLs = custom(settings, "authorizationUrl") != nil && custom(settings, "tokenUrl") != nil
            if !hasURLs, let vendor = PowerPlatformFacts.vendor(provider) {
                built(in: vendor, settings, scopes)
            } else {
                draft.repairs.append(
                    "\(PowerPlatformConnector.shown(provider)) is no provider that is known; the file's own URLs were taken."
                )
                plain(settings, scopes)
            }
        }
    }

    func custom(_ settings: LooseValue, _ name: String) -> String? {
        settings["customParameters"]?[name]?.boxedText
    }

    /// The override of a setting that a person fills in.
    func override(_ name: String) -> Parameter? {
        parameters.first { parameter in
            parameter.overridden?.isSame(as: name) ?? false && !parameter.isHidden && !parameter.isDirectory
        }
    }

    // MARK: Scopes

    private mutating func scopes(_ settings: LooseValue) -> [String] {
        if let field = override("scopes") ?? override("scope") ?? override("customScopes") {
            clientFields.insert(field.name)
            return ["{\(Self.fieldName(field.name))}"]
        }
        var scopes: [String] = []
        let elements: [LooseValue]
        switch settings["scopes"] {
        case .array(let list)?: elements = list
        case let value?: elements = [value]
        case nil: elements = []
        }
        for text in elements.compactMap(\.filledText) {
            if Self.grantNames.contains(text.asciiLowercased) {
                draft.repairs.append("The grant type \(text) stood among the scopes.")
                continue
            }
            if text == "Scope" || AuthorPlaceholder.stands(in: text) {
                draft.needs.append("Which scopes? The author left \(PowerPlatformConnector.shown(text)).")
                if text != "Scope" { continue }
            }
            var scope = ""
            for part in PowerPlatformExpression(text).parts {
                switch part {
                case .field(let name, let standard):
                    if let parameter = parameter(named: name) { clientFields.insert(parameter.name) }
                    scope += hole(name, standard: standard) ?? ""
                case .text(let literal): scope += substituted(literal)
                case .header, .other: continue
                }
            }
            guard !scope.isEmpty else { continue }
            guard !scope.unicodeScalars.contains(where: ProfileDraft.isControl) else {
                draft.repairs.append("A scope with control characters was left out.")
                continue
            }
            scopes.append(scope)
        }
        return scopes
    }

    /// `{X}` of a scope as the field that it is; others stay as they are written.
    private mutating func substituted(_ text: String) -> String {
        var result = ""
        for part in Self.holes(text) {
            switch part {
            case .text(let literal): result += ProfileDraft.literal(literal)
            case .hole(let name):
                guard let field = override(name) ?? parameter(named: name), !field.isOAuth else {
                    draft.needs.append("What is {\(name)} among the scopes?")
                    continue
                }
                clientFields.insert(field.name)
                result += hole(field.name) ?? ""
            }
        }
        return result
    }

    /// Text with `{name}` in it.
    enum TemplatePart: Equatable {
        case text(String)
        case hole(String)
    }

    static func holes(_ text: String) -> [TemplatePart] {
        var parts: [TemplatePart] = []
        var rest = Substring(text)
        var literal = ""
        while let open = rest.firstIndex(of: "{") {
            literal += rest[..<open]
            let name = rest[rest.index(after: open)...]
            guard let close = name.firstIndex(of: "}") else { break }
            let inner = name[..<close]
            let isName =
                !inner.isEmpty
                && inner.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x5F || $0 == 0x2D
                }
            if isName {
                if !literal.isEmpty { parts.append(.text(literal)) }
                literal = ""
                parts.append(.hole(String(inner)))
            } else {
                literal += "{\(inner)}"
            }
            rest = name[name.index(after: close)...]
        }
        literal += rest
        if !literal.isEmpty { parts.append(.text(literal)) }
        return parts
    }

    // MARK: Fixed requests

    private mutating func plain(_ settings: LooseValue, _ scopes: [String]) {
        draft.imported["class"] = .string("oauth2")
        draft.scopes = scopes
        draft.scopeSeparator = delimiter(settings)
        let scheme = connector.oauthScheme
        let authorize = url(settings, "authorizationUrl", fallback: scheme?.authorization)
        let token = url(settings, "tokenUrl", fallback: scheme?.token)
        if authorize == nil { draft.needs.append("Where is the authorization endpoint? The file does not say.") }
        if token == nil { draft.needs.append("Where is the token endpoint? The file does not say.") }
        guard let authorize, let token else { return }
        guard authorize != token || authorize.contains("{") else {
            return draft.needs.append("Which URL is the token endpoint's? The file has one for both endpoints.")
        }
        setAuthorization(authorize)
        draft.endpoints.append(("token_endpoint", token))
        refresh(settings, authorize: authorize, token: token)
    }

    private mutating func refresh(_ settings: LooseValue, authorize: String, token: String) {
        if let field = override("refreshUrl") {
            clientFields.insert(field.name)
            return draft.endpoints.append(("refresh_endpoint", "{\(Self.fieldName(field.name))}"))
        }
        guard let given = custom(settings, "refreshUrl"), !AuthorPlaceholder.stands(in: given) else { return }
        let bare = { (text: String) in text.hasSuffix("/") ? String(text.dropLast()) : text }
        if bare(given) == bare(custom(settings, "authorizationUrl") ?? authorize) {
            return draft.repairs.append(
                "The refresh URL was that of the authorization endpoint; the token endpoint was taken.")
        }
        if given.contains(PowerPlatformFacts.text("consent")) {
            return draft.repairs.append("The refresh URL was that of the redirection; the token endpoint was taken.")
        }
        guard let url = checked(given) else {
            return draft.repairs.append("The refresh URL is none; the token endpoint was taken.")
        }
        if url != token { draft.endpoints.append(("refresh_endpoint", url)) }
    }

    /// The template of a URL; nil when the file does not have it.
    private mutating func url(_ settings: LooseValue, _ name: String, fallback: String?) -> String? {
        if let field = override(name) {
            clientFields.insert(field.name)
            return "{\(Self.fieldName(field.name))}"
        }
        if let given = custom(settings, name), let url = checked(given) { return url }
        guard let fallback, !fallback.contains(PowerPlatformFacts.text("designer")), let url = checked(fallback) else {
            return nil
        }
        draft.repairs.append("\(name) was taken from the Swagger file.")
        return url
    }

    /// A literal URL, as a template; nil for a placeholder, and for what is no https URL.
    private func checked(_ text: String) -> String? {
        let text = Self.trimmed(text)
        guard !AuthorPlaceholder.stands(in: text), !text.contains("{") else { return nil }
        let bare = String(text.prefix { $0 != "#" })
        guard let url = try? EndpointURL(bare), url.isSecure else { return nil }
        return ProfileDraft.literal(text)
    }

    static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// A page that is one program routes behind a `#`, and reads its query there.
    mutating func setAuthorization(_ url: String) {
        guard let hash = url.firstIndex(of: "#") else {
            return draft.endpoints.append(("authorization_endpoint", url))
        }
        let bare = String(url[..<hash])
        draft.endpoints.append(("authorization_endpoint", bare))
        let route = String(url[url.index(after: hash)...].prefix { $0 != "?" })
        if !bare.contains("?"), route.hasPrefix("/") {
            draft.departures.append("authorization_fragment:\(route)")
        } else {
            draft.repairs.append("The fragment of the authorization endpoint was left out.")
        }
    }

    func delimiter(_ settings: LooseValue) -> String {
        guard let text = settings["customParameters"]?["scopeListDelimiter"]?.boxedText, !text.isEmpty,
            ProfileDraft.line("x\(text)x") == "x\(text)x"
        else { return " " }
        return text
    }

    // MARK: Vendors

    private mutating func built(in vendor: LooseValue, _ settings: LooseValue, _ scopes: [String]) {
        draft.imported["class"] = .string("oauth-vendor")
        draft.scopes = scopes
        draft.scopeSeparator = vendor["separator"]?.filledText ?? " "
        let login = custom(settings, "loginUri").flatMap(checked) ?? vendor["login"]?.filledText ?? ""
        let base = login.hasSuffix("/") ? String(login.dropLast()) : login
        for name in ["authorization_endpoint", "token_endpoint"] {
            guard let path = vendor[name]?.filledText else { continue }
            draft.endpoints.append((name, path.hasPrefix("/") ? base + path : path))
        }
        for (name, value) in vendor["authorization_parameters"]?.members ?? [] {
            draft.authorizationParameters.append((name, value.text ?? ""))
        }
        if vendor["basic"]?.isTrue ?? false {
            draft.server["token_endpoint_auth_methods_supported"] = .array([.string("client_secret_basic")])
        }
    }

    // MARK: Directories

    /// Version 1 of the directory's endpoints, which is what the files assume: a resource, and no scopes.
    private mutating func directory(_ settings: LooseValue, isCertificate: Bool) {
        draft.imported["class"] = .string(isCertificate ? "aadcertificate" : "aad")
        if isCertificate {
            draft.warnings.append(
                "The file signs in with a certificate of its maker's: register a client of your own instead.")
        }
        let given = { [self] (name: String) in
            custom(settings, name).map(Self.trimmed).flatMap { AuthorPlaceholder.stands(in: $0) ? nil : $0 }
        }
        var login = (given("loginUri") ?? given("loginUriAAD")).flatMap(checked) ?? PowerPlatformFacts.text("login")
        while login.hasSuffix("/") { login.removeLast() }
        var tenant = ProfileDraft.literal(given("tenantId") ?? "common")
        if let field = override("tenantId") {
            clientFields.insert(field.name)
            tenant = "{\(Self.fieldName(field.name))}"
            demanded.insert(field.name)
        }
        let base = "\(login)/\(tenant)/oauth2"
        guard let resource = resource(settings) else { return }
        draft.endpoints = [("authorization_endpoint", "\(base)/authorize"), ("token_endpoint", "\(base)/token")]
        draft.authorizationParameters = [("resource", resource)]
        draft.tokenParameters = [("resource", resource)]
        draft.refreshParameters = [("resource", resource)]
        let offers = parameters.first { $0.overridden?.isSame(as: "grantType") ?? false }?.allowedValues ?? []
        if custom(settings, "grantType") == "client_credentials" || offers.contains("client_credentials") {
            draft.server["grant_types_supported"] = .array(
                ["authorization_code", "refresh_token", "client_credentials"].map { .string($0) })
        }
    }

    private mutating func resource(_ settings: LooseValue) -> String? {
        if let field = override("resourceUri"), field.isRequired {
            clientFields.insert(field.name)
            return "{\(Self.fieldName(field.name))}"
        }
        guard let text = custom(settings, "resourceUri") else {
            draft.needs.append("What is the resource? The file does not say: add it to the parameters.")
            return nil
        }
        if text.contains("@") {
            // `@connectionParameters('x')`.
            let expression = PowerPlatformExpression(text)
            if !expression.fields.isEmpty, !expression.isOfRequest {
                var value = ""
                for part in expression.parts {
                    switch part {
                    case .text(let literal): value += ProfileDraft.literal(literal)
                    case .field(let name, let standard):
                        if let parameter = parameter(named: name) { clientFields.insert(parameter.name) }
                        value += hole(name, standard: standard) ?? ""
                    default: continue
                    }
                }
                return value
            }
        }
        guard AuthorPlaceholder.stands(in: text) else { return ProfileDraft.literal(text) }
        if text == settings["clientId"]?.text, !text.asciiLowercased.contains("dummy") {
            draft.repairs.append("The resource was the client's placeholder: it is the client's own ID.")
            return "{client_id}"
        }
        draft.needs.append("What is the resource? The author left a placeholder: add it to the parameters.")
        return nil
    }
}
