/// Text with `{field}` holes. `{{` and `}}` stand for one brace.
struct Template: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        /// A name, and what stands there when nobody fills it: `{host|api.example.com}`.
        case hole(String, standard: String?)

        static func hole(_ name: String) -> Part { .hole(name, standard: nil) }

        /// The hole's name; nil for text.
        var hole: String? {
            guard case .hole(let name, _) = self else { return nil }
            return name
        }

        /// The text, or what the hole is filled with; nil when nobody fills it.
        func value(_ values: [String: String]) -> String? {
            switch self {
            case .text(let text): text
            case .hole(let name, let standard):
                if let value = values[name], !value.isEmpty || standard == nil { value } else { standard }
            }
        }
    }

    let parts: [Part]

    init(parts: [Part]) {
        self.parts = parts
    }

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
                let sides = rest[..<close].split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
                let hole = String(sides[0])
                if claims, let claim = Self.claim(ofHole: hole) {
                    guard Self.isName(claim.unicodeScalars), !claim.contains(":") else { return nil }
                } else {
                    guard Self.isName(hole.unicodeScalars) else { return nil }
                }
                if !text.isEmpty { parts.append(.text(String(text))) }
                text = String.UnicodeScalarView()
                parts.append(.hole(hole, standard: sides.count > 1 ? String(sides[1]) : nil))
                rest = rest[rest.index(after: close)...]
            case "}": return nil
            default: text.append(scalar)
            }
        }
        if !text.isEmpty { parts.append(.text(String(text))) }
        self.parts = parts
    }

    static let nameForm = "[A-Za-z0-9_]([A-Za-z0-9_.: -]{0,62}[A-Za-z0-9_.:-])?"

    /// `nameForm`, by hand: other products name their fields freely.
    static func isName(_ name: some BidirectionalCollection<Unicode.Scalar>) -> Bool {
        guard let first = name.first, first.isASCIIAlphanumeric || first == "_", name.last != " " else { return false }
        return name.count <= 64 && name.allSatisfy { $0.isASCIIAlphanumeric || "_.: -".unicodeScalars.contains($0) }
    }

    var holes: [String] { parts.compactMap(\.hole) }

    /// Whether it is nothing but one hole.
    var isOneHole: Bool { parts.count == 1 && !holes.isEmpty }

    /// A hole that nobody fills is empty: what may stay empty is for whoever checks the result.
    func filled(_ values: [String: String], keepingHoles: Bool = false) -> String {
        parts.map { $0.value(values) ?? (keepingHoles ? "{\($0.hole ?? "")}" : "") }.joined()
    }

    /// As it stands in the profile, but for braces that are none of a hole: those stand once.
    var shown: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .hole(let name, nil): "{\(name)}"
            case .hole(let name, let standard?): "{\(name)|\(standard)}"
            }
        }.joined()
    }
}

extension Unicode.Scalar {
    var isASCIIAlphanumeric: Bool {
        ("0"..."9").contains(self) || ("A"..."Z").contains(self) || ("a"..."z").contains(self)
    }
}
