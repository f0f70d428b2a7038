import Testing

@testable import OAuth

@Suite("JSON is read strictly")
struct JSONReaderTests {
    static func refuses(_ bytes: [UInt8], _ limits: JSONReader.Limits = .init()) -> Bool {
        (try? JSONReader.read(bytes, limits: limits)) == nil
    }

    static func refuses(_ text: String) -> Bool { refuses(Array(text.utf8)) }

    @Test(
        "N12: duplicate members are refused",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"x":{"a":1,"a":2}}"#, #"{"a":1,"\u0061":2}"#,
            #"{"access_token":"a","token_type":"Bearer","access_token":"b"}"#, #"[{"":1,"":2}]"#,
        ])
    func duplicates(_ text: String) { #expect(Self.refuses(text)) }

    @Test("N12: the same name in two objects is no duplicate")
    func noDuplicate() throws {
        #expect(try json(#"{"a":{"a":1},"b":{"a":2}}"#)[path: "b.a"] == .number(JSONNumber(2)))
    }

    @Test("N13: nesting is bounded", arguments: ["[", #"{"a":"#])
    func depth(_ opening: String) {
        #expect(Self.refuses(String(repeating: opening, count: 100_000)))
        #expect(Self.refuses(String(repeating: opening, count: 34) + "1"))
    }

    @Test("N13: nesting up to the bound is read")
    func depthWithin() throws {
        _ = try json(String(repeating: "[", count: 32) + String(repeating: "]", count: 32))
    }

    @Test("N13: members are bounded over the whole text")
    func members() throws {
        let names = (0..<100_000).map { #""k\#($0)":1"# }
        #expect(Self.refuses("{\(names.joined(separator: ","))}"))
        #expect(Self.refuses("[\(Array(repeating: "1", count: 10_001).joined(separator: ","))]"))
        #expect(Self.refuses("[\(Array(repeating: #"{"a":1}"#, count: 5001).joined(separator: ","))]"))
        _ = try json("[\(Array(repeating: "1", count: 10_000).joined(separator: ","))]")
    }

    @Test("N14: size is bounded")
    func size() throws {
        let text = Array(#""12345678""#.utf8)
        #expect(Self.refuses(text, .init(bytes: 9)))
        _ = try JSONReader.read(text, limits: .init(bytes: 10))
        #expect(Self.refuses("\"\(String(repeating: "a", count: 1 << 20))\""))
    }

    @Test(
        "N18: what is not UTF-8 is refused",
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0x80, 0x22],
            // Byte order marks, and UTF-16 with and without one.
            [0xEF, 0xBB, 0xBF, 0x7B, 0x7D], [0xFE, 0xFF, 0x00, 0x7B, 0x00, 0x7D], [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00],
            [0x00, 0x7B, 0x00, 0x7D], [0x7B, 0x00, 0x7D, 0x00],
        ] as [[UInt8]])
    func encodings(_ bytes: [UInt8]) { #expect(Self.refuses(bytes)) }

    @Test(
        "N18: lone surrogates are refused",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\ud800""#, #""\udc00\ud800""#,
            #""\ud83d\u0041""#,
        ])
    func surrogates(_ text: String) { #expect(Self.refuses(text)) }

    @Test(
        "Escapes mean what RFC 8259 §7 says",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u00E9""#, "Aéé"),
            (#""\ud83d\ude00""#, "😀"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), (#""\u0000""#, "\u{0}"), (#""""#, ""),
            (#""é😀""#, "é😀"),
            (#""\u2028""#, "\u{2028}"),
        ])
    func escapes(_ text: String, _ meaning: String) throws { #expect(try json(text) == .string(meaning)) }

    @Test(
        "Numbers are kept as they were written",
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("9223372036854775807", Int.max), ("9223372036854775808", nil),
            ("1.0", nil), ("1e3", nil), ("-1.5E+10", nil), ("1e400", nil), ("0.000", nil),
        ] as [(String, Int?)])
    func numbers(_ text: String, _ int: Int?) throws {
        guard case .number(let number) = try json(text) else {
            Issue.record("no number")
            return
        }
        #expect(number.text == text)
        #expect(number.int == int)
        #expect(number.double == Double(text))
    }

    @Test(
        "What RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "01", "-", "-01", "1.", ".5", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1_000",
            "[1,]", "[,1]", "[1 2]", "[", "]", "[1", #"{"a":1,}"#, #"{,"a":1}"#, #"{"a" 1}"#, #"{"a":}"#, #"{"a":1"#,
            #"{"a"}"#, "{a:1}", "{'a':1}", #"{1:1}"#, "tru", "True", "nul", "nulll", #""abc"#, #""\x41""#, #""\u12""#,
            #""\u00g0""#,
            #""\"#, #""\u"#, "\"a\nb\"", "\"a\u{0}b\"", "\"\t\"", "{}{}", "{} x", "1 2", "// c\n1", "/* c */ 1",
            "\u{A0}1", "\u{B}1",
            "\u{FEFF}{}",
        ])
    func refused(_ text: String) { #expect(Self.refuses(text)) }

    @Test("Space may stand around every token")
    func space() throws {
        #expect(try json(" \r\n\t{ \"a\" : [ 1 , true , null ] } \n") == json(#"{"a":[1,true,null]}"#))
    }

    @Test("A number that is absurdly long is refused")
    func longNumber() { #expect(Self.refuses(String(repeating: "9", count: 65))) }

    @Test("A failure says where and why, never what")
    func failure() {
        let failure = #expect(throws: JSONReader.Failure.self) { try json(#"{"a":"s3cret" "b"}"#) }
        #expect(failure?.offset == 14)
        #expect(failure?.description == "a comma or a brace is missing at byte 14")
    }

    @Test("A dotted path leads through members and list indices")
    func paths() throws {
        let value = try json(#"{"data":[{"t":"x"}],"":{"y":1}}"#)
        #expect(value[path: "data.0.t"] == .string("x"))
        #expect(value[path: "data.1.t"] == nil)
        #expect(value[path: "data.-1"] == nil)
        #expect(value[path: "data.t"] == nil)
        #expect(value[path: ".y"] == .number(JSONNumber(1)))
    }
}
