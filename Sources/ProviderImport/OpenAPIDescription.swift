import OAuth
import ProviderProfiles

/// What an API description says about who may call, and where.
struct OpenAPIDescription {
    /// One scheme of an alternative, with the scopes that are asked for.
    struct Use: Hashable {
        let name: String
        let scopes: [String]
    }

    private let root: LooseValue
    private let isSwagger: Bool

    init(_ root: LooseValue) {
        self.root = root
        isSwagger = root["openapi"] == nil
    }

    // MARK: Requirements

    private var schemes: LooseValue? {
        isSwagger ? root["securityDefinitions"] : root["components"]?["securitySchemes"]
    }

    /// OpenAPI 3.1 §4.8.30: one of the list is enough, and all of an object. The root's; else those of the operations;
    /// else each scheme by itself.
    var alternatives: [[Use]] {
        var found: [[Use]] = []
        func add(_ security: LooseValue?) {
            for requirement in security?.elements ?? [] {
                let uses = requirement.members.filter { schemes?[$0.name] != nil }.map {
                    Use(name: $0.name, scopes: $0.value.elements.compactMap(\.filledText))
                }
                if !uses.isEmpty, !found.contains(where: { $0.map(\.name) == uses.map(\.name) }) { found.append(uses) }
            }
        }
        add(root["security"])
        if found.isEmpty {
            for (_, path) in root["paths"]?.members.prefix(20_000) ?? [] {
                for (_, operation) in path.members.prefix(64) { add(operation["security"]) }
            }
        }
        if found.isEmpty { found = (schemes?.members ?? []).prefix(32).map { [Use(name: $0.name, scopes: [])] } }
        return found
    }

    /// Follows `$ref` within the file; nil for what is elsewhere, or goes in a circle.
    private func scheme(_ name: String) -> LooseValue? {
        var value = schemes?[name]
        for _ in 0..<8 {
            guard let reference = value?["$ref"]?.text else { return value }
            guard reference.hasPrefix("#/") else { return nil }
            value = reference.dropFirst(2).split(separator: "/").reduce(Optional(root)) { $0?[String($1)] }
        }
        return nil
    }

    // MARK: Drafts

    func draft(_ name: String, _ kind: ProfileKind) -> ProfileDraft {
        var draft = ProfileDraft(name: name, title: root["info"]?["title"]?.filledText ?? name, kind: kind)
        draft.imported["from"] = .string("openapi")
        addHosts(to: &draft)
        return draft
    }

    func draft(for uses: [Use], name: String) -> ProfileDraft {
        let found = uses.map { ($0, scheme($0.name)) }
        let oauth = found.first { use, scheme in
            ["oauth2", "openidconnect"].contains(scheme?["type"]?.text?.asciiLowercased ?? "")
        }
        if let oauth, let scheme = oauth.1 {
            var draft = draft(name, .oauth2)
            addOAuth(scheme, oauth.0, to: &draft)
            draft.placements = [.init(.header, "Authorization", "Bearer {access_token}")]
            for (use, _) in found where use.name != oauth.0.name {
                draft.needs.append("The API wants \(Self.shown(use.name)) beside the access token: add it to apply.")
            }
            return draft
        }
        return keys(found, name)
    }

    private func keys(_ found: [(Use, LooseValue?)], _ name: String) -> ProfileDraft {
        if found.count == 1, let scheme = found[0].1, Self.isBasic(scheme) {
            var draft = draft(name, .basic)
            draft.placements = [.init(.header, "Authorization", "Basic {basic}")]
            return draft
        }
        let isOne = found.count == 1
        var draft = draft(name, isOne ? .apiKey : .secret)
        for (use, scheme) in found {
            let field = isOne ? "api_key" : ProfileDraft.name(use.name)
            draft.fields.append(
                .init(
                    name: field, title: ProfileDraft.line(scheme?["description"]?.filledText ?? "") ?? use.name,
                    secret: true, required: true))
            place(scheme, use, "{\(field)}", in: &draft)
        }
        return draft
    }

