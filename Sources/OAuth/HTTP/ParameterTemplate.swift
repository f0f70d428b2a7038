/// Parameters as a provider wants them written, in place of the standard's: names, and values with holes that each
/// request fills.
public struct ParameterTemplate: Sendable, Hashable {
    /// What only a request knows.
    public enum Hole: String, Sendable, CaseIterable {
        case clientID = "client_id"
        case clientSecret = "client_secret"
        case redirectURI = "redirect_uri"
        case scope
        case state
        case code
        case refreshToken = "refresh_token"
        case codeChallenge = "code_challenge"
        case codeVerifier = "code_verifier"
    }

    public enum Part: Sendable, Hashable {
        case text(String)
        case hole(Hole)
    }

    public struct Pair: Sendable, Hashable {
        public let name: String
        public let value: [Part]
        /// Whether it stands in the endpoint's query while others stand in the body.
        public let isQuery: Bool

        public init(name: String, value: [Part], isQuery: Bool = false) {
            self.name = name
            self.value = value
            self.isQuery = isQuery
        }
    }

    public let pairs: [Pair]

    public init(_ pairs: [Pair]) {
        self.pairs = pairs
    }

    func holds(_ hole: Hole) -> Bool { pairs.contains { $0.value.contains(.hole(hole)) } }

    /// A pair that is empty when its holes are filled is left out, as RFC 6749 §3.1 and §3.2 have it.
    func filled(_ values: [Hole: String], inQuery: Bool = false) -> Parameters {
        var parameters = Parameters()
        for pair in pairs where pair.isQuery == inQuery {
            let value = pair.value.map { part in
                switch part {
                case .text(let text): text
                case .hole(let hole): values[hole] ?? ""
                }
            }.joined()
            if !value.isEmpty { parameters.append(pair.name, value) }
        }
        return parameters
    }
}
