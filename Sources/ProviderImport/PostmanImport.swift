import OAuth
import ProviderProfiles

/// Postman collections, v2.0 and v2.1: each way to sign in that the collection, its folders and its requests name becomes
/// a profile. Values of secrets in the file are live ones, and are never taken over.
public enum PostmanImport {
    public static func read(_ bytes: [UInt8], name: String) throws(ImportFailure) -> ImportResult {
        let (root, repairs) = try LooseDocument.read(bytes)
        guard root["item"] != nil || root["auth"] != nil else {
            throw ImportFailure("The file is no Postman collection: it has no items.")
        }
        var collection = PostmanCollection(root)
        collection.walk(root, depth: 0)
        let base = ProfileDraft.name(name)
        var names: Set<String> = []
        let profiles = collection.auths.prefix(32).map { auth in
            var name = collection.auths.count > 1 ? ProfileDraft.name("\(base)-\(auth.type)") : base
            while !names.insert(name.asciiLowercased).inserted { name += "-2" }
            var draft = collection.draft(auth, name: name)
            draft.repairs = repairs + draft.repairs
            return draft.profile()
        }
        guard profiles.isEmpty else { return try ImportResult(profiles: Array(profiles)).mended() }
        var draft = collection.draft(PostmanCollection.Auth(type: "noauth", values: .null), name: base)
        draft.repairs = repairs
        draft.warnings.append("The collection asks for no credential.")
        return try ImportResult(profiles: [draft.profile()]).mended()
    }
}

struct PostmanCollection {
    struct Auth {
        let type: String
        let values: LooseValue

        /// v2.1 has a list of keys and values, v2.0 an object.
        func text(_ names: String...) -> String? {
            for name in names {
                let found =
                    values.elements.last { $0["key"]?.text?.isSame(as: name) ?? false }?["value"] ?? values[name]
                if let text = found?.filledText { return text }
            }
            return nil
        }

        func elements(_ name: String) -> [LooseValue] {
            (values.elements.last { $0["key"]?.text?.isSame(as: name) ?? false }?["value"] ?? values[name])?.elements
                ?? []
        }
    }

    private(set) var auths: [Auth] = []
    private var hosts: [String] = []
    private let title: String?
    private var variables: [String: String] = [:]
    private var seen = 0

    /// Headers that hold a key where nothing else says so.
    private static let keyHeaders = ["authorization", "x-api-key", "api-key", "apikey", "ocp-apim-subscription-key"]

    init(_ root: LooseValue) {
        title = root["info"]?["name"]?.filledText
        for variable in (root["variable"]?.elements ?? []).prefix(1000) {
            guard let name = variable["key"]?.filledText ?? variable["id"]?.filledText,
                let value = variable["value"]?.filledText
            else { continue }
            variables[name] = value
        }
    }

    /// The nearest `auth` counts; `null` is the one above.
    mutating func walk(_ item: LooseValue, depth: Int) {
        seen += 1
        guard depth < 32, seen < 50_000 else { return }
        add(item["auth"])
        if let request = item["request"] {
            add(request["auth"])
            addHost(of: request["url"])
            let isCovered = item["auth"] ?? request["auth"] != nil || !auths.isEmpty
            for header in isCovered ? [] : request["header"]?.elements ?? [] {
                guard let name = header["key"]?.filledText, Self.keyHeaders.contains(name.asciiLowercased) else {
                    continue
                }
                add(type: "apikey", .object([("key", .string(name)), ("in", .string("header"))]))
            }
        }
        for child in item["item"]?.elements ?? [] { walk(child, depth: depth + 1) }
    }

    private mutating func add(_ auth: LooseValue?) {
        guard let type = auth?["type"]?.filledText else { return }
        add(type: type.asciiLowercased, auth?[type] ?? .null)
    }

    private mutating func add(type: String, _ values: LooseValue) {
        guard type != "noauth" else { return }
        let auth = Auth(type: type, values: values)
        let isKnown = auths.contains { known in
            known.type == type && known.text("key") == auth.text("key")
                && known.text("accessTokenUrl", "authUrl") == auth.text("accessTokenUrl", "authUrl")
        }
        if !isKnown { auths.append(auth) }
    }

    private mutating func addHost(of url: LooseValue?) {
        guard let text = url?["raw"]?.filledText ?? url?.filledText else { return }
        let resolved = resolved(text)
        let sides = resolved.split(separator: "://", maxSplits: 1)
        let host = String((sides.count == 2 ? sides[1] : sides.first ?? "").prefix { $0 != "/" && $0 != "?" })
        guard !host.isEmpty, hosts.count < 20, !hosts.contains(host), !host.contains("{"), host.contains("."),
            !AuthorPlaceholder.isHost(host)
        else { return }
        hosts.append(host)
    }

