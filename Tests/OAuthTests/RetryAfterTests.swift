import Testing

@testable import OAuth

@Suite("Retry-After")
struct RetryAfterTests {
    @Test(
        "Seconds are read",
        arguments: [("0", 0), ("120", 120), (" 7 ", 7), ("0030", 30), ("9999999999", 9_999_999_999)])
    func seconds(_ header: String, _ seconds: Int) { #expect(RetryAfter(header: header) == .seconds(seconds)) }

    @Test(
        "A date is read (RFC 9110 §5.6.7)",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200), ("Wed, 31 Dec 2098 12:00:00 GMT", 4_070_865_600),
            ("Sat, 01 Jan 2000 00:00:00 GMT", 946_684_800),
        ])
    func dates(_ header: String, _ seconds: Int) { #expect(RetryAfter(header: header) == .date(epochSeconds: seconds)) }

    @Test(
        "Nonsense is no promise",
        arguments: [
            "", " ", "-1", "+5", "1.5", "1e3", "soon", "1 2", "0x10", "99999999999", "99999999999999999999999", "٣",
            "Sun, 06 Nov 1994 08:49:37", "06 Nov 1994",
            "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Fri, 31 Feb 2023 08:49:37 GMT", "Wed, 29 Feb 2023 08:49:37 GMT", "Thu, 29 Feb 1900 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 +8:49:37 GMT", "Sun, 06 Nov +1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:xx GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT", "1994-11-06T08:49:37Z",
        ])
    func nonsense(_ header: String) { #expect(RetryAfter(header: header) == nil) }
}
