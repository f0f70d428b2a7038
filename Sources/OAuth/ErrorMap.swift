/// What a provider's errors mean, where the standard does not say it, or says it too roughly: one code may stand for
/// several troubles, which only a number or the description tells apart.
public struct ErrorMap: Sendable, Hashable {
    /// A rule fits when everything that it names is there.
    public struct Rule: Sendable, Hashable {
        public var error: String?
        public var suberror: String?
        /// Any of these among the error's numbers.
        public var codes: Set<Int> = []
        /// Any of these as the answer's status.
        public var statuses: Set<Int> = []
        /// Any of these within the description, whatever their case.
        public var descriptions: [String] = []
        public var remedy: OAuthError.Remedy

        public init(remedy: OAuthError.Remedy) {
            self.remedy = remedy
        }

        func fits(_ found: OAuthError) -> Bool {
            if let error, !isSameText(error, found.code) { return false }
            if let suberror, suberror != found.subcode { return false }
            if !codes.isEmpty, codes.isDisjoint(with: found.numbers) { return false }
            if !statuses.isEmpty, !(found.status.map(statuses.contains) ?? false) { return false }
            guard !descriptions.isEmpty else { return true }
            guard let text = found.description?.lowercased() else { return false }
            return descriptions.contains { text.contains($0.lowercased()) }
        }
    }

    /// The first that fits counts.
    public var rules: [Rule]
    /// By code alone, where no rule fits.
    public var byCode: [String: OAuthError.Remedy]

    public init(rules: [Rule] = [], byCode: [String: OAuthError.Remedy] = [:]) {
        self.rules = rules
        self.byCode = byCode
    }

    /// The statuses that some rule names.
    public var statuses: Set<Int> { rules.reduce(into: []) { $0.formUnion($1.statuses) } }

    /// nil where the standard's meaning counts.
    func remedy(for error: OAuthError) -> OAuthError.Remedy? {
        rules.first { $0.fits(error) }?.remedy ?? byCode[error.code]
    }
}

extension ErrorMap: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, OAuthError.Remedy)...) {
        self.init(byCode: Dictionary(elements) { first, _ in first })
    }
}
