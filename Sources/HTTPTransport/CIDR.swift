/// A block of addresses: an address and the number of leading bits that count (RFC 4632, RFC 4291 section 2.3).
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
    /// The first address of the block.
    public let network: IPAddress
    /// The number of leading bits that count: 0 to 32 (IPv4) or 128 (IPv6).
    public let prefixLength: Int

    /// Reads `10.0.0.0/8` or `fd00:1234::/32`.
    /// - Returns: nil when the address or the length is not one, and when bits behind the prefix are set
    ///   (`10.1.2.3/8` is more likely a slip than a wish).
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let network = IPAddress(String(parts[0])),
            let prefixLength = Int(parts[1]), String(prefixLength) == parts[1],
            (0...network.bytes.count * 8).contains(prefixLength)
        else { return nil }
        self.network = network
        self.prefixLength = prefixLength
        guard (prefixLength..<network.bytes.count * 8).allSatisfy({ Self.bit($0, of: network) == 0 }) else {
            return nil
        }
    }

    /// Whether the address lies in the block. An IPv4 block holds no IPv6 address, not even a mapped one.
    public func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == network.bytes.count else { return false }
        let whole = prefixLength / 8
        return address.bytes.prefix(whole) == network.bytes.prefix(whole)
            && (whole * 8..<prefixLength).allSatisfy { Self.bit($0, of: address) == Self.bit($0, of: network) }
    }

    public var description: String { "\(network)/\(prefixLength)" }

    private static func bit(_ index: Int, of address: IPAddress) -> UInt8 {
        address.bytes[index / 8] >> UInt8(7 - index % 8) & 1
    }
}
