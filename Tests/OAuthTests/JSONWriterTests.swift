import Testing

@testable import OAuth

@Suite("JSON is written so that it can be read, and so that nothing else obeys it")
struct JSONWriterTests {
    @Test(
        "What is written is read back the same",
        arguments: [
            #"{"a":[1,-2.50,1e3,true,false,null],"b":{"c":"d"},"e":[],"f":{}}"#,
            #""\" \\ \n \r \t \u0000 \u001f \u007f \u0085""#,
            #""</script> \u2028 \u2029 é 😀""#, "123456789012345678901234567890", #"{"z":1,"a":2}"#, "[[[[]]]]",
        ])
    func roundTrip(_ text: String) throws {
        let value = try json(text)
        #expect(try json(value.serialized()) == value)
    }

    @Test("I11: what a page, a script or a terminal might obey is escaped")
    func escaping() {
        let text = JSONValue.string("</script>\u{1B}[31m\u{7F}\u{9B}\u{2028}\u{2029}\u{0}\"\\").serialized()
        #expect(
            text == #""\u003c/script>\u001b[31m\u007f\u009b\u2028\u2029\u0000\"\\""#)
    }

    @Test("Members keep their order and numbers their digits")
    func order() throws {
        #expect(try json(#"{ "z" : 1.0 , "a" : 1e2 }"#).serialized() == #"{"z":1.0,"a":1e2}"#)
    }

    @Test("Setting a member replaces it in its place, and nil removes it")
    func members() {
        var object = JSONObject([("a", .null), ("b", .null), ("c", .null)])
        object["a"] = .bool(true)
        object["b"] = nil
        object["d"] = .string("x")
        #expect(JSONValue.object(object).serialized() == #"{"a":true,"c":null,"d":"x"}"#)
        #expect(object["c"] == .null)
        #expect(object.count == 3)
    }
}
