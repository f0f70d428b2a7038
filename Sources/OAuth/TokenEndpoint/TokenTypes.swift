/// Which types of token an answer may bring (RFC 6749 §7.1).
public struct TokenTypes: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    public static let bearer = TokenTypes(rawValue: 1)
    /// A proof went along with the request. A server that binds no tokens answers with Bearer, which is accepted with a
    /// warning (RFC 9449 §5).
    public static let dpop = TokenTypes(rawValue: 2 | 1)
    /// `N_A`, for a token that is no access token: in a token exchange alone (RFC 8693 §2.2.1).
    public static let notApplicable = TokenTypes(rawValue: 4)
}
