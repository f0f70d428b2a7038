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
        guard let members = Self.members(of: response, naming: member, dialect: dialect, isSuccess: isSuccess) else {
            if TokenResponse.isPassing(status) {
                self = unavailable
            } else if status == 401, response.headerFields[.wwwAuthenticate] != nil {
                // RFC 6749 §5.2: 401 with a challenge is what failed client authentication looks like.
                self = .refused(OAuthError(code: "invalid_client"))
            } else {
                self = .malformed(reason: "the answer is not what such an endpoint sends")
            }
            return
        }
        switch Self.error(in: members) {
        case .failure(let malformed): self = .malformed(reason: malformed.reason)
        case .success(let error?):
            // A 429 or 5xx may word itself as an error; one that blames nobody yet is what the status says.
            let isPassing = TokenResponse.isPassing(status) && [nil, .retry].contains(error.remedy())
            self = isPassing ? unavailable : .refused(error)
        case .success(nil):
            if TokenResponse.isPassing(status) {
                self = unavailable
            } else if isSuccess {
                self = .success(members)
            } else {
                self = .malformed(reason: "an error without an error code")
            }
        }
    }

    private struct Malformed: Error {
        let reason: String
    }

    /// JSON whatever the type says; a form when the type says form or the dialect expects it. In plain text a form is
    /// believed only when it is an error.
    static func members(
        of response: EndpointResponse, naming member: String, dialect: Dialect, isSuccess: Bool
    ) -> JSONObject? {
        if let value = response.json() {
            guard case .object(let members) = value else { return nil }
            guard let root = dialect.responseRoot, isSuccess, [nil, .null, .string("")].contains(members["error"])
            else { return members }
            guard case .object(let inner)? = value[path: root] else { return nil }
            return inner
        }
        let isForm = response.mediaType == "application/x-www-form-urlencoded" || dialect.acceptsFormResponse
        guard isForm || response.mediaType == "text/plain" else { return nil }
        guard let form = response.form, form.duplicatedNames.isEmpty,
            form["error"] != nil || (isForm && form[member] != nil)
        else { return nil }
        return JSONObject(form.pairs.map { ($0.name, .string($0.value)) })
    }

    private static func error(in members: JSONObject) -> Result<OAuthError?, Malformed> {
        switch members["error"] {
        case nil, .null?, .string("")?: break
        case .string(let code)?:
            return .success(
                OAuthError(
                    code: code, description: members["error_description"]?.asText, uri: members["error_uri"]?.asText,
                    subcode: members["suberror"]?.asText, numbers: members["error_codes"]?.asNumbers ?? []))
        default: return .failure(Malformed(reason: "its error is not text"))
        }
        // A list of errors, as some send instead of one.
        if members["access_token"] == nil, case .object(let first)? = JSONValue.object(members)[path: "errors.0"],
            let code = ["errorType", "code", "error"].compactMap({ first[$0]?.asText }).first(where: { !$0.isEmpty })
        {
            return .success(OAuthError(code: code, description: first["message"]?.asText))
        }
        return .success(nil)
    }
}

extension EndpointResponse {
    /// The body as JSON; nil when it is none. A byte order mark before it is nothing (RFC 8259 §8.1).
    func json(limits: JSONReader.Limits = .init()) -> JSONValue? {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return try? JSONReader.read(body.starts(with: mark) ? Array(body.dropFirst(3)) : body, limits: limits)
    }

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
