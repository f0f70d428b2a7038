import Foundation
import HTTPTypes
import Testing

@testable import OAuth

@Suite("Challenges of WWW-Authenticate")
struct JOSEChallengeTests {
    private func read(_ lines: String...) -> [AuthenticationChallenge]? {
        var fields = HTTPFields()
        for line in lines { fields.append(HTTPField(name: .wwwAuthenticate, value: line)) }
        return AuthenticationChallenge.read(fields)
    }

    @Test("RFC 9110 §11.6.1: schemes, parameters in both forms, token68, lists with empty elements")
    func sound() {
        let both = read(#", Bearer Error = "a\"b,c" ,, scope=x , ,Negotiate abc==, Basic"#)
        #expect(both?.map(\.scheme) == ["bearer", "negotiate", "basic"])
        #expect(both?[0].parameters == ["error": "a\"b,c", "scope": "x"])
        #expect(both?[1].token68 == "abc==")
        #expect(read("Bearer a=1", "DPoP b=2")?.map(\.parameters) == [["a": "1"], ["b": "2"]])
    }

    @Test(
        "What cannot be read is refused as a whole",
        arguments: [
            "", ",", "a=b", #"Bearer error="x"#, #"Bearer error="x\"#, "Bearer error=x y", "Bearer a=1, A=2",
            "Bearer =x", "Bearer a=, b=c", #"Bearer "x""#, "Bearer/x", "Bearer a=b;c=d",
        ])
    func refused(_ line: String) { #expect(read(line) == nil) }

    @Test("More than 16 KiB are not read")
    func size() {
        #expect(read("Bearer a=\"\(String(repeating: "x", count: 16_000))\"") != nil)
        #expect(read("Bearer a=\"\(String(repeating: "x", count: 17_000))\"") == nil)
    }

    @Test("The shared cases", .enabled(if: Shared.hasCases, "the shared cases are not here"))
    func cases() throws {
        let text = try String(contentsOf: Shared.file("oauth-cases/cases.jsonl"), encoding: .utf8)
        var count = 0
        for line in text.split(separator: "\n") {
            let value = try JSONReader.read(Array(line.utf8))
            guard value[path: "kind"]?.text == "www-authenticate",
                let expected = value[path: "expect"]?.members["challenges"],
                let header = value[path: "response.headers"]?.members["WWW-Authenticate"]
            else { continue }
            count += 1
            var fields = HTTPFields()
            for line in header.text.map({ [$0] }) ?? header.elements.compactMap(\.text) {
                fields.append(HTTPField(name: .wwwAuthenticate, value: line))
            }
            let found = AuthenticationChallenge.read(fields)
            guard expected != .null else {
                #expect(found == nil, "\(value[path: "id"]?.text ?? "")")
                continue
            }
            let wanted = expected.elements.map { challenge in
                let parameters = challenge.members["parameters"]?.members.pairs ?? []
                return AuthenticationChallenge(
                    scheme: challenge.members["scheme"]?.text ?? "",
                    parameters: Dictionary(uniqueKeysWithValues: parameters.map { ($0.0, $0.1.text ?? "") }),
                    token68: challenge.members["token68"]?.text)
            }
            #expect(found == wanted, "\(value[path: "id"]?.text ?? "")")
        }
        #expect(count >= 15)
    }
}
