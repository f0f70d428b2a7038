/// A connector's two files, as far as credentials go.
struct PowerPlatformConnector {
    /// What a person is asked for when a connection is made.
    struct Parameter {
        let name: String
        let value: LooseValue

        var type: String { value["type"]?.text?.asciiLowercased ?? "" }
        /// The custom parameters of some stand beside the settings that they belong into.
        var settings: LooseValue? {
            guard let settings = value["oAuthSettings"], let strays else { return value["oAuthSettings"] }
            return .object(settings.members + [("customParameters", strays)])
        }
        var strays: LooseValue? {
            value["oAuthSettings"]?["customParameters"] == nil ? value["customParameters"] : nil
        }
        var isOAuth: Bool { type == "oauthsetting" || settings != nil }
        var isGateway: Bool {
            type == "gatewaysetting"
                || (constraints?["capability"]?.elements.compactMap(\.text) ?? []).elementsEqual(["gateway"])
        }
        var constraints: LooseValue? { value["uiDefinition"]?["constraints"] }
        var isRequired: Bool { constraints?["required"]?.isTrue ?? false }
        var isHidden: Bool { constraints?["hidden"]?.isTrue ?? false }
        /// Filled by the platform with the directory of whoever signs in. Nothing else is, whatever the file says.
        var isDirectory: Bool {
            name.asciiLowercased.contains("tenant")
                && value["metadata"]?["sourceType"]?.text?.isSame(as: "AzureActiveDirectoryTenant") ?? false
        }
        /// What follows the name of the OAuth parameter: `customHost` of `token:customHost`; nil for others.
        var overridden: String? {
            name.utf8.firstIndex(of: UInt8(ascii: ":")).map { String(name[name.utf8.index(after: $0)...]) }
        }
        /// The values to choose from.
        var allowedValues: [String] {
            let lists = [constraints?["allowedValues"], value["allowedValues"]]
            return lists.lazy.map { ($0?.elements ?? []).compactMap(\.boxedText) }.first { !$0.isEmpty } ?? []
        }
        var defaultValue: String? {
            (value["defaultValue"] ?? value["uiDefinition"]?["defaultValue"] ?? constraints?["default"])?.filledText
        }
    }

    struct Set {
        let name: String
        let parameters: [Parameter]
    }

    struct Scheme {
        enum Kind { case apiKey(isQuery: Bool, name: String), basic, oauth(authorization: String?, token: String?) }
        let name: String
        let kind: Kind
    }

    var parameters: [Parameter] = []
    var sets: [Set] = []
    var policies: [LooseValue] = []
    /// Whether code of the author's own runs over requests.
    var hasScript = false
    /// Whether nothing but a gateway in somebody's network reaches the API.
    var isGatewayOnly = false
    var publisher: String?
    var title: String?
    var host: String?
    var basePath: String?
    var transfers: [String] = []
    var schemes: [Scheme] = []
    /// The schemes that the first of the file's alternatives asks for together.
    var together: [String] = []
    /// What the first of the file's alternatives asks for of the OAuth scheme; else all that the scheme knows.
    var schemeScopes: [String] = []

