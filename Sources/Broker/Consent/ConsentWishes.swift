/// What whoever asks for a consent may add to its authorization request.
public struct ConsentWishes: Sendable, Hashable, Codable {
    /// Whom the provider should offer to sign in (OpenID Connect Core §3.1.2.1).
    public var loginHint: String?
    /// `consent`, `login`, `select_account` and their like (OpenID Connect Core §3.1.2.1).
    public var prompt: String?
    /// Claims asked for one by one, JSON as text (OpenID Connect Core §5.5); also a claims challenge's answer.
    public var claims: String?
    /// Other parameters, such as a provider's own. Never one of those that Credence sets itself.
    public var parameters: [String: String] = [:]

    public init() {}
}
