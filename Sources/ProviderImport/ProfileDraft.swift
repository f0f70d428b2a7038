public import OAuth
public import ProviderProfiles

/// A profile under construction: what every import fills in, and the form that the document has.
///
/// Texts with holes are written as profiles have them: `{field}`, and a brace itself twice (`literal`).
public struct ProfileDraft: Sendable {
    public struct Field: Sendable {
        public var name: String
        public var title = ""
        public var help: String?
        public var `default`: String?
        public var allowedValues: [String] = []
        public var secret = false
        public var required = false
        public var of = ProviderProfile.Field.Of.connection
        /// Which of Credence's own values it is, such as `client_secret`; nil where its name says so, or it is none.
        public var meaning: String?

        public init(name: String, title: String = "", secret: Bool = false, required: Bool = false) {
            self.name = name
            self.title = title
            self.secret = secret
            self.required = required
        }
    }

    /// Where a value goes in requests to the API.
    public struct Placement: Sendable, Hashable {
        public enum Place: String, Sendable { case header, query, cookie }

        public var place: Place
        public var name: String
        public var value: String
        /// IDs of operations; empty stands for all.
        public var operations: [String] = []
        /// Whether it gives way to a value that is there already, or goes beside it; nil replaces.
        public var action: String?

        public init(_ place: Place, _ name: String, _ value: String, operations: [String] = []) {
            self.place = place
            self.name = name
            self.value = value
            self.operations = operations
        }
    }

    /// Where requests to the API go, if a field says so: a base URL, or the path of some operations.
    public struct Route: Sendable, Hashable {
        public var url: String?
        public var path: String?
        /// IDs of operations; empty stands for all.
        public var operations: [String] = []
        /// Whether it depends on the request: whoever calls then chooses the host.
        public var isOfRequest = false

        public init(url: String? = nil, path: String? = nil, operations: [String] = []) {
            self.url = url
            self.path = path
            self.operations = operations
        }
    }

    public var name: String
    public var title: String
    public var kind: ProfileKind
    public var documentation: String?
    public var fields: [Field] = []
    /// Members of `authorization_server` that are URLs, such as `token_endpoint`.
    public var endpoints: [(name: String, url: String)] = []
    /// Other members of `authorization_server`.
    public var server = JSONObject()
    public var scopes: [String] = []
    public var scopeSeparator = " "
    public var authorizationParameters: [(name: String, value: String)] = []
    public var tokenParameters: [(name: String, value: String)] = []
    public var refreshParameters: [(name: String, value: String)] = []
    /// In place of the standard's parameters, where not nil.
    public var authorizationTemplate: [(name: String, value: String)]?
    public var tokenTemplate: [(name: String, value: String)]?
    public var refreshTemplate: [(name: String, value: String)]?
    /// Beside a template: what stands in the endpoint's query.
    public var tokenQueryTemplate: [(name: String, value: String)] = []
    public var refreshQueryTemplate: [(name: String, value: String)] = []
    public var departures: [String] = []
    public var placements: [Placement] = []
    public var routes: [Route] = []
    public var hosts: [String] = []
    public var needs: [String] = []
    public var repairs: [String] = []
    public var warnings: [String] = []
    /// Where it comes from, and what it was there: `from`, `class`.
    public var imported = JSONObject()

    public init(name: String, title: String, kind: ProfileKind) {
        self.name = name
        self.title = title
        self.kind = kind
    }

    /// Text without holes.
    public static func literal(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) else { return text }
        return text.split(separator: "{", omittingEmptySubsequences: false).joined(separator: "{{")
            .split(separator: "}", omittingEmptySubsequences: false).joined(separator: "}}")
    }

    /// What a profile may be called: what does not fit a name becomes a hyphen.
    public static func name(_ text: String) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            let fits = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            if fits || (!name.isEmpty && (scalar == "." || scalar == "_")) {
                name.unicodeScalars.append(scalar)
            } else if !name.isEmpty, name.last != "-" {
                name += "-"
            }
            if name.utf8.count == 128 { break }
        }
        while name.last == "-" || name.last == "." { name.removeLast() }
        return name.isEmpty ? "imported" : name
    }

    public func profile() -> ImportedProfile {
        ImportedProfile(name: name, document: document, needs: needs, repairs: repairs, warnings: warnings)
    }
}
