extension Timestamp {
    /// Reads RFC 3339 in UTC: `2026-11-22` (its first moment) or `2026-11-22T18:00:00Z`, with or without fractions;
    /// of those the milliseconds are kept.
    public init?(iso8601 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || (bytes.count >= 20 && bytes.count <= 30 && bytes.last == UInt8(ascii: "Z")) else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0 as Int?) { sum, byte in
                guard let sum, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                return sum * 10 + Int(byte - UInt8(ascii: "0"))
            }
        }
        func has(_ character: Character, at index: Int) -> Bool { bytes[index] == character.asciiValue }
        guard let year = number(0..<4), has("-", at: 4), let month = number(5..<7), has("-", at: 7),
            let day = number(8..<10), year >= 1970, (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var second = 0
        var milliseconds = 0
        if bytes.count > 10 {
            guard has("T", at: 10), let hours = number(11..<13), has(":", at: 13), let minutes = number(14..<16),
                has(":", at: 16), let seconds = number(17..<19), hours < 24, minutes < 60, seconds < 60
            else { return nil }
            if bytes.count > 20 {
                guard has(".", at: 19), bytes.count > 21, number(20..<bytes.count - 1) != nil else { return nil }
                let digits = min(bytes.count - 21, 3)
                milliseconds = (number(20..<20 + digits) ?? 0) * [100, 10, 1][digits - 1]
            }
            second = hours * 3600 + minutes * 60 + seconds
        }
        // Civil date to days, after the same shift as `iso8601Bytes`.
        let shiftedYear = month <= 2 ? year - 1 : year
        let shiftedMonth = month > 2 ? month - 3 : month + 9
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + (153 * shiftedMonth + 2) / 5 + day - 1
        let days = era * 146_097 + dayOfEra - 719_468
        self.init(milliseconds: (Int64(days) * 86_400 + Int64(second)) * 1000 + Int64(milliseconds))
        // The 31st of a short month is no day.
        guard iso8601.utf8.prefix(10).elementsEqual(bytes.prefix(10)) else { return nil }
    }
}
