/// The form of a master key in a file: 64 hexadecimal digits, then at most one line end.
enum MasterKeyText {
    private static let digitCount = Primitives.keyCount * 2
    /// With CR LF, which an editor may have put there.
    static let longest = digitCount + 2

    /// To be cleansed by whoever asks for it.
    static func make(_ key: SecretBytes) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        // Made at its full size: growing would leave parts of the key behind.
        var text = [UInt8](repeating: UInt8(ascii: "\n"), count: digitCount + 1)
        key.withUnsafeBytes { bytes in
            for (index, byte) in bytes.enumerated() {
                text[index * 2] = digits[Int(byte >> 4)]
                text[index * 2 + 1] = digits[Int(byte & 15)]
            }
        }
        return text
    }

    static func parse(_ text: Slice<UnsafeRawBufferPointer>, path: String) -> Result<MasterKey, SealingError> {
        var text = text
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        if text.last == UInt8(ascii: "\r") { text.removeLast() }
        guard text.count >= digitCount else {
            return malformed(path, "is too short (\(text.count) characters, not \(digitCount) hexadecimal digits)")
        }
        guard text.count == digitCount else {
            return malformed(path, "is too long (it must be one line of \(digitCount) hexadecimal digits)")
        }
        let start = text.startIndex
        let key = SecretBytes(count: Primitives.keyCount) { output in
            for index in output.indices {
                guard let high = value(text[start + index * 2]), let low = value(text[start + index * 2 + 1]) else {
                    return false
                }
                output[index] = high << 4 | low
            }
            return true
        }
        guard let key else { return malformed(path, "holds something else than hexadecimal digits") }
        return Result { () throws(SealingError) in try MasterKey(key) }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func malformed(_ path: String, _ what: String) -> Result<MasterKey, SealingError> {
        .failure(SealingError(.masterKeyMalformed, "The master key \(path) \(what): bring back your copy of it."))
    }
}
