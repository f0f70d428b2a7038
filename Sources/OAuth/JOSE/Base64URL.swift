/// The bytes of base64url as JOSE writes it (RFC 7515 §2): without padding, white space or line breaks, and in the one
/// way there is, with the bits left over being zero. nil for anything else: two texts for one signature are one too many.
func bytes(base64URL text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var word: UInt32 = 0
    var bits = 0
    for byte in text {
        guard let value = base64URLValue(of: byte) else { return nil }
        word = word << 6 | value
        bits += 6
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            word &= (1 << UInt32(bits)) - 1
        }
    }
    return word == 0 ? bytes : nil
}

func bytes(base64URL text: String) -> [UInt8]? { bytes(base64URL: text.utf8) }

private func base64URLValue(of byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
}
