/// When people are told that a secret or a certificate ends.
public enum SecretExpiry {
    /// Days before the end, the first notice first.
    public static let notices = [30, 14, 3]
    static let longestNotice: Duration = .seconds(30 * 86_400)

    /// Which notice is due, in days; nil while there is time, and when it is over.
    public static func notice(of end: Timestamp, at now: Timestamp) -> Int? {
        let left = end.since(now)
        guard left > .zero else { return nil }
        return notices.last { left <= .seconds($0 * 86_400) }
    }
}
