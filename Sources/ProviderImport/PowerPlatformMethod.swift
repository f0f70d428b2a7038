import OAuth
import ProviderProfiles

/// One way of connecting: its fields, its kind, and where its credential goes.
struct PowerPlatformMethod {
    typealias Parameter = PowerPlatformConnector.Parameter

    let connector: PowerPlatformConnector
    let parameters: [Parameter]
    var draft: ProfileDraft
    /// Fields that a request to the authorization server is made of: the client's.
    var clientFields: Set<String> = []
    /// Fields that a person must fill in for a template, whatever the file says of them.
    var demanded: Set<String> = []
    /// Which of the standard's own values a field is.
    var meanings: [String: String] = [:]

    init(connector: PowerPlatformConnector, parameters: [Parameter], name: String) {
        self.connector = connector
        self.parameters = parameters
        draft = ProfileDraft(name: name, title: connector.title ?? name, kind: .none)
        draft.imported["from"] = .string("power-platform")
    }

    /// The parameter whose settings say how to sign in.
    var oauth: Parameter? { parameters.first(where: \.isOAuth) }

    /// Those that a person fills in.
    private var asked: [Parameter] {
        parameters.filter { parameter in
            guard !parameter.isOAuth, !parameter.isGateway else { return false }
            if demanded.contains(parameter.name) { return true }
            return !parameter.isDirectory && !parameter.isHidden
        }
    }

    private var secrets: [Parameter] { asked.filter(Self.isSecret) }

    /// The secret that goes beside OAuth's token, where the file has a scheme for it.
    var secretBesideOAuth: String? { secrets.first { $0.overridden == nil }?.name }

    mutating func profile() -> ImportedProfile {
        if let oauth {
            oauth2(oauth.settings)
        } else if !chooseKind() {
            oauth2(nil)
        }
        var applying = PowerPlatformApplying(method: self)
        applying.run()
        draft = applying.method.draft
        addFields()
        addHosts()
        addNeeds(applying)
        return draft.profile()
    }

    // MARK: Kind

    /// Whether it is settled; what remains is OAuth without settings.
    private mutating func chooseKind() -> Bool {
        let secrets = secrets
        if parameters.isEmpty {
            if connector.schemes.isEmpty { return settle(.none, "none") }
            switch connector.schemes[0].kind {
            case .oauth: return false
            case .basic:
                draft.repairs.append(
                    "No parameter goes with the file's Basic scheme: user name and password are asked for.")
                draft.fields.append(Self.made("username", "User name", secret: false))
                draft.fields.append(Self.made("password", "Password", secret: true))
                return settle(.basic, "basic")
            case .apiKey(let isQuery, _):
                draft.repairs.append("No parameter goes with the file's scheme: an API key is asked for.")
                draft.fields.append(Self.made("api_key", "API key", secret: true))
                return settle(.apiKey, isQuery ? "apikey-query" : "apikey-header")
            }
        }
        let policyFields = policyFields
        let asked = asked
        let named = { (name: String) in asked.first { $0.name.isSame(as: name) } }
        if let username = named("username"), let password = named("password") {
            let isElsewhere = [username, password].contains { policyFields.contains($0.name.asciiLowercased) }
            if connector.hasBasicScheme || (connector.keySchemes.isEmpty && !isElsewhere) {
                if !connector.hasBasicScheme {
                    draft.repairs.append("The file has no scheme for user name and password: Basic was taken.")
                }
                meanings[username.name] = "username"
                meanings[password.name] = "password"
                return settle(.basic, "basic")
            }
        }
        guard !secrets.isEmpty else { return settle(.none, "none") }
        if let scheme = connector.keySchemes.first {
            meanings[(secrets.first { $0.name.isSame(as: "api_key") } ?? secrets[0]).name] = "api_key"
            return settle(.apiKey, scheme.isQuery ? "apikey-query" : "apikey-header")
        }
        if secrets.contains(where: { policyFields.contains($0.name.asciiLowercased) }) {
            return settle(.secret, "apikey-policy")
        }
        draft.needs.append("Where does the secret go? The file does not say: add it to apply.")
        return settle(.secret, "undetermined")
    }

    private mutating func settle(_ kind: ProfileKind, _ name: String) -> Bool {
        draft.kind = kind
        draft.imported["class"] = .string(name)
        return true
    }

    private static func made(_ name: String, _ title: String, secret: Bool) -> ProfileDraft.Field {
        ProfileDraft.Field(name: name, title: title, secret: secret, required: true)
    }

    /// The fields that any policy names, in lower case.
    private var policyFields: Set<String> {
        var names: Set<String> = []
        for policy in connector.policies {
            for (_, value) in policy["parameters"]?.members ?? [] {
                for name in PowerPlatformExpression(value.text ?? "").fields { names.insert(name.asciiLowercased) }
            }
        }
        return names
    }

    /// The secrets besides the main one, each bound to another of the schemes that belong together.
    var furtherKeys: [(field: String, isQuery: Bool, name: String)] {
        guard connector.together.count > 1 else { return [] }
        let schemes = connector.keySchemes.dropFirst().filter { connector.together.contains($0.scheme) }
        let rest = secrets.filter { meanings[$0.name] == nil }
        return zip(rest, schemes).map { ($0.name, $1.isQuery, $1.name) }
    }

    // MARK: Fields

