/// What makes one request different from the same request a second later, given from outside so that the pure half stays
/// pure: the time, and a number nobody has used.
public struct Freshness: Sendable, Hashable {
    /// Seconds since 1970.
    public var now: Int
    /// For `jti` (RFC 7519 §4.1.7): at least 128 random bits as text.
    public var jti: String

    public init(now: Int, jti: String) {
        self.now = now
        self.jti = jti
    }
}
