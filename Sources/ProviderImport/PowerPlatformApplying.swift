import OAuth
import ProviderProfiles

/// Where the credential goes: first as its kind has it, then as the policies say, in the order of the file.
struct PowerPlatformApplying {
    var method: PowerPlatformMethod
    /// Whether code that is not in the files makes the credential.
    private(set) var isExchanged = false
    private var placements: [ProfileDraft.Placement] = []
    /// How many secrets are handed to the author's code in headers of their own.
    private var handedOver: Set<String> = []

    private static let prefix = "x-ms-apimTemplate"

    init(method: PowerPlatformMethod) {
        self.method = method
    }

    mutating func run() {
        begin()
        for policy in method.connector.policies {
            guard let parameters = policy["parameters"] else { continue }
            let template = policy["templateId"]?.text?.asciiLowercased ?? ""
            let section = parameters["\(Self.prefix)-policySection"]?.text?.asciiLowercased ?? "request"
            guard section == "request" || section.isEmpty else { continue }
            let named = parameters["\(Self.prefix)-operationName"]
            let operations = named?.filledText.map { [$0] } ?? (named?.elements ?? []).compactMap(\.filledText)
            let value = { (name: String) in parameters["\(Self.prefix)Parameter.\(name)"]?.filledText }
            switch template {
            case "setheader", "setqueryparameter":
                guard let name = value("name").flatMap(ProfileDraft.line), let text = value("value") else { continue }
                let place: ProfileDraft.Placement.Place = template == "setheader" ? .header : .query
                set(place, name, text, operations, action: value("existsAction")?.asciiLowercased ?? "override")
            case "dynamichosturl":
                if let text = value("urlTemplate") { route(text, operations) }
            case "routerequesttoendpoint":
                if let text = value("newPath") { path(text, operations) }
            case "setvaluefromurl":
                let target = value("parameterTemplate") ?? value("parameterValuePathTemplate") ?? ""
                if target.asciiLowercased.contains("authorization") { isExchanged = true }
            default: continue
            }
        }
        if method.connector.hasScript, handedOver.count > 1 { isExchanged = true }
        method.draft.placements = placements
    }

    private mutating func begin() {
        switch method.draft.kind {
        case .oauth2:
            placements = [.init(.header, "Authorization", "Bearer {access_token}")]
            if let key = method.secretBesideOAuth, let scheme = method.connector.keySchemes.first {
                placements.append(
                    .init(scheme.isQuery ? .query : .header, scheme.name, "{\(PowerPlatformMethod.fieldName(key))}"))
            }
        case .basic: placements = [.init(.header, "Authorization", "Basic {basic}")]
        case .apiKey:
            let main = method.meanings.first { $0.value == "api_key" }?.key ?? "api_key"
            if let scheme = method.connector.keySchemes.first {
                placements = [
                    .init(scheme.isQuery ? .query : .header, scheme.name, "{\(PowerPlatformMethod.fieldName(main))}")
                ]
            }
            for key in method.furtherKeys {
                placements.append(
                    .init(key.isQuery ? .query : .header, key.name, "{\(PowerPlatformMethod.fieldName(key.field))}"))
            }
        case .secret, .none: placements = []
        }
    }

    private mutating func set(
        _ place: ProfileDraft.Placement.Place, _ name: String, _ text: String, _ operations: [String], action: String
    ) {
        guard Self.isHeaderName(name) || place == .query else { return }
        let expression = PowerPlatformExpression(text)
        if expression.parts.allSatisfy({ if case .text = $0 { true } else { false } }) {
            return constant(name, text)
        }
        guard let value = rendered(expression), !value.isEmpty else { return }
        if method.connector.hasScript, place == .header, !name.isSame(as: "Authorization") {
            for field in expression.fields {
                if let parameter = method.parameter(named: field), PowerPlatformMethod.isSecret(parameter) {
                    handedOver.insert(parameter.name)
                }
            }
        }
        var placement = ProfileDraft.Placement(place, name, value, operations: operations)
        let taken = placements.firstIndex {
            $0.place == place && (place == .header ? $0.name.isSame(as: name) : $0.name == name)
        }
        guard let taken else {
            // Beside nothing, or in the way of nothing that is known here.
            if action == "skip" { placement.action = "skip" }
            if action == "append" { placement.action = "append" }
            return placements.append(placement)
        }
        switch action {
        case "skip": return
        case "append":
            guard placements[taken].value != value else { return }
            placement.action = "append"
            placements.append(placement)
        default: placements[taken] = placement
        }
    }

    /// A vendor's own header: one that the author left out is for a person to fill in.
    private mutating func constant(_ name: String, _ text: String) {
        let bare = String(decoding: name.asciiLowercased.utf8.filter { $0 != 0x2D && $0 != 0x5F }, as: UTF8.self)
        let words = ["key", "token", "secret", "authorization", "apikey", "subscription"]
        guard words.contains(where: { bare.contains($0) }) else { return }
        let shown = ProfileDraft.line(String(name.prefix(80))) ?? ""
        if AuthorPlaceholder.stands(in: text) {
            method.draft.needs.append(
                "What is the value of the header \(shown)? The author left a placeholder: add it to apply.")
        } else {
            method.draft.warnings.append(
                "The connector sends the header \(shown) with a value of its own; it was not taken over.")
        }
    }

    /// The value's template; nil for one that depends on the request.
    private func rendered(_ expression: PowerPlatformExpression) -> String? {
        var text = ""
        for part in expression.parts {
            switch part {
            case .text(let literal): text += ProfileDraft.literal(literal)
            case .field(let name, let standard):
                guard let hole = method.hole(name, standard: standard) else {
                    // Nobody fills it in: it is empty. Alone, nothing is sent.
                    continue
                }
                text += hole
            case .header(let name):
                guard let placed = placements.first(where: { $0.place == .header && $0.name.isSame(as: name) }) else {
                    return nil
                }
                text += placed.value
            case .other: return nil
            }
        }
        return text.contains("{") || !expression.fields.isEmpty ? text : nil
    }

    private mutating func route(_ text: String, _ operations: [String]) {
        let expression = PowerPlatformExpression(text)
        guard let template = address(expression) else { return }
        for field in expression.fields where method.parameter(named: field) == nil {
            method.draft.warnings.append(
                "The API's address is made of \(PowerPlatformConnector.shown(field)), which is no parameter of the file: look at routes and hosts."
            )
        }
        var route = ProfileDraft.Route(url: template, operations: operations)
        route.isOfRequest = expression.isOfRequest
        method.draft.routes.append(route)
    }

    private mutating func path(_ text: String, _ operations: [String]) {
        let expression = PowerPlatformExpression(text)
        guard expression.fields.contains(where: { method.parameter(named: $0) != nil }),
            let template = address(expression)
        else { return }
        method.draft.routes.append(.init(path: template, operations: operations))
    }

    private func address(_ expression: PowerPlatformExpression) -> String? {
        var text = ""
        for part in expression.parts {
            switch part {
            case .text(let literal): text += ProfileDraft.literal(literal)
            case .field(let name, let standard): text += method.hole(name, standard: standard) ?? ""
            case .header(let name): text += ProfileDraft.literal("@headers('\(name)')")
            case .other(let raw): text += ProfileDraft.literal(raw)
            }
        }
        return ProfileDraft.line(text) == text ? text : nil
    }

    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }
}
