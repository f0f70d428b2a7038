/// Text with `{field}` holes. `{{` and `}}` stand for one brace.
struct Template: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        case hole(String)

        /// The hole's name; nil for text.
        var hole: String? {
            guard case .hole(let name) = self else { return nil }
            return name
        }
    }

    let parts: [Part]

    /// nil when a brace stands alone, or a hole's name has another form than a field's.
    /// - Parameter claims: whether a hole may be a claim's too: `{claim:tid}`.
    init?(_ source: String, claims: Bool = false) {
        var parts: [Part] = []
        var text = String.UnicodeScalarView()
        var rest = source.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                text.append(rest.removeFirst())
            case "{":
                guard let close = rest.firstIndex(of: "}") else { return nil }
                let hole = String(rest[..<close])
                guard Self.isName((claims ? Self.claim(ofHole: hole) ?? hole : hole).unicodeScalars) else { return nil }
                if !text.isEmpty { parts.append(.text(String(text))) }
                text = String.UnicodeScalarView()
                parts.append(.hole(hole))
                rest = rest[rest.index(after: close)...]
            case "}": return nil
            default: text.append(scalar)
            }
        }
        if !text.isEmpty { parts.append(.text(String(text))) }
        self.parts = parts
    }

    static let nameForm = "[A-Za-z][A-Za-z0-9_]{0,63}"

    /// `nameForm`, by hand.
    static func isName(_ name: some Collection<Unicode.Scalar>) -> Bool {
        guard let first = name.first, first.isASCIIAlphanumeric, !("0"..."9").contains(first) else { return false }
        return name.count <= 64 && name.allSatisfy { $0.isASCIIAlphanumeric || $0 == "_" }
    }

    var holes: [String] { parts.compactMap(\.hole) }

    /// Whether it is nothing but one hole.
    var isOneHole: Bool { parts.count == 1 && !holes.isEmpty }

    /// A hole that nobody fills is empty: what may stay empty is for whoever checks the result.
    func filled(_ values: [String: String], keepingHoles: Bool = false) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .hole(let name): values[name] ?? (keepingHoles ? "{\(name)}" : "")
            }
        }.joined()
    }
}

extension Unicode.Scalar {
    var isASCIIAlphanumeric: Bool {
        ("0"..."9").contains(self) || ("A"..."Z").contains(self) || ("a"..."z").contains(self)
    }
}
