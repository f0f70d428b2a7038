/// Text with `{field}` holes.
struct Template: Sendable, Hashable {
    private enum Part: Sendable, Hashable {
        case text(String)
        case hole(String)
    }

    private let parts: [Part]

    /// nil when a brace stands alone or a hole has no name.
    init?(_ source: String) {
        var parts: [Part] = []
        var rest = source[...]
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else { return nil }
            let name = rest[rest.index(after: open)..<close]
            guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
                return nil
            }
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            parts.append(.hole(String(name)))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
    }

    var holes: [String] {
        parts.compactMap { part in
            guard case .hole(let name) = part else { return nil }
            return name
        }
    }

    /// nil when a hole has no value; one that is empty text has.
    func filledWhole(_ values: [String: String]) -> String? {
        holes.allSatisfy { values[$0] != nil } ? filled(values) : nil
    }

    /// A hole that nobody fills is empty: what may stay empty is for whoever checks the result.
    func filled(_ values: [String: String]) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .hole(let name): values[name] ?? ""
            }
        }.joined()
    }
}
