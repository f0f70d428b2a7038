import OAuth

/// What is read and written again.
extension Findings {
    /// JSON: written and read again it is the same, and nothing in it can be obeyed.
    mutating func checkJSON(_ bytes: [UInt8]) {
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes)
        } catch {
            expect((0...bytes.count).contains(error.offset), "JSON: it stopped at \(error.offset)")
            expectHidden(error, "JSON's failure")
            return
        }
        expectHidden(value, "a JSON value", but: Self.printable(value))
        let text = value.serialized()
        expect(
            !text.unicodeScalars.contains { $0.value < 0x20 || $0 == "<" || 0x7F...0x9F ~= $0.value },
            "JSON: what was written can be obeyed")
        guard let again = try? JSONReader.read(Array(text.utf8)) else {
            return expect(false, "JSON: what was written cannot be read")
        }
        expect(again == value && isSame(again.serialized(), text), "JSON: it is another when it is read again")
    }

    /// What a value may print: names, and what stands outside of objects.
    private static func printable(_ value: JSONValue) -> [String] {
        switch value {
        case .object(let members): members.names
        case .array(let elements): elements.flatMap(printable)
        case .string(let text): [text]
        case .number(let number): [number.text]
        case .bool, .null: []
        }
    }

    /// A form or a query: written and read again it is the same.
    mutating func checkForm(_ bytes: [UInt8]) -> Parameters? {
        let form: Parameters
        do {
            form = try Parameters(formURLEncoded: bytes)
        } catch {
            expectHidden(error, "a form's failure")
            return nil
        }
        expectHidden(form, "a form", but: form.pairs.map(\.name))
        expectHidden(form.pairs, "a form's pairs", but: form.pairs.map(\.name))
        expect(bytes.count <= 65_536 && form.pairs.count <= 1000, "a form is larger than it may be")
        expect(form.duplicatedNames.allSatisfy { form.values(of: $0).count > 1 }, "a name stands there but once")
        let text = form.formURLEncoded
        expect(
            text.utf8.allSatisfy { 0x21...0x7E ~= $0 && !"\"'<>\\^`{|}#".utf8.contains($0) },
            "a form is written with characters that no URL may hold")
        guard text.utf8.count <= 65_536 else { return form }
        guard let again = try? Parameters(formURLEncoded: text) else {
            expect(false, "a form: what was written cannot be read")
            return form
        }
        expect(
            form.pairs.elementsEqual(again.pairs) { isSame($0.name, $1.name) && isSame($0.value, $1.value) },
            "a form is another when it is read again")
        return form
    }
}
