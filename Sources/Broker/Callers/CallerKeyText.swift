/// A caller's key as it is written: `crd_<role letter>_<key id>_<random><checksum>`.
///
/// Role letters: `r` runtime, `a` app, `m` admin. The key ID (12 characters) finds the key; the random part (43
/// characters of base 62, about 256 bits) is the secret; the checksum (CRC-32 in six characters of base 62) lets a
/// scanner tell a real key from a look-alike without asking anybody, and a typing error from a wrong key.
enum CallerKeyText {
    static let idLength = 12
    static let randomLength = 43
    static let checksumLength = 6
    static let length = 6 + idLength + 1 + randomLength + checksumLength

    static func make(role: Caller.Role, from random: any RandomSource) -> (id: String, key: String) {
        let id = base62(count: idLength, from: random)
        let body = "crd_\(letter(role))_\(id)_\(base62(count: randomLength, from: random))"
        return (id, body + checksum(Array(body.utf8)))
    }

    /// The key ID, or nil when this cannot be a key: wrong form or wrong checksum.
    static func keyID(_ key: some Collection<UInt8>) -> String? {
        guard key.count == length else { return nil }
        let bytes = Array(key)
        let body = bytes.prefix(length - checksumLength)
        guard bytes.starts(with: "crd_".utf8), bytes[5] == UInt8(ascii: "_"), bytes[6 + idLength] == UInt8(ascii: "_"),
            checksum(body).utf8.elementsEqual(bytes.suffix(checksumLength))
        else { return nil }
        return String(decoding: bytes[6..<6 + idLength], as: UTF8.self)
    }

    static func letter(_ role: Caller.Role) -> Character {
        switch role {
        case .runtime: "r"
        case .app: "a"
        case .admin: "m"
        }
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func base62(count: Int, from random: any RandomSource) -> String {
        var text: [UInt8] = []
        while text.count < count {
            // 248 is the largest multiple of 62 in a byte: what is above would favour some letters.
            for byte in random.bytes(64) where byte < 248 && text.count < count {
                text.append(alphabet[Int(byte) % 62])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> String {
        var value = crc32(bytes)
        var text = [UInt8](repeating: 0, count: checksumLength)
        for place in text.indices.reversed() {
            text[place] = alphabet[Int(value % 62)]
            value /= 62
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// CRC-32 as in ISO 3309 (reflected, polynomial 0xEDB88320).
    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var remainder = UInt32.max
        for byte in bytes {
            remainder = crcTable[Int((remainder ^ UInt32(byte)) & 0xFF)] ^ (remainder >> 8)
        }
        return ~remainder
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }
}
