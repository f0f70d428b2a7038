import Broker
import HTTPTypes
import OAuth

/// RFC 6749 §5: the token answer and its errors, in all the shapes they come in.
///
/// The JSON is written here and not with the library's writer: a double must not share the faults of what it tests.
extension AuthorizationServerState {
    /// Members of an answer in order, each value a JSON text.
    typealias Members = [(name: String, json: String)]

    func tokenAnswer(
        _ granted: FakeAuthorizationServer.Granted, accessToken: String, refreshToken: String?, idToken: String?
    ) -> Answer {
        var members: Members = [
            ("access_token", jsonString(accessToken)),
            ("token_type", jsonString(behaviour.requiresProofs ? "DPoP" : behaviour.tokenType)),
        ]
        if let idToken { members.append(("id_token", jsonString(idToken))) }
        if let lifetime = granted.lifetime, let text = expiryText(lifetime: lifetime, now: granted.now) {
            members.append(("expires_in", text))
        }
        if let refreshToken {
            members.append(("refresh_token", jsonString(refreshToken)))
            if behaviour.reportsRefreshTokenLifetime, let lifetime = behaviour.refreshTokenLifetime {
                members.append(("refresh_token_expires_in", String(lifetime)))
            }
        }
        let reported = behaviour.reportedScope(granted.scope).joined(separator: behaviour.scopeSeparatorInAnswer)
        members.append(("scope", jsonString(reported)))
        members = Self.change(members, by: behaviour.membersOfGrant(granted))
        members = Self.change(members, by: behaviour.answerMembers)
        if behaviour.numbersAsStrings {
            members = members.map { ($0.name, Double($0.json) == nil ? $0.json : jsonString($0.json)) }
        }
        return render(members, status: 200, to: granted.request)
    }

    private func expiryText(lifetime: Int, now: Int) -> String? {
        switch behaviour.expiry {
        case .seconds: String(lifetime)
        case .float: "\(lifetime).5"
        case .string: jsonString(String(lifetime))
        case .milliseconds: String(lifetime * 1000)
        case .epochSeconds: String(now + lifetime)
        case .epochMilliseconds: String((now + lifetime) * 1000)
        case .iso8601: jsonString(Timestamp(seconds: Int64(now + lifetime)).iso8601)
        case .clock: jsonString(clockText(lifetime / 60))
        case .absent: nil
        case .literal(let text): text
        }
    }

    private func clockText(_ minutes: Int) -> String {
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(minutes / 1440):\(padded(minutes / 60 % 24)):\(padded(minutes % 60))"
    }

    // MARK: Shapes

    func render(_ members: Members, status: Int, to request: Request) -> Answer {
        let json = Self.json(members)
        let form = Self.form(members)
        var answer: Answer
        let wanted = request.form?["format"]
        switch behaviour.readsFormatParameter && wanted == "urlencoded" ? .form : behaviour.answerFormat {
        case .json: answer = .json(json)
        case .jsonWithCharset: answer = .text(json, type: "application/json;charset=UTF-8")
        case .jsonAsPlainText: answer = .text(json, type: "text/plain; charset=utf-8")
        case .jsonWithByteOrderMark: answer = .json("\u{FEFF}" + json)
        case .form: answer = .text(form, type: "application/x-www-form-urlencoded")
        case .formAsPlainText: answer = .text(form, type: "text/plain;charset=UTF-8")
        case .formUnlessJSONAccepted:
            let acceptsJSON = request.headerFields[.accept]?.contains("application/json") ?? false
            answer =
                acceptsJSON
                ? .text(json, type: "application/json; charset=utf-8")
                : .text(form, type: "application/x-www-form-urlencoded; charset=utf-8")
        case .html: answer = .html(status: 200)
        case .garbage:
            answer = .json("")
            answer.body = [0x00, 0xFF, 0xFE, 0x7B, 0x22, 0x80]
        case .padded(let bytes):
            answer = .json(json)
            answer.padding = bytes
        }
        answer.status = status
        answer.headerFields[.cacheControl] = "no-store"
        return answer
    }

    /// Replaces, adds (in the order of their names) and leaves out members.
    static func change(_ members: Members, by changes: [String: String?]) -> Members {
        var changed: Members = []
        for member in members {
            switch changes[member.name] {
            case nil: changed.append(member)
            case .some(nil): break
            case .some(let json?): changed.append((member.name, json))
            }
        }
        let known = Set(members.map(\.name))
        for (name, json) in changes.sorted(by: { $0.key < $1.key }) where !known.contains(name) {
            if let json { changed.append((name, json)) }
        }
        return changed
    }

    static func json(_ members: Members) -> String {
        "{" + members.map { "\(jsonString($0.name)):\($0.json)" }.joined(separator: ",") + "}"
    }

    private static func form(_ members: Members) -> String {
        var parameters = Parameters()
        for (name, json) in members where json != "null" {
            let isString = json.count >= 2 && json.hasPrefix("\"")
            parameters.append(name, isString ? String(json.dropFirst().dropLast()) : json)
        }
        return parameters.formURLEncoded
    }
}

/// A JSON string (RFC 8259 §7).
func jsonString(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": json += "\\\""
        case "\\": json += "\\\\"
        case "\u{00}"..."\u{1F}":
            json += (scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)
        default: json.unicodeScalars.append(scalar)
        }
    }
    return json + "\""
}

func jsonStrings(_ texts: [String]) -> String {
    "[" + texts.map(jsonString).joined(separator: ",") + "]"
}