    private static func isBasic(_ scheme: LooseValue) -> Bool {
        let type = scheme["type"]?.text?.asciiLowercased
        return type == "basic" || (type == "http" && scheme["scheme"]?.text?.isSame(as: "basic") ?? false)
    }

    private func place(_ scheme: LooseValue?, _ use: Use, _ hole: String, in draft: inout ProfileDraft) {
        let type = scheme?["type"]?.text?.asciiLowercased
        switch (type, scheme?["scheme"]?.text?.asciiLowercased) {
        case ("apikey", _):
            guard let name = scheme?["name"]?.filledText else {
                return draft.needs.append(
                    "Under which name does \(Self.shown(use.name)) go? The description does not say.")
            }
            let place: ProfileDraft.Placement.Place =
                switch scheme?["in"]?.text?.asciiLowercased {
                case "query": .query
                case "cookie": .cookie
                default: .header
                }
            guard place == .query || Self.isToken(name) else {
                return draft.needs.append("\(Self.shown(use.name)) goes under a name that no header can have.")
            }
            draft.placements.append(.init(place, ProfileDraft.literal(name), hole))
        case ("http", "bearer"): draft.placements.append(.init(.header, "Authorization", "Bearer \(hole)"))
        case (nil, _):
            draft.needs.append("What is the scheme \(Self.shown(use.name))? It stands in another file, or nowhere.")
        default:
            draft.needs.append(
                "The scheme \(Self.shown(use.name)) (\(Self.shown(type ?? ""))) is not spoken: how does the credential go?"
            )
        }
    }

