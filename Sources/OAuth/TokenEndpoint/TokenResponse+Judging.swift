extension TokenResponse {
    /// The longest token that is kept; a longer one is refused, never cut (security case N20).
    static let longestToken = 65_536

    /// Judges an answer of the token endpoint.
    /// - Parameter types: what the request makes possible.
    public static func judge(
        _ response: EndpointResponse, dialect: Dialect, accepting types: TokenTypes = .bearer
    ) -> TokenVerdict {
        switch EndpointAnswer(response, naming: "access_token", dialect: dialect) {
        case .success(let members):
            do {
                return .granted(try granted(members, dialect, types))
            } catch {
                return .malformed(reason: error.reason, status: response.status)
            }
        case .refused(let error): return .refused(error)
        case .malformed(let reason): return .malformed(reason: reason, status: response.status)
        case .unavailable(let status, let retryAfter): return .unavailable(status: status, retryAfter: retryAfter)
        }
    }

    struct Malformed: Error {
        let reason: String
    }

    /// A status that says: not now.
    static func isPassing(_ status: Int) -> Bool { status == 408 || status == 429 || (500..<600).contains(status) }

    // MARK: A token

    private static func granted(
        _ members: JSONObject, _ dialect: Dialect, _ types: TokenTypes
    ) throws(Malformed) -> TokenResponse {
        func member(_ name: String) -> JSONValue? {
            let value = dialect.memberPaths[name].map { JSONValue.object(members)[path: $0] } ?? members[name]
            return value == .null ? nil : value
        }
        guard let accessToken = try token(member("access_token"), "access_token") else {
            throw Malformed(reason: "it holds no access token")
        }
        var response = TokenResponse(accessToken: accessToken)
        response.refreshToken = try token(member("refresh_token"), "refresh_token")
        response.idToken = try token(member("id_token"), "id_token")
        // An empty one is not left out: it is one that is nothing.
        if member("id_token") == .string("") { response.idToken = Secret("") }
        (response.tokenType, response.warnings) = try tokenType(member("token_type"), dialect, types)
        func lifetime(_ name: String) -> Int? {
            guard let value = member(name) else { return nil }
            // The token is kept, its lifetime unknown (security case N11).
            if value.asSeconds == nil { response.warnings.append("\(name) cannot be used") }
            return value.asSeconds
        }
        (response.expiresIn, response.expiresAt) = expiry(member("expires_in"), dialect.lifetimeUnit)
        if let value = member("expires_in"), value != .null, response.expiresIn == nil, response.expiresAt == nil {
            response.warnings.append("expires_in cannot be used")
        }
        response.refreshTokenExpiresIn = lifetime("refresh_token_expires_in")
        if response.expiresIn == nil, response.expiresAt == nil {
            response.expiresAt = member("expires_at")?.asMoment
        }
        switch member("scope") {
        case nil: break
        case .string(let scopes)?: response.scope = Self.scopes(in: scopes, dialect)
        // A list of scopes, as some send it, says the same.
        case .array(let scopes)? where scopes.allSatisfy({ $0.asText != nil }):
            response.scope = scopes.compactMap(\.asText).flatMap { Self.scopes(in: $0, dialect) }
            response.warnings.append("scope is a list")
        default: throw Malformed(reason: "its scope is not text")
        }
        response.issuedTokenType = member("issued_token_type")?.asText
        let known = [
            "access_token", "refresh_token", "id_token", "token_type", "expires_in", "refresh_token_expires_in",
            "scope", "issued_token_type",
        ]
        response.additional = JSONObject(members.pairs.filter { !known.contains($0.0) })
        return response
    }

    /// Seconds of life, or the moment of the end in seconds since 1970. Neither where it cannot be used: the token is kept,
    /// its lifetime unknown (security case N11).
    private static func expiry(_ value: JSONValue?, _ unit: LifetimeUnit) -> (Int?, at: Int?) {
        guard let value else { return (nil, nil) }
        switch unit {
        case .seconds: return (value.asSeconds, nil)
        case .milliseconds: return (value.asMilliseconds, nil)
        case .absolute: return (nil, value.asMoment ?? value.asText.flatMap(Moment.seconds))
        case .duration: return (value.asText.flatMap(Moment.duration), nil)
        }
    }

    private static func scopes(in text: String, _ dialect: Dialect) -> [String] {
        text.split(whereSeparator: { dialect.responseScopeSeparators.contains($0) }).map(String.init)
    }

    /// A token of visible characters and spaces (RFC 6749 appendix A.12 and A.17; security case N17). An empty refresh
    /// token is none (N19).
    private static func token(_ value: JSONValue?, _ name: String) throws(Malformed) -> Secret? {
        switch value {
        case nil, .string("")?: return nil
        case .string(let text)?:
            guard text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
                throw Malformed(reason: "its \(name) holds characters that no token may hold")
            }
            guard text.utf8.count <= longestToken else { throw Malformed(reason: "its \(name) is longer than 64 KiB") }
            return Secret(text)
        default: throw Malformed(reason: "its \(name) is not text")
        }
    }

    /// As an Authorization header is written, and what is odd about it. Types are compared without regard to case
    /// (RFC 6749 §5.1).
    private static func tokenType(
        _ value: JSONValue?, _ dialect: Dialect, _ types: TokenTypes
    ) throws(Malformed) -> (String, [String]) {
        switch value {
        case nil, .string("")?: return (dialect.defaultTokenType, ["token_type is missing"])
        case .string(let type)?:
            switch type.lowercased() {
            case "dpop" where types.isSuperset(of: .dpop): return ("DPoP", [])
            case "n_a" where types.contains(.notApplicable): return ("N_A", [])
            case let word
            where (word == "bearer" || dialect.tokenTypeAliases.contains(type)) && types.contains(.bearer):
                // RFC 9449 §5: the client decides whether it takes a token that is not bound to its key.
                return ("Bearer", types.isSuperset(of: .dpop) ? ["token_type is Bearer although a proof was sent"] : [])
            default: throw Malformed(reason: "its token_type is one that Credence cannot use")
            }
        default: throw Malformed(reason: "its token_type is not text")
        }
    }
}
