import HTTPTypes

/// An answer of an endpoint that speaks as the token endpoint does, sorted as far as all of them are alike (RFC 6749 §5;
/// RFC 7662 §2.3, RFC 8628 §3.2 and RFC 9126 §2.3 point there).
enum EndpointAnswer {
    /// A status of success, and members that name no error.
    case success(JSONObject)
    /// An OAuth error, whatever the status: some servers send it with 200.
    case refused(OAuthError)
    case malformed(reason: String)
    /// 408, 429 and 5xx.
    case unavailable(status: Int, retryAfter: RetryAfter?)

    /// The error's code decides before status and shape do.
    /// - Parameter member: the one that makes a form the answer of this endpoint.
    init(_ response: EndpointResponse, naming member: String, dialect: Dialect = Dialect()) {
        let status = response.status
        let isSuccess = (200..<300).contains(status) && status != 206
        let unavailable = EndpointAnswer.unavailable(status: status, retryAfter: RetryAfter(in: response))
        let members = Self.members(of: response, naming: member, dialect: dialect)
        switch Self.error(in: members ?? JSONObject(), dialect, status: status) {
        case .failure(let malformed):
            self = .malformed(reason: malformed.reason)
            return
        case .success(let error?):
            // A 429 or 5xx may word itself as an error; one that blames nobody yet is what the status says.
            let isPassing = TokenResponse.isPassing(status) && [nil, .retry].contains(error.remedy(dialect.errors))
            self = isPassing ? unavailable : .refused(error)
            return
        case .success(nil): break
        }
        if dialect.refusalStatuses.contains(status) {
            // An interface that is no OAuth endpoint says it by its status; its words are for people.
            let words = members.flatMap { Self.text(dialect.errorDescriptionMember ?? "message", in: $0) }
            self = .refused(OAuthError(code: "status_\(status)", description: words, status: status))
        } else if TokenResponse.isPassing(status) {
            self = unavailable
        } else if let members {
            self =
                isSuccess
                ? Self.success(members, dialect, status: status) : .malformed(reason: "an error without an error code")
        } else if status == 401, response.headerFields[.wwwAuthenticate] != nil {
            // RFC 6749 §5.2: 401 with a challenge is what failed client authentication looks like.
            self = .refused(OAuthError(code: "invalid_client", status: status))
        } else {
            self = .malformed(reason: Self.otherShape)
        }
    }

    private static let otherShape = "the answer is not what such an endpoint sends"

    /// What stands under the root may still be an error.
    private static func success(_ members: JSONObject, _ dialect: Dialect, status: Int) -> EndpointAnswer {
        guard let root = dialect.responseRoot else { return .success(members) }
        guard case .object(let inner)? = JSONValue.object(members)[path: root] else {
            return .malformed(reason: otherShape)
        }
        switch standardError(in: inner, dialect, status: status) {
        case .failure(let malformed): return .malformed(reason: malformed.reason)
        case .success(let error?): return .refused(error)
        case .success(nil): return .success(inner)
        }
    }

    private struct Malformed: Error {
        let reason: String
    }

    /// JSON whatever the type says; a form when the type says form or the dialect expects it. In plain text a form is
    /// believed only when it is an error.
    static func members(of response: EndpointResponse, naming member: String, dialect: Dialect) -> JSONObject? {
        if let value = response.json() {
            if case .object(let members) = value { return members }
            return nil
        }
        let isForm = response.mediaType == "application/x-www-form-urlencoded" || dialect.acceptsFormResponse
        guard isForm || response.mediaType == "text/plain" else { return nil }
        guard let form = response.form, form.duplicatedNames.isEmpty,
            form["error"] != nil || (isForm && form[member] != nil)
        else { return nil }
        return JSONObject(form.pairs.map { ($0.name, .string($0.value)) })
    }

    /// Where the profile says that errors stand, then where the standard does.
    private static func error(
        in members: JSONObject, _ dialect: Dialect, status: Int
    ) -> Result<OAuthError?, Malformed> {
        if let path = dialect.errorMember, let code = text(path, in: members), !code.isEmpty {
            return .success(OAuthError(code: code, description: words(in: members, dialect), status: status))
        }
        let found = standardError(in: members, dialect, status: status)
        guard case .success(nil) = found, let mark = dialect.successMember, !members.isEmpty,
            text(mark.path, in: members) != mark.value
        else { return found }
        let code = text(mark.path, in: members) ?? "unsuccessful"
        return .success(OAuthError(code: code, description: words(in: members, dialect), status: status))
    }