    private static func isToken(_ name: String) -> Bool {
        name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"()<>@,;:\\\"/[]?={}".utf8.contains($0) }
    }

    static func shown(_ text: String) -> String { "'\(ProfileDraft.line(String(text.prefix(80))) ?? "")'" }

    // MARK: OAuth

    private func addOAuth(_ scheme: LooseValue, _ use: Use, to draft: inout ProfileDraft) {
        if scheme["type"]?.text?.isSame(as: "openIdConnect") ?? false {
            let suffix = "/.well-known/openid-configuration"
            guard let url = scheme["openIdConnectUrl"]?.filledText, url.hasPrefix("https://"), url.hasSuffix(suffix)
            else {
                return draft.needs.append("Which issuer? The description has no address of its metadata.")
            }
            draft.server["issuer"] = .string(ProfileDraft.literal(String(url.dropLast(suffix.count))))
            draft.scopes = use.scopes.isEmpty ? ["openid", "offline_access"] : use.scopes.map(ProfileDraft.literal)
            return
        }
        let flows = flows(of: scheme)
        let code = flows.first { $0.name == "authorizationcode" }
        let client = flows.first { $0.name == "clientcredentials" }
        guard let flow = code ?? client ?? flows.first else {
            return draft.needs.append(
                "Where are the authorization and the token endpoint? The description does not say.")
        }
        let all = flow.value["scopes"]?.members.map(\.name) ?? []
        draft.scopes = (use.scopes.isEmpty ? all : use.scopes).filter { !$0.isEmpty && ProfileDraft.line($0) == $0 }
            .map(ProfileDraft.literal)
        if flow.name == "password" {
            draft.needs.append("The description knows the password grant alone, which Credence does not speak.")
        }
        if flow.name == "implicit" {
            draft.needs.append("The description knows the implicit grant alone: where is the token endpoint?")
        }
        let wanted =
            flow.name == "clientcredentials"
            ? ["token_endpoint"] : ["authorization_endpoint", "token_endpoint"]
        for (member, key) in [
            ("authorization_endpoint", "authorizationUrl"), ("token_endpoint", "tokenUrl"),
            ("refresh_endpoint", "refreshUrl"),
        ] {
            if let url = flow.value[key]?.filledText.flatMap(absolute) {
                draft.endpoints.append((member, url))
            } else if wanted.contains(member), !["password", "implicit"].contains(flow.name) {
                draft.needs.append("Where is the \(member)? The description does not say, or it is no https URL.")
            }
        }
        var grants: [String] = []
        if code != nil { grants += ["authorization_code", "refresh_token"] }
        if client != nil { grants.append("client_credentials") }
        if client != nil { draft.server["grant_types_supported"] = .array(grants.map { .string($0) }) }
    }

    private func flows(of scheme: LooseValue) -> [(name: String, value: LooseValue)] {
        guard isSwagger || scheme["flows"] == nil else {
            return (scheme["flows"]?.members ?? []).map { ($0.name.asciiLowercased, $0.value) }
        }
        let names = ["accesscode": "authorizationcode", "application": "clientcredentials"]
        let flow = scheme["flow"]?.text?.asciiLowercased ?? ""
        return flow.isEmpty ? [] : [(names[flow] ?? flow, scheme)]
    }

    /// As a template; nil for what is no https URL. Relative ones resolve against the server's.
    private func absolute(_ text: String) -> String? {
        var text = text
        if text.hasPrefix("/"), let server = servers.first(where: { $0.hasPrefix("https://") && !$0.contains("{") }) {
            text = "https://" + server.dropFirst("https://".count).prefix { $0 != "/" && $0 != "?" } + text
        }
        guard !AuthorPlaceholder.stands(in: text), !text.contains("{"), let url = try? EndpointURL(text), url.isSecure
        else { return nil }
        return ProfileDraft.literal(text)
    }

    // MARK: Hosts

    private var servers: [String] {
        if isSwagger {
            let isPlain = root["schemes"]?.elements.compactMap(\.text) == ["http"]
            return (root["host"]?.filledText).map {
                ["\(isPlain ? "http" : "https")://\($0)\(root["basePath"]?.text ?? "")"]
            } ?? []
        }
        return (root["servers"]?.elements ?? []).prefix(16).compactMap { $0["url"]?.filledText }
    }

    private func addHosts(to draft: inout ProfileDraft) {
        let variables = (root["servers"]?.elements ?? []).prefix(16).flatMap { $0["variables"]?.members ?? [] }
        for server in servers {
            let rest = server.split(separator: "://", maxSplits: 1)
            guard rest.count == 2 else { continue }
            let authority = String(rest[1].prefix { $0 != "/" && $0 != "?" })
            let plain = PowerPlatformMethod.holes(authority).map { part in
                if case .text(let text) = part { text } else { "a" }
            }.joined()
            guard !AuthorPlaceholder.isHost(plain) else { continue }
            var host = ""
            for part in PowerPlatformMethod.holes(authority) {
                switch part {
                case .text(let text): host += ProfileDraft.literal(text)
                case .hole(let name):
                    let field = PowerPlatformMethod.fieldName(name)
                    host += "{\(field)}"
                    guard !draft.fields.contains(where: { $0.name == field }) else { continue }
                    let variable = variables.first { $0.name == name }?.value
                    var made = ProfileDraft.Field(
                        name: field, title: ProfileDraft.line(variable?["description"]?.filledText ?? "") ?? name,
                        required: true)
                    made.allowedValues = (variable?["enum"]?.elements ?? []).compactMap(\.filledText)
                        .filter { ProfileDraft.line($0) == $0 }
                    if let standard = variable?["default"]?.filledText, ProfileDraft.line(standard) == standard,
                        made.allowedValues.isEmpty || made.allowedValues.contains(standard)
                    {
                        made.default = standard
                    }
                    draft.fields.append(made)
                }
            }
            if !host.isEmpty, !draft.hosts.contains(host) { draft.hosts.append(host) }
        }
        if draft.hosts.isEmpty, draft.kind != .none {
            draft.needs.append("Which host does the API have? The description does not say: add hosts.")
        }
    }
}
