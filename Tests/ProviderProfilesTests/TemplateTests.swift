import Testing

@testable import ProviderProfiles

@Suite("Templates")
struct TemplateTests {
    @Test(
        "Holes are filled, and a value's braces stay what they are",
        arguments: [
            ("", ""), ("plain", "plain"), ("{a}", "1"), ("x{a}y{b}z", "x1y{a}z"), ("{a}{a}", "11"), ("{none}", ""),
            ("é{a}", "é1"),
        ])
    func filled(_ text: String, _ result: String) throws {
        #expect(try #require(Template(text)).filled(["a": "1", "b": "{a}"]) == result)
    }

    @Test(
        "A brace that is no hole is refused",
        arguments: ["{", "}", "{}", "{a", "a}", "{a}}", "{{a}}", "{a b}", "{a-b}", "{é}", "{a{b}}"])
    func refused(_ text: String) { #expect(Template(text) == nil) }

    @Test("The holes are told in order")
    func holes() throws { #expect(try #require(Template("{b}x{a}{b}")).holes == ["b", "a", "b"]) }

    @Test("It is filled whole when every hole has a value, empty text too")
    func whole() throws {
        let template = try #require(Template("{a}={b}"))
        #expect(template.filledWhole(["a": "1"]) == nil)
        #expect(template.filledWhole(["a": "", "b": "2"]) == "=2")
    }
}