    /// RFC 6749 §5.2.
    private static func standardError(
        in members: JSONObject, _ dialect: Dialect, status: Int
    ) -> Result<OAuthError?, Malformed> {
        switch members["error"] {
        case nil, .null?, .string("")?: break
        case .string(let code)?:
            return .success(
                OAuthError(
                    code: code, description: words(in: members, dialect), uri: members["error_uri"]?.asText,
                    subcode: members["suberror"]?.asText, numbers: members["error_codes"]?.asNumbers ?? [],
                    status: status, claims: members["claims"]?.asText))
        default:
            // Where the code stands elsewhere, `error` may be anything.
            if dialect.errorMember == nil { return .failure(Malformed(reason: "its error is not text")) }
        }
        // A list of errors, as some send instead of one.
        if members["access_token"] == nil, case .object(let first)? = JSONValue.object(members)[path: "errors.0"],
            let code = ["errorType", "code", "error"].compactMap({ first[$0]?.asText }).first(where: { !$0.isEmpty })
        {
            return .success(OAuthError(code: code, description: first["message"]?.asText, status: status))
        }
        return .success(nil)
    }

    private static func words(in members: JSONObject, _ dialect: Dialect) -> String? {
        dialect.errorDescriptionMember.flatMap { text($0, in: members) } ?? members["error_description"]?.asText
            ?? members["message"]?.asText
    }

    /// What stands under a dotted path, as text.
    private static func text(_ path: String, in members: JSONObject) -> String? {
        switch JSONValue.object(members)[path: path] {
        case .string(let text)?: text
        case .number(let number)?: number.text
        case .bool(let bool)?: bool ? "true" : "false"
        default: nil
        }
    }
}

extension EndpointResponse {
    /// The body as JSON; nil when it is none. A byte order mark before it is nothing (RFC 8259 §8.1).
    func json(limits: JSONReader.Limits = .init()) -> JSONValue? {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return try? JSONReader.read(body.starts(with: mark) ? Array(body.dropFirst(3)) : body, limits: limits)
    }

    /// The JSON of a successful answer to a follow-up; nil where it is no success, or no JSON.
    public var followUpValue: JSONValue? { (200..<300).contains(status) && status != 206 ? json() : nil }

    /// The body as a form that is not empty, whatever its type says. Line breaks at the end are not of it.
    var form: Parameters? {
        var text = body
        while let last = text.last, last == 0x0A || last == 0x0D { text.removeLast() }
        return text.isEmpty ? nil : try? Parameters(formURLEncoded: text)
    }
}

/// What members hold, where they hold it in a form that counts.
extension JSONValue {
    var asText: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The texts of a list; nil for anything but a list.
    var asTexts: [String]? {
        guard case .array(let elements) = self else { return nil }
        return elements.compactMap(\.asText)
    }

    /// The whole numbers of a list; nil for anything but a list.
    var asNumbers: [Int]? {
        guard case .array(let elements) = self else { return nil }
        return elements.compactMap { if case .number(let number) = $0 { number.int } else { nil } }
    }

    /// A lifetime in seconds, from a number or its text, cut to whole ones. nil for zero and what cannot be one (security
    /// case N11).
    var asSeconds: Int? {
        guard let seconds = asNumber, seconds >= 1, seconds <= Double(Int32.max) else { return nil }
        return Int(seconds)
    }

    /// The same from milliseconds.
    var asMilliseconds: Int? {
        guard let number = asNumber, number >= 1000, number / 1000 <= Double(Int32.max) else { return nil }
        return Int(number / 1000)
    }

    /// A moment, in seconds or milliseconds since 1970, as some send it in place of a lifetime. What would be beyond the
    /// year 5138 in seconds is in milliseconds.
    var asMoment: Int? {
        guard let number = asNumber, number >= 1, number < 253_402_300_800_000 else { return nil }
        return Int(number > 100_000_000_000 ? number / 1000 : number)
    }

    /// A NumericDate (RFC 7519 §2), from a number or its text, cut to whole seconds since 1970. nil beyond the year 9999.
    var asDate: Int? {
        guard let seconds = asNumber, seconds >= 0, seconds < 253_402_300_800 else { return nil }
        return Int(seconds)
    }

    /// Text counts when JSON would write the number like this, with space around it or without: neither `0x10` nor `inf`.
    private var asNumber: Double? {
        switch self {
        case .number(let number) where number.double.isFinite: return number.double
        case .string(let text):
            guard case .number(let number)? = try? JSONReader.read(Array(text.utf8)), number.double.isFinite else {
                return nil
            }
            return number.double
        default: return nil
        }
    }
}

extension String {
    /// Whether it is of visible characters and spaces alone, as codes and tokens are (RFC 6749 appendix A), and neither
    /// empty nor longer than that.
    func isVisible(upTo limit: Int) -> Bool { !isEmpty && utf8.count <= limit && utf8.allSatisfy { 0x20...0x7E ~= $0 } }
}
