import OAuth

/// What an administrator says when a secret is set or rotated.
public struct SecretChange: Sendable {
    public var value: SecretValue
    /// When the value ends by itself; nil when nobody said.
    public var expiresAt: Timestamp?
    /// How long the one before may be brought back.
    public var keepPrevious: Duration
    /// Asked with the new secret before it takes the place of the old one; nil asks nobody.
    public var verifyAt: String?
    /// A rotation: refused where nothing was set before.
    public var isRotation: Bool

    public static let usualKeep: Duration = .seconds(7 * 86_400)
    public static let longestKeep: Duration = .seconds(90 * 86_400)

    public init(
        _ value: SecretValue, expiresAt: Timestamp? = nil, keepPrevious: Duration = usualKeep, verifyAt: String? = nil,
        isRotation: Bool = false
    ) {
        self.value = value
        self.expiresAt = expiresAt
        self.keepPrevious = keepPrevious
        self.verifyAt = verifyAt
        self.isRotation = isRotation
    }

    func check(at now: Timestamp) throws(BrokerError) {
        guard keepPrevious >= .zero, keepPrevious <= Self.longestKeep else {
            throw .invalid("keep_previous is 0 to 7776000 seconds (90 days).", field: "keep_previous")
        }
        if let expiresAt, expiresAt <= now { throw .invalid("expires_at is over already.", field: "expires_at") }
    }
}

/// Whether an API takes a secret: one GET with it, at an address that its administrator knows to answer only to the right
/// one. The pure half; `Connections.verify` sends.
enum SecretVerification {
    enum Verdict: Hashable {
        case taken
        case refused(status: Int)
        /// The API is away, or the address is wrong: nothing is known about the secret.
        case unclear(status: Int)
    }

    static func judge(status: Int) -> Verdict {
        switch status {
        case 200...299: .taken
        case 401, 403: .refused(status: status)
        default: .unclear(status: status)
        }
    }
}

extension EndpointURL {
    /// - Parameter host: as a credential's `hosts` has it: a name, `*.` for its subdomains, with a port where one counts.
    func isCovered(by host: String) -> Bool {
        let name = self.host.contains(":") ? "[\(self.host)]" : self.host
        let full = port.map { "\(name):\($0)" } ?? name
        guard host.hasPrefix("*.") else { return host == full || host == name }
        return full.hasSuffix(host.dropFirst()) || name.hasSuffix(host.dropFirst())
    }
}
