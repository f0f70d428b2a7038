import OAuth

extension Template {
    /// Why an endpoint cannot be filled, for people.
    struct Misfit: Error {
        let message: String
    }

    /// An endpoint's URL; nil when the template is one hole and nobody filled it.
    ///
    /// Outside of a leading hole, which brings a whole base URL, a value may fill its place and nothing more: else a
    /// field could send the client's secret to a host of its own choosing (`evil.example/` for the shop of
    /// `https://{shop}.example.com/token`).
    ///
    /// - Parameter chosen: fields whose values the profile lists: they may hold whatever it lists.
    func filledEndpoint(
        _ name: String, _ values: [String: String], allowHTTP: Bool, chosen: Set<String> = []
    ) throws(Misfit) -> EndpointURL? {
        if isOneHole, filled(values).isEmpty { return nil }
        var text = ""
        for (index, part) in parts.enumerated() {
            switch part {
            case .text(let literal):
                // A base URL is as often written with its last slash as without.
                if text.hasSuffix("/"), literal.hasPrefix("/"), index == 1 { text.removeLast() }
                text += literal
            case .hole(let field, _):
                let value = part.value(values) ?? ""
                guard !value.isEmpty else { throw Misfit(message: "The field \(field) is missing: \(name) needs it.") }
                guard
                    isOneHole || (index == 0 && !value.contains("?")) || chosen.contains(field) || Self.fitsInURL(value)
                else {
                    throw Misfit(
                        message:
                            "The field \(field) is part of \(name): it may hold letters, digits and any of - . _ ~ : alone."
                    )
                }
                text += value
            }
        }
        return try Self.endpoint(text, name, allowHTTP: allowHTTP)
    }

    /// The holes by which a value can choose the host: a whole base URL, and a part of the host that nothing but the
    /// port follows.
    var hostHoles: [String] {
        holePlacesBeforePath.filter { index in
            guard index > 0, index + 1 < parts.count, case .text(let next) = parts[index + 1], next.hasPrefix("."),
                !next.hasPrefix("./"), !next.hasPrefix(".?")
            else { return true }
            return false
        }.compactMap { parts[$0].hole }
    }

    /// The holes that stand before the path, whatever follows them.
    var authorityHoles: [String] { holePlacesBeforePath.compactMap { parts[$0].hole } }

    private var holePlacesBeforePath: [Int] {
        var isInHost = false
        var found: [Int] = []
        for (index, part) in parts.enumerated() {
            switch part {
            case .text(let text):
                let host = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
                if index == 0, host.count == 2 {
                    isInHost = !host[1].contains("/") && !host[1].contains("?")
                } else if text.contains("/") || text.contains("?") {
                    isInHost = false
                }
            case .hole:
                if index == 0 || isInHost { found.append(index) }
            }
        }
        return found
    }

    private static func endpoint(_ text: String, _ name: String, allowHTTP: Bool) throws(Misfit) -> EndpointURL {
        let url: EndpointURL
        do {
            url = try EndpointURL(text)
        } catch {
            throw Misfit(message: "\(name) is not the URL of an endpoint: \(error).")
        }
        guard url.isSafe(allowHTTP: allowHTTP) else {
            throw Misfit(
                message: allowHTTP
                    ? "\(name) must be https; --development takes http for local hosts alone."
                    : "\(name) must be https; http is for --development alone.")
        }
        // RFC 8414 §2.
        guard name != "issuer" || url.query == nil else { throw Misfit(message: "issuer must not have a query.") }
        return url
    }

    /// The unreserved characters of RFC 3986 §2.3 and the colon before a port; no dot segment (§3.3).
    private static func fitsInURL(_ value: String) -> Bool {
        value != "." && value != ".."
            && value.unicodeScalars.allSatisfy { $0.isASCIIAlphanumeric || "-._~:".unicodeScalars.contains($0) }
    }
}
