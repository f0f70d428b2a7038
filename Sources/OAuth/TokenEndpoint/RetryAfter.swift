import HTTPTypes

/// A `Retry-After` header (RFC 9110 §10.2.3).
public enum RetryAfter: Sendable, Hashable {
    case seconds(Int)
    /// Seconds since 1970.
    case date(epochSeconds: Int)

    init?(in response: EndpointResponse) {
        guard let header = response.headerFields[.retryAfter] else { return nil }
        self.init(header: header)
    }

    /// How long from now, in whole seconds, an hour at most.
    func seconds(from now: Int64) -> Int {
        switch self {
        case .seconds(let seconds): min(max(0, seconds), 3600)
        case .date(let epochSeconds): Int(min(max(0, Int64(epochSeconds) - now), 3600))
        }
    }

    /// nil for nonsense: a promise that cannot be read is none.
    public init?(header: String) {
        let words = header.split(separator: " ")
        let text = words.count == 1 ? String(words[0]) : header
        if !text.isEmpty, text.utf8.count <= 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Int(text)
        {
            self = .seconds(seconds)
        } else if let seconds = Self.httpDate(text) {
            self = .date(epochSeconds: seconds)
        } else {
            return nil
        }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 §5.6.7), the one form that is still sent.
    private static func httpDate(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", let day = digits(parts[1], count: 2),
            let month = months.firstIndex(of: String(parts[2])), let year = digits(parts[3], count: 4), year >= 1970,
            (1...daysInMonth(month, of: year)).contains(day)
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { digits($0, count: 2) ?? -1 }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        // Days since 1970 by the civil calendar, with the year beginning in March.
        let shiftedYear = month < 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    private static func digits(_ text: Substring, count: Int) -> Int? {
        text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    /// - Parameter month: 0 is January.
    private static func daysInMonth(_ month: Int, of year: Int) -> Int {
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return month == 1 ? (isLeapYear ? 29 : 28) : [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
    }
}
