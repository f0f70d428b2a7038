/// Where the broker may send requests to.
///
/// Every URL the broker calls comes out of a profile, a client's fields or a discovery document, so none is
/// trusted: without a rule here, whoever may register a client could make the broker call its own network.
public struct EgressPolicy: Sendable, Hashable {
    /// Plain http. For development: a credential sent over it is readable on the way.
    public var allowHTTP = false
    /// 127.0.0.0/8 and ::1. For development.
    public var allowLoopback = false
    /// The private blocks of RFC 1918 and RFC 4193, without the metadata addresses in them. For development:
    /// where an authorization server really stands inside, name its network in `allowedNetworks`.
    public var allowPrivate = false
    /// Networks allowed whatever they are, each named by the operator. A network of translated addresses (NAT64)
    /// is allowed for those whose IPv4 address is allowed as well.
    public var allowedNetworks: [CIDR] = []
    /// The ports that may be called; nil is any.
    public var allowedPorts: Set<Int>? = [443, 8443]

    /// https to the public Internet, on 443 and 8443.
    public init() {}

    /// https to the public Internet, on 443 and 8443.
    public static let `default` = EgressPolicy()

    /// What `--development` allows: http, loopback, private networks and any port.
    public static let development: EgressPolicy = {
        var policy = EgressPolicy()
        policy.allowHTTP = true
        policy.allowLoopback = true
        policy.allowPrivate = true
        policy.allowedPorts = nil
        return policy
    }()
}

extension EgressPolicy {
    func permits(_ address: IPAddress) -> Bool {
        let named = allowedNetworks.contains { $0.contains(address) }
        if let embedded = address.embedded { return named && permits(embedded) }
        return switch address.kind {
        case .global: true
        case .loopback: named || allowLoopback
        case .private: named || allowPrivate
        default: named
        }
    }

    /// Why none of these addresses may be called, or nil. All must pass: a name that has one address outside and
    /// one inside is an attempt to get in, and which one is dialled must not be left to chance.
    func refusal(of addresses: [IPAddress]) -> String? {
        guard let refused = addresses.first(where: { !permits($0) }) else { return nil }
        return "\(refused) is a \(refused.kind.rawValue) address"
    }
}
