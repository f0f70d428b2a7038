import HTTPTypes

extension TokenResponse {
    /// The longest token that is kept; a longer one is refused, never cut (security case N20).
    static let longestToken = 65_536

    /// Judges an answer of the token endpoint. The error's code decides before status and shape do.
    public static func judge(_ response: EndpointResponse, dialect: Dialect) -> TokenVerdict {
        let status = response.status
        let isSuccess = (200..<300).contains(status) && status != 206
        guard let members = members(of: response, dialect, isSuccess: isSuccess) else {
            if isPassing(status) { return unavailable(response) }
            if status == 401, response.headerFields[.wwwAuthenticate] != nil {
                // RFC 6749 §5.2: 401 with a challenge is what failed client authentication looks like.
                return .refused(OAuthError(code: "invalid_client"))
            }
            return .malformed(reason: "the answer is not what a token endpoint sends", status: status)
        }
        switch error(in: members) {
        case .failure(let malformed): return .malformed(reason: malformed.reason, status: status)
        case .success(let error?):
            // A 429 or 5xx may word itself as an error; one that blames nobody yet is what the status says.
            if isPassing(status), [nil, .retry].contains(error.remedy()) { return unavailable(response) }
            return .refused(error)
        case .success(nil): break
        }
        if isPassing(status) { return unavailable(response) }
        guard isSuccess else { return .malformed(reason: "an error without an error code", status: status) }
        do {
            return .granted(try granted(members, dialect))
        } catch {
            return .malformed(reason: error.reason, status: status)
        }
    }

    struct Malformed: Error {
        let reason: String
    }

    /// A status that says: not now.
    static func isPassing(_ status: Int) -> Bool { status == 408 || status == 429 || (500..<600).contains(status) }

    private static func unavailable(_ response: EndpointResponse) -> TokenVerdict {
        .unavailable(
            status: response.status, retryAfter: response.headerFields[.retryAfter].flatMap { RetryAfter(header: $0) })
    }

    // MARK: Reading

    /// JSON whatever the type says; a form when the type says form or the dialect expects it. In plain text a form is
    /// believed only when it is an error.
    private static func members(of response: EndpointResponse, _ dialect: Dialect, isSuccess: Bool) -> JSONObject? {
        if let value = try? JSONReader.read(response.body) {
            guard case .object(let members) = value else { return nil }
            guard let root = dialect.responseRoot, isSuccess, [nil, .null, .string("")].contains(members["error"])
            else { return members }
            guard case .object(let inner)? = value[path: root] else { return nil }
            return inner
        }
        let isForm = response.mediaType == "application/x-www-form-urlencoded" || dialect.acceptsFormResponse
        guard isForm || response.mediaType == "text/plain" else { return nil }
        var text = response.body
        while let last = text.last, last == 0x0A || last == 0x0D { text.removeLast() }
        guard !text.isEmpty, let form = try? Parameters(formURLEncoded: text), form.duplicatedNames.isEmpty,
            form["error"] != nil || (isForm && form["access_token"] != nil)
        else { return nil }
        return JSONObject(form.pairs.map { ($0.name, .string($0.value)) })
    }

    private static func error(in members: JSONObject) -> Result<OAuthError?, Malformed> {
        switch members["error"] {
        case nil, .null?, .string("")?: break
        case .string(let code)?:
            return .success(
                OAuthError(
                    code: code, description: text(members["error_description"]), uri: text(members["error_uri"])))
        default: return .failure(Malformed(reason: "its error is not text"))
        }
        // A list of errors, as some send instead of one.
        if members["access_token"] == nil, case .object(let first)? = JSONValue.object(members)[path: "errors.0"],
            let code = text(first["errorType"]) ?? text(first["code"]) ?? text(first["error"])
        {
            return .success(OAuthError(code: code, description: text(first["message"])))
        }
        return .success(nil)
    }

    private static func text(_ value: JSONValue?) -> String? {
        guard case .string(let text)? = value else { return nil }
        return text
    }

    // MARK: A token

    private static func granted(_ members: JSONObject, _ dialect: Dialect) throws(Malformed) -> TokenResponse {
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
        (response.tokenType, response.warnings) = try tokenType(member("token_type"), dialect)
        (response.expiresIn, response.warnings) = lifetime(member("expires_in"), "expires_in", response.warnings)
        (response.refreshTokenExpiresIn, response.warnings) = lifetime(
            member("refresh_token_expires_in"), "refresh_token_expires_in", response.warnings)
        switch member("scope") {
        case nil: break
        case .string(let scopes)?:
            response.scope = scopes.split(whereSeparator: { dialect.responseScopeSeparators.contains($0) }).map(
                String.init)
        default: throw Malformed(reason: "its scope is not text")
        }
        let known = [
            "access_token", "refresh_token", "id_token", "token_type", "expires_in", "refresh_token_expires_in",
            "scope",
        ]
        response.additional = JSONObject(members.pairs.filter { !known.contains($0.0) })
        return response
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

    private static func tokenType(_ value: JSONValue?, _ dialect: Dialect) throws(Malformed) -> (String, [String]) {
        switch value {
        case nil, .string("")?: return (dialect.defaultTokenType, ["token_type is missing"])
        case .string(let type)?:
            // Case-insensitive (RFC 6749 §7.1); written the way an Authorization header is.
            if type.lowercased() == "bearer" || dialect.tokenTypeAliases.contains(type) { return ("Bearer", []) }
            throw Malformed(reason: "its token_type is one that Credence cannot use")
        default: throw Malformed(reason: "its token_type is not text")
        }
    }

    /// Seconds, from a number or its text. Zero and what cannot be read leave the lifetime unknown; the token is kept
    /// (security case N11).
    private static func lifetime(_ value: JSONValue?, _ name: String, _ warnings: [String]) -> (Int?, [String]) {
        let seconds: Double? =
            switch value {
            case nil: nil
            case .number(let number)?: number.double
            case .string(let text)?: number(text)
            default: nil
            }
        guard value != nil else { return (nil, warnings) }
        guard let seconds, seconds.isFinite, seconds >= 1, seconds <= Double(Int32.max) else {
            return (nil, warnings + ["\(name) cannot be used"])
        }
        return (Int(seconds), warnings)
    }

    /// A number written as JSON writes it, with space around it or without: neither `0x10` nor `inf`.
    private static func number(_ text: String) -> Double? {
        guard case .number(let number)? = try? JSONReader.read(Array(text.utf8)) else { return nil }
        return number.double
    }
}
