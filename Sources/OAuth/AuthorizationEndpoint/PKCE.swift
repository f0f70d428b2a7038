import Crypto

/// Proof Key for Code Exchange (RFC 7636), S256 alone.
public enum PKCE {
    /// A code verifier (§4.1) of 43 characters.
    /// - Parameter random: 32 bytes nobody can guess.
    public static func verifier(_ random: [UInt8]) -> Secret {
        precondition(random.count == 32)
        return Secret(base64URL(random))
    }

    /// The code challenge (§4.2): BASE64URL(SHA256(ASCII(code_verifier))).
    public static func challenge(for verifier: Secret) -> String {
        base64URL(Array(SHA256.hash(data: Array(verifier.reveal().utf8))))
    }
}

/// Base64 without padding, in the alphabet for URLs (RFC 4648 §5) or the usual one with padding (§4).
func base64URL(_ bytes: [UInt8]) -> String {
    base64(bytes, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", pads: false)
}

func base64(_ bytes: [UInt8]) -> String {
    base64(bytes, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", pads: true)
}

private func base64(_ bytes: [UInt8], alphabet: String, pads: Bool) -> String {
    let alphabet = Array(alphabet.utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let chunk = bytes[start..<min(start + 3, bytes.count)]
        var word = chunk.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32((3 - chunk.count) * 8)
        word &= 0xFF_FFFF
        for place in 0...chunk.count { text.append(alphabet[Int(word >> UInt32(18 - 6 * place)) & 63]) }
        if pads { text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - chunk.count)) }
    }
    return String(decoding: text, as: UTF8.self)
}
