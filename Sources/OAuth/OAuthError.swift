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
    /// Of the answer that it came with; nil where it came by the browser.
    public let status: Int?
    /// What the next authorization request must say in its `claims`, so that the server grants what it refused now: JSON
    /// (OpenID Connect Core 1.0 §5.5), at most 4 KiB.
    public let claims: String?

    public init(
        code: String, description: String? = nil, uri: String? = nil, subcode: String? = nil, numbers: [Int] = [],
        status: Int? = nil, claims: String? = nil
    ) {
        self.code = Self.sanitised(code, limit: 100)
        self.description = description.map { Self.sanitised($0, limit: 300) }
        self.uri = uri.map { Self.sanitised($0, limit: 300) }
        self.subcode = subcode.map { Self.sanitised($0, limit: 100) }
        self.numbers = Array(numbers.prefix(16))
        self.status = status
        self.claims = claims.flatMap { Self.isClaimsRequest($0) ? $0 : nil }
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

    /// The same error without what it repeats of a request's secrets (security case N21): a code is kept, shown and logged.
    public func hiding(_ secrets: [Secret]) -> OAuthError {
        let secrets = secrets.map { $0.reveal() }.filter { !$0.isEmpty }
        func hides(_ text: String?) -> Bool {
            guard let text else { return false }
            // A text may end within the secret: it was cut to its length.
            return secrets.contains { secret in
                text.contains(secret) || (secret.count > 64 && text.contains(secret.prefix(64)))
            }
        }
        guard [code, subcode, description, uri, claims].contains(where: hides) else { return self }
        return OAuthError(
            code: hides(code) ? "unreadable_error" : code, description: hides(description) ? nil : description,
            uri: hides(uri) ? nil : uri, subcode: hides(subcode) ? nil : subcode, numbers: numbers, status: status,
            claims: hides(claims) ? nil : claims)
    }

    /// What goes on into a browser's address must be what it says: an object, and no longer than an address bears.
    private static func isClaimsRequest(_ text: String) -> Bool {
        guard text.utf8.count <= 4096, case .object? = try? JSONReader.read(Array(text.utf8)) else { return false }
        return true
    }

    /// Who must act.
    public enum Remedy: String, Sendable, CaseIterable {
        /// The resource owner: consent again.
        case reauthorize
        /// The resource owner too, while the grant stands: the server wants more of them first, such as a second factor.
        case stepUp = "step_up"
        /// Whoever looks after the registration.
        case administrator
        /// Nobody yet.
        case retry
    }

    /// Never by the shape of the body, and by the status only where the profile says so; nil for a code that nobody knows.
    /// - Parameter map: the profile's, which goes first.
    public func remedy(_ map: ErrorMap = [:]) -> Remedy? {
        if let remedy = map.remedy(for: self) { return remedy }
        switch code {
        case "invalid_grant", "bad_refresh_token", "access_denied", "expired_token", "account_changed",
            "login_required", "account_selection_required":
            return .reauthorize
        case "interaction_required", "consent_required", "insufficient_user_authentication": return .stepUp
        case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request",
            "unsupported_response_type", "invalid_target":
            return .administrator
        case "temporarily_unavailable", "server_error", "slow_down", "authorization_pending": return .retry
        default: return nil
        }
    }
}
