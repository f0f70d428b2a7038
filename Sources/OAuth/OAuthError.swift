/// An error as an authorization server words it (RFC 6749 §4.1.2.1 and §5.2). The same when the code is.
public struct OAuthError: Error, Sendable, Hashable {
    public let code: String
    /// For people: at most 300 characters, without control characters. Escape it before it goes into a page.
    public let description: String?
    public let uri: String?
    /// A second code that some servers send in `suberror`, and which says more.
    public let subcode: String?
    /// Numbers that some servers send in `error_codes`, and which say more still; at most sixteen.
    public let numbers: [Int]

    public init(
        code: String, description: String? = nil, uri: String? = nil, subcode: String? = nil, numbers: [Int] = []
    ) {
        self.code = Self.sanitised(code, limit: 100)
        self.description = description.map { Self.sanitised($0, limit: 300) }
        self.uri = uri.map { Self.sanitised($0, limit: 300) }
        self.subcode = subcode.map { Self.sanitised($0, limit: 100) }
        self.numbers = Array(numbers.prefix(16))
    }

    public static func == (left: OAuthError, right: OAuthError) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    /// What a terminal, a log or a page could obey becomes a space (security case N21).
    private static func sanitised(_ text: String, limit: Int) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(limit) {
            let isUnsafe =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar.properties.generalCategory == .format
                || scalar == "\u{2028}" || scalar == "\u{2029}"
            scalars.append(isUnsafe ? " " : scalar)
        }
        return String(scalars)
    }

    /// Who must act.
    public enum Remedy: String, Sendable, CaseIterable {
        /// The resource owner: consent again.
        case reauthorize
        /// Whoever looks after the registration.
        case administrator
        /// Nobody yet.
        case retry
    }

    /// Never by HTTP status or the shape of the body; nil for a code that nobody knows.
    /// - Parameter map: the profile's, which goes first.
    public func remedy(_ map: ErrorMap = [:]) -> Remedy? {
        if let remedy = map.remedy(for: self) { return remedy }
        switch code {
        case "invalid_grant", "bad_refresh_token", "access_denied", "expired_token", "account_changed",
            "interaction_required", "login_required", "consent_required",
            "account_selection_required":
            return .reauthorize
        case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request",
            "unsupported_response_type", "invalid_target":
            return .administrator
        case "temporarily_unavailable", "server_error", "slow_down", "authorization_pending": return .retry
        default: return nil
        }
    }
}
