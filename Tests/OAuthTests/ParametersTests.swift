import Testing

@testable import OAuth

@Suite("Forms and queries")
struct ParametersTests {
    @Test("Every byte but RFC 3986's unreserved is percent-encoded")
    func encoding() {
        #expect(Parameters.encode("AZaz09-._~") == "AZaz09-._~")
        #expect(Parameters.encode(" %&+£€=?/!*'()\r\n") == "%20%25%26%2B%C2%A3%E2%82%AC%3D%3F%2F%21%2A%27%28%29%0D%0A")
        #expect(Parameters([("a b", "c&d"), ("e", "")]).formURLEncoded == "a%20b=c%26d&e=")
    }

    @Test(
        "What is encoded is decoded the same",
        arguments: ["", " %&+£€", "firstname lastname", ":/&%%(/(&/) %&%&/%/&", "sören:müller", "a\u{0}b", "😀", "%41"])
    func roundTrip(_ text: String) throws {
        let parameters = Parameters([(text, text), ("x", text)])
        #expect(try Parameters(formURLEncoded: parameters.formURLEncoded) == parameters)
    }

    @Test(
        "A form is read as browsers write it",
        arguments: [
            ("a=b+c", [("a", "b c")]), ("a=%2B", [("a", "+")]), ("a", [("a", "")]), ("a=", [("a", "")]),
            ("=b", [("", "b")]),
            ("a=b=c", [("a", "b=c")]), ("", []), ("&&a=b&&", [("a", "b")]), ("a=%c3%A9", [("a", "é")]),
            ("a=1&a=2", [("a", "1"), ("a", "2")]), ("a%3Db=c", [("a=b", "c")]), ("a;b=c", [("a;b", "c")]),
        ] as [(String, [(String, String)])])
    func decoding(_ text: String, _ pairs: [(String, String)]) throws {
        #expect(try Parameters(formURLEncoded: text) == Parameters(pairs))
    }

    @Test(
        "N18: broken percent-encoding and what is not UTF-8 are refused",
        arguments: ["a=%", "a=%4", "a=%4g", "a=%%41", "%zz=a", "a=%FF", "a=%C3", "a=%ED%A0%80", "a=%C0%80", "a=%+41"])
    func broken(_ text: String) {
        #expect(throws: Parameters.Invalid.self) { try Parameters(formURLEncoded: text) }
    }

    @Test("Raw bytes that are not UTF-8 are refused")
    func rawBytes() {
        #expect(throws: Parameters.Invalid.self) { try Parameters(formURLEncoded: [0x61, 0x3D, 0xFF]) }
    }

    @Test("Size and number of pairs are bounded")
    func bounds() throws {
        #expect(try Parameters(formURLEncoded: "a=" + String(repeating: "b", count: 65_534))["a"]?.count == 65_534)
        #expect(throws: Parameters.Invalid.self) {
            try Parameters(formURLEncoded: "a=" + String(repeating: "b", count: 65_535))
        }
        let thousand = Array(repeating: "a=b", count: 1000).joined(separator: "&")
        #expect(try Parameters(formURLEncoded: thousand).pairs.count == 1000)
        #expect(throws: Parameters.Invalid.self) { try Parameters(formURLEncoded: thousand + "&a=b") }
    }

    @Test("F17: names that stand there twice are told, each once, as they are after decoding")
    func duplicates() throws {
        let parameters = try Parameters(formURLEncoded: "a=1&b=2&%61=3&c=4&b=5&a=6")
        #expect(parameters.duplicatedNames == ["a", "b"])
        #expect(parameters.values(of: "a") == ["1", "3", "6"])
        #expect(parameters["a"] == "1")
    }

    @Test("Setting replaces in place and leaves one")
    func setting() {
        var parameters = Parameters([("a", "1"), ("b", "2"), ("a", "3")])
        parameters.set("a", "4")
        parameters.set("c", "5")
        parameters.remove("b")
        #expect(parameters == Parameters([("a", "4"), ("c", "5")]))
    }

    @Test(
        "RFC 6749 appendix B: its example decodes, and ours decodes to the same",
        .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func appendixB() throws {
        for vector in try Shared.json("vectors/rfc/oauth_encoding.json")[path: "form_encoding"]?.elements ?? [] {
            let value = try #require(vector[path: "value"]?.text)
            let encoded = try #require(vector[path: "encoded"]?.text)
            #expect(try Parameters(formURLEncoded: "v=\(encoded)")["v"] == value)
            #expect(try Parameters(formURLEncoded: "v=\(Parameters.encode(value))")["v"] == value)
        }
    }
}