    /// By its type, or by its name: authors type keys as plain text.
    static func isSecret(_ parameter: Parameter) -> Bool {
        if parameter.type == "securestring" { return true }
        guard parameter.type == "string" || parameter.type.isEmpty else { return false }
        let name = (parameter.overridden ?? parameter.name).asciiLowercased
        if name.contains("url") || name.contains("user") || name.hasSuffix("name") { return false }
        if ["secret", "password", "token"].contains(where: { name.contains($0) }) { return true }
        let words = [
            "apikey", "api-key", "api_key", "api key", "subscriptionkey", "subscription-key", "signaturekey",
            "signature-key", "privatekey", "private-key", "private_key", "licensekey", "license-key",
        ]
        return words.contains { name.contains($0) }
    }

    /// What the profile's field is called; nil when there is no such parameter.
    func parameter(named name: String) -> Parameter? { parameters.first { $0.name.isSame(as: name) } }

    /// The hole of a field, or the value that it always has; nil for what nobody fills in.
    func hole(_ name: String, standard: String? = nil) -> String? {
        guard let parameter = parameter(named: name), !parameter.isOAuth else {
            return standard.map(ProfileDraft.literal)
        }
        if !asked.contains(where: { $0.name == parameter.name }) {
            let constant =
                parameter.defaultValue
                ?? (parameter.allowedValues.count == 1 ? parameter.allowedValues[0] : standard)
            return constant.map(ProfileDraft.literal)
        }
        let field = Self.fieldName(parameter.name)
        let fits = standard.map { !$0.utf8.contains { $0 == 0x7B || $0 == 0x7D } } ?? false
        return fits ? "{\(field)|\(standard ?? "")}" : "{\(field)}"
    }

    /// A parameter's name as a field may be called.
    static func fieldName(_ name: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars.prefix(64) {
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            scalars.append(isPlain || "_-.: ".unicodeScalars.contains(scalar) ? scalar : "_")
        }
        while scalars.last == " " { scalars.removeLast() }
        if let first = scalars.first, "-.: ".unicodeScalars.contains(first) {
            scalars.replaceSubrange(..<scalars.index(after: scalars.startIndex), with: "_".unicodeScalars)
        }
        return scalars.isEmpty ? "_" : String(scalars)
    }

    private mutating func addFields() {
        for parameter in asked {
            let interface = parameter.value["uiDefinition"]
            var field = ProfileDraft.Field(
                name: Self.fieldName(parameter.name), title: interface?["displayName"]?.filledText ?? parameter.name,
                secret: Self.isSecret(parameter),
                required: parameter.isRequired || demanded.contains(parameter.name))
            let texts = [interface?["schema"]?["description"], interface?["description"], interface?["tooltip"]]
            field.help = texts.lazy.compactMap { $0?.filledText }.first
            field.allowedValues = parameter.allowedValues.filter { ProfileDraft.line($0) == $0 }
            field.meaning = meanings[parameter.name]
            if !field.secret, let value = parameter.defaultValue, ProfileDraft.line(value) == value,
                field.allowedValues.isEmpty || field.allowedValues.contains(value)
            {
                field.default = value
            }
            let isOverride = draft.kind == .oauth2 && parameter.overridden != nil
            if isOverride || clientFields.contains(parameter.name) { field.of = .client }
            draft.fields.append(field)
        }
    }

    // MARK: Hosts and needs

    private mutating func addHosts() {
        var hosts: [String] = []
        if let host = connector.host, !AuthorPlaceholder.isHost(host) { hosts.append(ProfileDraft.literal(host)) }
        for route in draft.routes where !route.isOfRequest {
            guard let url = route.url else { continue }
            let authority = Self.authority(of: url)
            // Of a parameter that the file does not have, nothing is left.
            if !authority.hasPrefix("."), !authority.contains("..") { hosts.append(authority) }
        }
        for host in hosts where !host.isEmpty && !draft.hosts.contains(host) { draft.hosts.append(host) }
    }

    /// What stands for the host in a URL's template.
    private static func authority(of url: String) -> String {
        let rest = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        // A default may hold a URL of its own: a hole ends where it ends.
        let isLiteralScheme = rest.count == 2 && !rest[0].contains("{")
        var text = Substring(isLiteralScheme ? String(rest[1]) : url)
        var authority = ""
        var depth = 0
        while let character = text.popFirst() {
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if depth == 0, character == "/" || character == "?" { break }
            authority.append(character)
        }
        return authority
    }

    private mutating func addNeeds(_ applying: PowerPlatformApplying) {
        let isCredentialed = draft.kind != .none
        if connector.isGatewayOnly || parameters.contains(where: { $0.type == "gatewaysetting" }) {
            draft.needs.append(
                "The API is reached through a gateway in somebody's network, which Credence does not have.")
        }
        let isHostless = connector.host.map(AuthorPlaceholder.isHost) ?? false
        if isCredentialed, isHostless, draft.routes.allSatisfy({ $0.url == nil }) {
            draft.needs.append("Which host does the API have? The file says '\(connector.host ?? "")': add hosts.")
        }
        if isCredentialed, applying.isExchanged {
            draft.needs.append(
                "The connector's own code makes the credential out of the fields before each request; that is not in its files."
            )
        }
        if isCredentialed, connector.transfers == ["http"] {
            draft.warnings.append("The API is called without TLS: whoever is on the way sees the credential.")
        }
        if isCredentialed, draft.routes.contains(where: \.isOfRequest) {
            draft.warnings.append(
                "Whoever calls the API chooses the host: add to hosts where the credential may go. It is given for no other."
            )
        }
    }
}
