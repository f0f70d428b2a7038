import HTTPTypes
import Testing

@testable import OAuth

@Suite("Challenges")
struct ChallengeTests {
    static func read(_ lines: String...) -> [Challenge]? {
        var fields = HTTPFields()
        for line in lines { fields.append(HTTPField(name: .wwwAuthenticate, value: line)) }
        return Challenge.read(fields)
    }

    static func challenge(_ scheme: String, _ parameters: [String: String] = [:], token68: String? = nil) -> Challenge {
        var challenge = Challenge(scheme: scheme)
        challenge.parameters = parameters
        challenge.token68 = token68
        return challenge
    }

    @Test("RFC 9110 §11.6.1: its example is two challenges, in either order")
    func example() {
        let basic = Self.challenge("basic", ["realm": "simple"])
        let new = Self.challenge("newauth", ["realm": "apps", "type": "1", "title": #"Login to "apps""#])
        let newText = #"Newauth realm="apps", type=1, title="Login to \"apps\"""#
        #expect(Self.read(#"Basic realm="simple", \#(newText)"#) == [basic, new])
        #expect(Self.read(#"\#(newText), Basic realm="simple""#) == [new, basic])
        #expect(Self.read(newText, #"Basic realm="simple""#) == [new, basic])
    }

    @Test("RFC 9728 §5.1, RFC 6750 §3: its parameters are read, names without regard to case")
    func parameters() throws {
        let text = #"BEARER Resource_Metadata="https://r.example/m",  SCOPE="a  b",error=invalid_token"#
        let challenge = try #require(Self.read(text)?.first)
        #expect(challenge.scheme == "bearer")
        #expect(challenge.parameters["resource_metadata"] == "https://r.example/m")
        #expect(challenge.parameters["error"] == "invalid_token")
        #expect(challenge.scope == ["a", "b"])
        #expect(Self.challenge("bearer").scope == nil)
    }

    @Test(
        "RFC 9110 §5.6.1.2: a list may have empty elements",
        arguments: [
            #",Basic realm="foo""#, #"Basic realm="foo",,"#, #" , ,Basic realm="foo" , "#, #"Basic , realm="foo""#,
            "Basic\trealm\t=\t\"foo\"\t",
        ])
    func emptyElements(_ text: String) {
        #expect(Self.read(text) == [Self.challenge("basic", ["realm": "foo"])])
    }

    @Test("An element after a comma is a parameter where it can be one, else a scheme")
    func elements() {
        #expect(
            Self.read(#"Newauth realm="r", basic=foo, Basic realm="b""#)
                == [
                    Self.challenge("newauth", ["realm": "r", "basic": "foo"]), Self.challenge("basic", ["realm": "b"]),
                ])
        #expect(
            Self.read("A x=1, B, C y=2") == [
                Self.challenge("a", ["x": "1"]), Self.challenge("b"), Self.challenge("c", ["y": "2"]),
            ])
    }

    @Test(
        "RFC 9110 §11.2: token68 stands alone",
        arguments: [
            ("abc", "abc"), ("abc==", "abc=="), ("a-._~+/9=", "a-._~+/9="), ("realm=", "realm="),
            ("abc== , Basic", "abc=="),
        ])
    func token68(_ text: String, _ token: String) {
        #expect(Self.read("Negotiate \(text)")?.first == Self.challenge("negotiate", token68: token))
        #expect(Self.read("Negotiate abc==, realm=x") == nil)
    }

    @Test("RFC 9110 §5.6.4: a quoted string may hold commas, escapes, tabs and other scripts")
    func quoted() {
        #expect(
            Self.read("Basic realm=\"a, b=c \\\\ \\\" \\x \t ä é\"")
                == [Self.challenge("basic", ["realm": "a, b=c \\ \" x \t ä é"])])
        #expect(Self.read(#"Basic realm="""#) == [Self.challenge("basic", ["realm": ""])])
    }

    @Test(
        "What cannot be read refuses all of it",
        arguments: [
            "", " ", ",", "=", #"realm="x""#, #"Basic, realm="foo""#, #"Basic realm="foo"#, #"Basic realm="foo\"#,
            #"Basic realm="foo" charset="UTF-8""#, #"Basic realm="foo"bar"#, "Basic realm=,x=1",
            "Basic realm=a b", #"Basic realm=\foo"#, "Basic realm=x, REALM=y", "Basic/1 realm=x", "Bäsic realm=x",
            "Basic realm=x;y=z", "Basic realm x", #"Bearer realm="a", Basic realm="b"#,
        ])
    func refused(_ text: String) { #expect(Self.read(text) == nil) }

    @Test("A control character in a quoted string refuses it", arguments: ["\u{0}", "\u{1B}", "\u{7F}", "\n"])
    func controls(_ character: String) {
        #expect(Challenge.read("Basic realm=\"a\(character)b\"") == nil)
        #expect(Challenge.read("Basic realm=\"a\\\(character)b\"") == nil)
    }

    @Test("No header is no challenge; 16 KiB are read, more are not")
    func size() {
        #expect(Challenge.read(HTTPFields()) == nil)
        let rest = #"Basic realm="""#.utf8.count
        #expect(Challenge.read("Basic realm=\"\(String(repeating: "a", count: 16_384 - rest))\"") != nil)
        #expect(Challenge.read("Basic realm=\"\(String(repeating: "a", count: 16_385 - rest))\"") == nil)
    }

    @Test("Foreign text is not printed")
    func printing() throws {
        let challenge = try #require(Self.read(#"Bearer error_description="s3cr3t-value""#)?.first)
        #expect(!printed(challenge).contains("s3cr3t"))
        #expect("\(challenge)" == "bearer error_description")
    }
}