    init(properties root: LooseValue?, swagger: LooseValue?, repairs: inout [String]) {
        if let root {
            let properties = root["properties"] ?? root
            var parameters = Self.parameters(properties["connectionParameters"])
            let isParameter = { (name: String) in parameters.contains { $0.name.isSame(as: name) } }
            for (name, value) in properties.members where name.utf8.contains(UInt8(ascii: ":")) && !isParameter(name) {
                repairs.append("\(Self.shown(name)) stood one level too high.")
                parameters.append(Parameter(name: name, value: value))
            }
            self.parameters = parameters
            for value in properties["connectionParameterSets"]?["values"]?.elements ?? [] {
                let name = value["name"]?.filledText ?? "method\(sets.count + 1)"
                sets.append(Set(name: name, parameters: Self.parameters(value["parameters"])))
            }
            policies = properties["policyTemplateInstances"]?.elements ?? []
            hasScript = properties["scriptOperations"] != nil || properties["script"] != nil
            let capabilities = (properties["capabilities"]?.elements ?? []).compactMap(\.text)
            isGatewayOnly = capabilities.count == 1 && capabilities[0].isSame(as: "gateway")
            publisher = properties["publisher"]?.filledText
        }
        guard let swagger else { return }
        title = swagger["info"]?["title"]?.filledText
        host = swagger["host"]?.filledText
        basePath = swagger["basePath"]?.filledText
        transfers = (swagger["schemes"]?.elements ?? []).compactMap { $0.text?.asciiLowercased }
        for (name, value) in swagger["securityDefinitions"]?.members ?? [] {
            let kind: Scheme.Kind
            switch value["type"]?.text?.asciiLowercased {
            case "apikey":
                guard let name = value["name"]?.filledText else { continue }
                kind = .apiKey(isQuery: value["in"]?.text?.isSame(as: "query") ?? false, name: name)
            case "basic": kind = .basic
            case "oauth2":
                kind = .oauth(
                    authorization: value["authorizationUrl"]?.filledText, token: value["tokenUrl"]?.filledText)
            default: continue
            }
            schemes.append(Scheme(name: name, kind: kind))
        }
        let first = swagger["security"]?.elements.first
        together = first?.members.map(\.name) ?? []
        for (name, value) in swagger["securityDefinitions"]?.members ?? []
        where value["type"]?.text?.isSame(as: "oauth2") ?? false {
            schemeScopes =
                first?.members.first { $0.name == name }?.value.elements.compactMap(\.filledText)
                ?? value["scopes"]?.members.map(\.name) ?? []
            break
        }
    }

    private static func parameters(_ value: LooseValue?) -> [Parameter] {
        // Of two of one name the later counts.
        var found: [Parameter] = []
        for (name, value) in value?.members ?? [] where !name.isEmpty {
            guard case .object = value else { continue }
            found.removeAll { $0.name == name }
            found.append(Parameter(name: name, value: value))
        }
        return found
    }

    /// A name from the file, safe to print.
    static func shown(_ name: String) -> String {
        let line = ProfileDraft.line(String(name.prefix(80))) ?? ""
        return "'\(line)'"
    }

    // MARK: Schemes

    var hasBasicScheme: Bool {
        schemes.contains {
            if case .basic = $0.kind { true } else { false }
        }
    }

    /// In the order of the file.
    var keySchemes: [(scheme: String, isQuery: Bool, name: String)] {
        schemes.compactMap { scheme in
            if case .apiKey(let isQuery, let name) = scheme.kind {
                // Some are written with a space behind.
                (scheme.name, isQuery, ProfileDraft.line(name) ?? name)
            } else {
                nil
            }
        }
    }

    var oauthScheme: (authorization: String?, token: String?)? {
        schemes.lazy.compactMap { scheme in
            if case .oauth(let authorization, let token) = scheme.kind { (authorization, token) } else { nil }
        }.first
    }
}

/// What an author left for others to fill in.
enum AuthorPlaceholder {
    static func stands(in text: String) -> Bool {
        let lower = text.asciiLowercased
        if lower.hasPrefix("dummy") || lower == "required" { return true }
        if lower.hasPrefix("["), lower.hasSuffix("]") { return true }
        let marks = [("<", ">"), ("[[", "]]"), ("{{", "}}"), ("@@", "@@")]
        for (open, close) in marks {
            let parts = lower.split(separator: open, maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[1].contains(close) { return true }
        }
        let words = ["your_", "your ", "your-", "yourinstance", "placeholder", "resource-id"]
        if words.contains(where: { lower.contains($0) }) { return true }
        return hasYourName(text)
    }

    /// `YourTenant`: the word with another right behind it.
    private static func hasYourName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let word = Array("Your".utf8)
        guard bytes.count > word.count else { return false }
        return (0..<bytes.count - word.count).contains { place in
            bytes[place..<place + word.count].elementsEqual(word) && (0x41...0x5A).contains(bytes[place + word.count])
        }
    }

    /// Whether a host is one that stands for another: it has no dots, or says so.
    static func isHost(_ host: String) -> Bool {
        let lower = host.asciiLowercased
        if stands(in: host) || lower.hasPrefix("your") { return true }
        if lower.utf8.contains(where: { $0 == 0x20 || $0 == 0x7B || $0 == 0x7D }) || !lower.contains(".") {
            return true
        }
        let labels = lower.split(separator: ".")
        return labels.contains { $0 == "contoso" || $0 == "example" || $0 == "yourdomain" }
    }
}
