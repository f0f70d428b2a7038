/// What an address is for: only `global` ones are on the public Internet.
///
/// The blocks are those of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), read strictly:
/// a block that is special is refused whole, even where the registry calls a part of it reachable.
enum AddressKind: String, Sendable, CaseIterable {
    case global
    case loopback
    /// RFC 1918 and the unique local addresses of RFC 4193.
    case `private`
    /// Between a carrier's NAT and its customers (RFC 6598); also used by clouds and overlay networks inside.
    case shared
    case linkLocal = "link-local"
    /// Where a cloud answers its machines' questions, credentials among them.
    case metadata
    case unspecified
    case multicast
    case documentation
    case benchmarking
    /// An IPv6 address that stands for an IPv4 one: mapped, NAT64, 6to4 or Teredo.
    case translated
    case reserved
}

extension IPAddress {
    var kind: AddressKind {
        if let match = Self.special.first(where: { $0.block.contains(self) }) { return match.kind }
        // Nothing outside 2000::/3 is handed out as global unicast (RFC 4291, section 2.4).
        return isIPv6 && !Self.globalUnicast.contains(self) ? .reserved : .global
    }

    /// The IPv4 address inside a translated one; nil for every other address.
    var embedded: IPAddress? {
        guard isIPv6, let block = Self.translations.first(where: { $0.block.contains(self) }) else { return nil }
        return IPAddress(bytes[block.offset..<block.offset + 4].map { $0 ^ block.mask })
    }

    private static let globalUnicast = CIDR("2000::/3")!

    private static let translations: [(block: CIDR, offset: Int, mask: UInt8)] = [
        (CIDR("::ffff:0:0/96")!, 12, 0),  // mapped: RFC 4291, section 2.5.5.2
        (CIDR("64:ff9b::/96")!, 12, 0),  // NAT64: RFC 6052
        (CIDR("64:ff9b:1::/48")!, 12, 0),  // NAT64 of local use, in its /96 form: RFC 8215
        (CIDR("2002::/16")!, 2, 0),  // 6to4: RFC 3056
        (CIDR("2001::/32")!, 12, 0xff),  // Teredo, the client's address inverted: RFC 4380
    ]

    /// The first block that holds an address tells its kind: the narrower stand before the wider.
    private static let special: [(block: CIDR, kind: AddressKind)] = [
        (CIDR("169.254.169.254/32")!, .metadata),
        (CIDR("169.254.170.2/32")!, .metadata),
        (CIDR("100.100.100.200/32")!, .metadata),
        (CIDR("168.63.129.16/32")!, .metadata),
        (CIDR("192.0.0.192/32")!, .metadata),
        (CIDR("fd00:ec2::/32")!, .metadata),
        (CIDR("fd20:ce::/32")!, .metadata),

        (CIDR("0.0.0.0/8")!, .unspecified),
        (CIDR("10.0.0.0/8")!, .private),
        (CIDR("100.64.0.0/10")!, .shared),
        (CIDR("127.0.0.0/8")!, .loopback),
        (CIDR("169.254.0.0/16")!, .linkLocal),
        (CIDR("172.16.0.0/12")!, .private),
        (CIDR("192.0.0.0/24")!, .reserved),
        (CIDR("192.0.2.0/24")!, .documentation),
        (CIDR("192.88.99.0/24")!, .reserved),
        (CIDR("192.168.0.0/16")!, .private),
        (CIDR("198.18.0.0/15")!, .benchmarking),
        (CIDR("198.51.100.0/24")!, .documentation),
        (CIDR("203.0.113.0/24")!, .documentation),
        (CIDR("224.0.0.0/4")!, .multicast),
        (CIDR("240.0.0.0/4")!, .reserved),

        (CIDR("::/128")!, .unspecified),
        (CIDR("::1/128")!, .loopback),
        (CIDR("::ffff:0:0/96")!, .translated),
        (CIDR("64:ff9b::/96")!, .translated),
        (CIDR("64:ff9b:1::/48")!, .translated),
        (CIDR("2001::/32")!, .translated),
        (CIDR("2001:2::/48")!, .benchmarking),
        (CIDR("2001::/23")!, .reserved),
        (CIDR("2001:db8::/32")!, .documentation),
        (CIDR("2002::/16")!, .translated),
        (CIDR("3fff::/20")!, .documentation),
        (CIDR("fc00::/7")!, .private),
        (CIDR("fe80::/10")!, .linkLocal),
        (CIDR("fec0::/10")!, .private),
        (CIDR("ff00::/8")!, .multicast),
    ]
}
