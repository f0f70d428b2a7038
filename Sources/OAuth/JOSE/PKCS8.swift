/// The envelope of a private key (RFC 5208, RFC 5958): which kind it is, and the key inside. Read by hand, so that a
/// refusal says what is wrong.
struct PKCS8 {
    enum Kind: Sendable {
        case rsa
        case ec(JSONWebKey.Curve)
        case ed25519
    }

    let kind: Kind
    /// The key itself, in the form of its kind.
    let key: [UInt8]

    init(_ der: [UInt8]) throws(SigningKey.Invalid) {
        var outer = DER(der[...])
        guard var sequence = outer.read(.sequence).map(DER.init), outer.isAtEnd else {
            throw SigningKey.Invalid(description: "it is not PKCS#8 in DER")
        }
        guard let version = sequence.read(.integer) else {
            throw SigningKey.Invalid(description: "it is encrypted, or not PKCS#8")
        }
        guard var identifier = sequence.read(.sequence).map(DER.init), version == [0] || version == [1] else {
            throw SigningKey.Invalid(description: "it is PKCS#1 or SEC 1, not PKCS#8")
        }
        guard let algorithm = identifier.read(.objectIdentifier), let octets = sequence.read(.octetString) else {
            throw SigningKey.Invalid(description: "it is not PKCS#8 in DER")
        }
        switch Array(algorithm) {
        case [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]:
            kind = .rsa
            key = Array(octets)
        case [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]:
            let curve = try Self.curve(identifier.read(.objectIdentifier))
            kind = .ec(curve)
            key = try Self.scalar(octets, of: curve)
        case [0x2B, 0x65, 0x70]:
            var inner = DER(octets)
            guard let seed = inner.read(.octetString), inner.isAtEnd else {
                throw SigningKey.Invalid(description: "its Ed25519 key cannot be read")
            }
            kind = .ed25519
            key = Array(seed)
        default:
            throw SigningKey.Invalid(description: "its kind is none of RSA, P-256, P-384, P-521 and Ed25519")
        }
    }

    private static func curve(_ identifier: ArraySlice<UInt8>?) throws(SigningKey.Invalid) -> JSONWebKey.Curve {
        switch identifier.map(Array.init) {
        case [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]: .p256
        case [0x2B, 0x81, 0x04, 0x00, 0x22]: .p384
        case [0x2B, 0x81, 0x04, 0x00, 0x23]: .p521
        default: throw SigningKey.Invalid(description: "its curve is none of P-256, P-384 and P-521")
        }
    }

    /// The number in an ECPrivateKey (RFC 5915 §3), of full length.
    private static func scalar(
        _ octets: ArraySlice<UInt8>, of curve: JSONWebKey.Curve
    ) throws(SigningKey.Invalid) -> [UInt8] {
        var outer = DER(octets)
        guard var sequence = outer.read(.sequence).map(DER.init), outer.isAtEnd, sequence.read(.integer) == [1],
            let number = sequence.read(.octetString)?.drop(while: { $0 == 0 }), number.count <= curve.coordinateSize
        else { throw SigningKey.Invalid(description: "its EC key cannot be read") }
        return Array(repeating: 0, count: curve.coordinateSize - number.count) + number
    }
}

/// Reads DER (X.690 §10), one element after the other.
private struct DER {
    enum Tag: UInt8 {
        case integer = 0x02
        case octetString = 0x04
        case objectIdentifier = 0x06
        case sequence = 0x30
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// What the next element holds; nil, and nothing read, when it is another or has no proper length.
    mutating func read(_ tag: Tag) -> ArraySlice<UInt8>? {
        var bytes = rest
        guard bytes.popFirst() == tag.rawValue, let first = bytes.popFirst() else { return nil }
        var count = Int(first)
        if first >= 0x80 {
            let size = Int(first & 0x7F)
            guard (1...3).contains(size), bytes.count >= size, bytes.first != 0 else { return nil }
            count = bytes.prefix(size).reduce(0) { $0 << 8 | Int($1) }
            bytes = bytes.dropFirst(size)
            guard count >= 0x80 else { return nil }
        }
        guard bytes.count >= count else { return nil }
        rest = bytes.dropFirst(count)
        return bytes.prefix(count)
    }
}
