import HTTPTypes

/// The UserInfo endpoint (OpenID Connect Core 1.0 §5.3), and those that do the same under another name.
public enum UserInfo {
    /// §5.3.1. A DPoP token needs a proof besides: `EndpointRequest.prove`.
    /// - Parameter tokenType: as the token answer says it; it is the scheme too (RFC 6750 §2.1, RFC 9449 §7.1).
    public static func request(at endpoint: EndpointURL, accessToken: Secret, tokenType: String) -> EndpointRequest {
        var fields = EndpointRequest.standardFields(Dialect())
        fields[.authorization] = "\(tokenType) \(accessToken.reveal())"
        return EndpointRequest(method: .get, url: endpoint, headerFields: fields)
    }

    public enum Verdict: Sendable, Hashable {
        /// The subject must be that of the ID token, where there is one (§5.3.2).
        case claims(JSONObject, subject: String?)
        /// The token is not taken.
        case refused(Refusal)
        case malformed(reason: String)
        case unavailable(status: Int)
    }

    /// Prints the status and the error's code.
    public struct Refusal: Sendable, Hashable, CustomStringConvertible {
        public let status: Int
        /// Empty where it does not say why, or not so that it can be read.
        public let challenges: [Challenge]

        /// Its code (RFC 6750 §3.1, RFC 9449 §7.1).
        public var error: OAuthError? {
            challenges.lazy.compactMap { $0.parameters["error"] }.first { !$0.isEmpty }.map { OAuthError(code: $0) }
        }

        public var description: String { error.map { "\(status), \($0.code)" } ?? "\(status)" }
    }

    /// - Parameter expectsSubject: as §5.3.2 has it; an endpoint of the provider's own need not name one.
    public static func judge(_ response: EndpointResponse, expectsSubject: Bool = true) -> Verdict {
        let status = response.status
        let challenges = Challenge.read(response.headerFields)
        if TokenResponse.isPassing(status) { return .unavailable(status: status) }
        // RFC 6750 §3.1: 401 and 403; 400 where it says so itself.
        if status == 401 || status == 403 || (status == 400 && challenges != nil) {
            return .refused(Refusal(status: status, challenges: challenges ?? []))
        }
        guard (200..<300).contains(status), status != 206 else { return .malformed(reason: "status \(status)") }
        // Signed or encrypted claims (§5.3.2) are no JSON: nobody asked for them.
        guard case .object(let members)? = response.json() else {
            return .malformed(reason: "it is not a JSON object")
        }
        switch members["sub"] {
        case .string(let subject)? where (1...255).contains(subject.utf8.count):
            return .claims(members, subject: subject)
        case _ where !expectsSubject: return .claims(members, subject: nil)
        default: return .malformed(reason: "it names no subject")
        }
    }
}
