import Broker
import HTTPTypes
import OAuth

/// RFC 6749 §5.2: errors, in the words of the server that this one stands for.
extension AuthorizationServerState {
    typealias ErrorBody = FakeAuthorizationServer.ErrorBody
    typealias Refusal = FakeAuthorizationServer.Refusal

    func refusal(_ reason: Refusal, _ description: String, status: Int = 400, to request: Request) -> Answer {
        answer(wording(reason), otherwise: description, status: status, to: request)
    }

    func refusal(code: String, _ description: String, status: Int = 400, to request: Request) -> Answer {
        answer(ErrorBody(code), otherwise: description, status: status, to: request)
    }

    func invalidClient(_ reason: Refusal, _ description: String, to request: Request) -> Answer {
        var answer = refusal(reason, description, status: behaviour.invalidClientStatus, to: request)
        if answer.status == 401, request.headerFields[.authorization] != nil {
            answer.headerFields[.wwwAuthenticate] = #"Basic realm="token endpoint""#
        }
        return answer
    }

    /// What is said for a reason: its own words, then those of the more general one.
    func wording(_ reason: Refusal) -> ErrorBody {
        for candidate in [reason, reason.general].compactMap(\.self) {
            if let body = behaviour.errors[candidate] { return body }
            if let code = behaviour.errorCodes[candidate] { return ErrorBody(code) }
        }
        return ErrorBody(reason.standardCode)
    }

    func answer(
        _ body: ErrorBody, otherwise description: String = "", status: Int = 400, to request: Request
    ) -> Answer {
        let chosen = body.status ?? status
        var answer = render(
            members(of: body, otherwise: description), status: behaviour.errorsAt200 ? 200 : chosen, to: request)
        if let retryAfter = body.retryAfter { answer.headerFields[.retryAfter] = retryAfter }
        return answer
    }

    private func members(of body: ErrorBody, otherwise description: String) -> Members {
        var members: Members = [
            ("error", jsonString(body.code)),
            ("error_description", jsonString(self.description(of: body, otherwise: description))),
        ]
        if behaviour.errorNumberPrefix != nil {
            if let number = body.number { members.append(("error_codes", "[\(number)]")) }
            members += [
                ("timestamp", jsonString(Self.plainTime(now))), ("trace_id", jsonString(Self.trace)),
                ("correlation_id", jsonString(Self.trace)),
            ]
        }
        if let suberror = body.suberror { members.append(("suberror", jsonString(suberror))) }
        if let claims = body.claims { members.append(("claims", jsonString(claims))) }
        return Self.change(members, by: body.members.mapValues(Optional.some))
    }

    func description(of body: ErrorBody, otherwise description: String) -> String {
        let text = body.description ?? description
        guard let prefix = behaviour.errorNumberPrefix else { return text }
        let lines = [
            body.number.map { "\(prefix)\($0): \(text)" } ?? text, "Trace ID: \(Self.trace)",
            "Correlation ID: \(Self.trace)", "Timestamp: \(Self.plainTime(now))",
        ]
        return lines.joined(separator: "\r\n")
    }

    private static let trace = "00000000-0000-4000-8000-000000000000"

    /// `2027-01-15 08:00:00Z`
    private static func plainTime(_ now: Int) -> String {
        Timestamp(seconds: Int64(now)).iso8601.map { $0 == "T" ? " " : String($0) }.joined()
    }
}
