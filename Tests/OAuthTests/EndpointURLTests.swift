import Testing

@testable import OAuth

@Suite("The URL of an endpoint")
struct EndpointURLTests {
    @Test(
        "Is taken apart",
        arguments: [
            ("https://as.example", "https", "as.example", nil, "/", nil),
            ("HTTPS://AS.Example:8443/Token", "https", "as.example", 8443, "/Token", nil),
            ("https://as.example/a/b?c=d&e", "https", "as.example", nil, "/a/b", "c=d&e"),
            ("https://as.example?x=1", "https", "as.example", nil, "/", "x=1"),
            ("https://as.example/?", "https", "as.example", nil, "/", ""),
            ("https://as.example/?a=b/c@d:e?f", "https", "as.example", nil, "/", "a=b/c@d:e?f"),
            ("http://127.0.0.1:1/", "http", "127.0.0.1", 1, "/", nil),
            ("http://[::1]:65535/x", "http", "::1", 65_535, "/x", nil),
            ("https://[2001:DB8::1]", "https", "2001:db8::1", nil, "/", nil),
            ("https://a_b-c.example/%C3%A9", "https", "a_b-c.example", nil, "/%C3%A9", nil),
        ] as [(String, String, String, Int?, String, String?)])
    func parts(_ text: String, _ scheme: String, _ host: String, _ port: Int?, _ path: String, _ query: String?) throws
    {
        let url = try EndpointURL(text)
        #expect(url.string == text)
        #expect((url.scheme, url.host, url.port) == (scheme, host, port))
        #expect((url.path, url.query) == (path, query))
    }

    @Test(
        "N4: what is not an absolute http or https URL is refused",
        arguments: [
            "", "as.example", "/token", "//as.example/token", "file:///etc/passwd", "unix:///run/s",
            "ftp://as.example/",
            "javascript://as.example/", "https:/as.example", "https:as.example", "https://", "https:///token",
            "https://?x",
            "https://:443/", "://as.example/", "http+unix://x/",
        ])
    func notAbsolute(_ text: String) { #expect(throws: EndpointURL.Invalid.self) { try EndpointURL(text) } }

    @Test(
        "What two parsers read differently is refused",
        arguments: [
            #"https://as.example\@evil.example/"#, #"https:\\as.example/"#, #"https://as.example\.evil.example/"#,
            "https://user@as.example/", "https://user:pw@as.example/", "https://as.example@evil.example/",
            "https://@as.example/",
            "https://as.example/#fragment", "https://as.example#@evil.example/", "https://as.example/#",
            "https://as.example /", " https://as.example/", "https://as.example/\n", "https://as.example/\ttoken",
            "https://as.example/\r\nHost: evil", "https://as.example/\u{0}", "https://as.example/a b",
            "https://as.example/\u{7F}",
            "https://äs.example/", "https://as.example/é", "https://as。example/", "https://as.example/<x>",
            "https://as.example/{x}",
            "https://as.example/`", "https://as.example/^", "https://as.example/|", "https://as.example/\"",
            "https://%61s.example/", "https://as.example/%zz", "https://as.example/?a=%4", "https://as.example/%",
            "https://as.example,evil.example/", "https://as.example;evil/", "https://as!example/",
            "https://as&example/",
        ])
    func traps(_ text: String) { #expect(throws: EndpointURL.Invalid.self) { try EndpointURL(text) } }

    @Test(
        "N4: a port that is none is refused",
        arguments: ["", "0", "65536", "99999999999999999999", "-1", "+80", "8o", "80:80", " 80", "0x50", "٨٠"])
    func ports(_ port: String) {
        #expect(throws: EndpointURL.Invalid.self) { try EndpointURL("https://as.example:\(port)/") }
    }

    @Test(
        "A host in brackets that is no address is refused",
        arguments: [
            "[]", "[127.0.0.1]", "[1]", "[::1", "::1", "[::1]x", "[::1]80", "[fe80::1%25eth0]", "[as.example]",
            "[v1.x]", "x[::1]", "[::1]:",
        ])
    func brackets(_ host: String) {
        #expect(throws: EndpointURL.Invalid.self) { try EndpointURL("https://\(host)/") }
    }

    @Test("Length is bounded")
    func length() throws {
        _ = try EndpointURL("https://as.example/" + String(repeating: "a", count: 8173))
        #expect(throws: EndpointURL.Invalid.self) {
            try EndpointURL("https://as.example/" + String(repeating: "a", count: 8174))
        }
        #expect(throws: EndpointURL.Invalid.self) {
            try EndpointURL("https://" + String(repeating: "a", count: 254) + "/")
        }
    }

    @Test(
        "RFC 6749 §3.1: parameters join a query that is there",
        arguments: [
            ("https://as.example/a", "https://as.example/a?x=1%202"),
            ("https://as.example/a?", "https://as.example/a?x=1%202"),
            ("https://as.example/a?b=c", "https://as.example/a?b=c&x=1%202"),
            ("https://as.example/a?b=c&", "https://as.example/a?b=c&x=1%202"),
            ("https://as.example", "https://as.example?x=1%202"),
        ])
    func appending(_ base: String, _ whole: String) throws {
        #expect(try EndpointURL(base).appending(Parameters([("x", "1 2")])) == whole)
        #expect(try EndpointURL(base).appending(Parameters()) == base)
    }

    @Test("Prints without its query")
    func description() throws {
        let url = try EndpointURL("https://[::1]:8443/a?secret=s3cret")
        #expect("\(url)" == "https://[::1]:8443/a")
        #expect(!printed(url).contains("s3cret"))
    }

    @Test("Is secure when it is https", arguments: [("https://a/", true), ("HTTPS://a/", true), ("http://a/", false)])
    func secure(_ text: String, _ isSecure: Bool) throws { #expect(try EndpointURL(text).isSecure == isSecure) }
}