    /// `{{variable}}` by the collection's own values; what it does not know stays.
    private func resolved(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let open = rest.firstRange(of: "{{") {
            result += rest[..<open.lowerBound]
            rest = rest[open.upperBound...]
            guard let close = rest.firstRange(of: "}}") else { break }
            let name = String(rest[..<close.lowerBound])
            result += variables[name] ?? "{{\(name)}}"
            rest = rest[close.upperBound...]
        }
        return result + rest
    }

    // MARK: Drafts

    func draft(_ auth: Auth, name: String) -> ProfileDraft {
        let kind: ProfileKind =
            switch auth.type {
            case "noauth": .none
            case "basic": .basic
            case "apikey", "bearer": .apiKey
            case "oauth2": .oauth2
            default: .secret
            }
        var draft = ProfileDraft(name: name, title: title ?? name, kind: kind)
        draft.imported["from"] = .string("postman")
        draft.hosts = hosts.map(ProfileDraft.literal)
        switch auth.type {
        case "noauth": break
        case "basic": draft.placements = [.init(.header, "Authorization", "Basic {basic}")]
        case "bearer": draft.placements = [.init(.header, "Authorization", "Bearer {api_key}")]
        case "apikey": addKey(auth, to: &draft)
        case "oauth2": addOAuth(auth, to: &draft)
        default:
            draft.fields = [.init(name: "secret", title: "Secret", secret: true, required: true)]
            draft.needs.append(
                "\(OpenAPIDescription.shown(auth.type)) signs each request, which Credence does not: how does the secret go?"
            )
        }
        if draft.hosts.isEmpty, kind != .none {
            draft.needs.append("Which host does the API have? The collection does not say: add hosts.")
        }
        return draft
    }

    private func addKey(_ auth: Auth, to draft: inout ProfileDraft) {
        guard let name = auth.text("key").map(resolved), !name.contains("{") else {
            return draft.needs.append("Under which name does the key go? The collection does not say.")
        }
        let isQuery = auth.text("in")?.isSame(as: "query") ?? false
        draft.placements = [.init(isQuery ? .query : .header, ProfileDraft.literal(name), "{api_key}")]
    }

    private func addOAuth(_ auth: Auth, to draft: inout ProfileDraft) {
        let grant = auth.text("grant_type", "grantType")?.asciiLowercased ?? "authorization_code"
        let prefix = auth.text("headerPrefix").flatMap { ProfileDraft.line($0) } ?? "Bearer"
        let isQuery = auth.text("addTokenTo")?.asciiLowercased == "queryparams"
        draft.placements = [
            isQuery
                ? .init(.query, "access_token", "{access_token}")
                : .init(.header, "Authorization", ProfileDraft.literal(prefix) + " {access_token}")
        ]
        let isBody = auth.text("client_authentication", "clientAuth")?.isSame(as: "body") ?? false
        draft.server["token_endpoint_auth_methods_supported"] = .array([
            .string(isBody ? "client_secret_post" : "client_secret_basic")
        ])
        let isCode = grant.hasPrefix("authorization_code")
        if grant == "client_credentials" {
            draft.server["grant_types_supported"] = .array([.string("client_credentials")])
        } else if !isCode {
            draft.needs.append(
                "The collection uses the grant \(OpenAPIDescription.shown(grant)), which Credence does not speak.")
        }
        if isCode, !grant.hasSuffix("pkce"), auth.text("challengeAlgorithm") == nil { draft.departures = ["no_pkce"] }
        let endpoints = [
            ("authorization_endpoint", auth.text("authUrl"), isCode),
            ("token_endpoint", auth.text("accessTokenUrl"), true),
            ("refresh_endpoint", auth.text("refreshTokenUrl"), false),
        ]
        for (name, given, isWanted) in endpoints {
            guard let text = given.map(resolved), !text.contains("{"), let url = try? EndpointURL(text), url.isSecure,
                !AuthorPlaceholder.stands(in: text)
            else {
                if isWanted {
                    draft.needs.append("Where is the \(name)? The collection does not say, or it is no https URL.")
                }
                continue
            }
            draft.endpoints.append((name, ProfileDraft.literal(text)))
        }
        let scopes = resolved(auth.text("scope") ?? "").split(separator: " ").map(String.init)
        draft.scopes = scopes.filter { !$0.contains("{") && ProfileDraft.line($0) == $0 }
        draft.authorizationParameters = pairs(auth.elements("authRequestParams"))
        draft.tokenParameters = pairs(auth.elements("tokenRequestParams"))
        draft.refreshParameters = pairs(auth.elements("refreshRequestParams"))
    }

    private func pairs(_ elements: [LooseValue]) -> [(name: String, value: String)] {
        elements.prefix(64).compactMap { element in
            guard let name = element["key"]?.filledText, let value = element["value"]?.filledText,
                ProfileDraft.line(name) == name, ProfileDraft.line(value) == value
            else { return nil }
            let text = resolved(value)
            return text.contains("{{") ? nil : (ProfileDraft.literal(name), ProfileDraft.literal(text))
        }
    }
}
