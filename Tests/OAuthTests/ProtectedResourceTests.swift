import HTTPTypes
import Testing

@testable import OAuth

@Suite("Protected resources")
struct ProtectedResourceTests {
    static let wellKnown = "/.well-known/oauth-protected-resource"

    static func response(_ challenge: String, _ status: Int = 401) -> EndpointResponse {
        EndpointResponse(status: status, headerFields: [.wwwAuthenticate: challenge])
    }

    static func addresses(_ resource: String, _ challenge: String? = nil, allowHTTP: Bool = false) throws -> [String] {
        try ProtectedResource.metadataRequests(
            of: try EndpointURL(resource),
            challenge: challenge.flatMap { ProtectedResource.challenge(in: response($0)) }, allowHTTP: allowHTTP
        ).map(\.url.string)
    }

    /// - Parameter address: where the document stands; nil where nobody says.
    static func judge(
        _ body: String, _ status: Int = 200, resource: String, at address: String?, allowHTTP: Bool = false
    ) throws -> ProtectedResource.Verdict {
        let request = try address.map {
            EndpointRequest(method: .get, url: try EndpointURL($0), headerFields: [:])
        }
        return ProtectedResource.judge(
            EndpointResponse(status, "application/json", body), to: request, resource: try EndpointURL(resource),
            allowHTTP: allowHTTP)
    }

    static func found(
        _ body: String, resource: String = "https://rs.example/a", allowHTTP: Bool = false
    ) throws -> ProtectedResource {
        let verdict = try judge(body, resource: resource, at: nil, allowHTTP: allowHTTP)
        guard case .found(let found) = verdict else { throw Unexpected(verdict: verdict) }
        return found
    }

    struct Unexpected: Error { let verdict: ProtectedResource.Verdict }

    // MARK: The challenge

    @Test("RFC 9728 §5: the resource is asked without a token")
    func request() throws {
        let request = ProtectedResource.request(try EndpointURL("https://rs.example/mcp?x=1"))
        #expect(request.method == .get)
        #expect(request.url.string == "https://rs.example/mcp?x=1")
        #expect(request.headerFields[.authorization] == nil)
    }

    @Test("RFC 9728 §5.1: its example points to the metadata")
    func challengeExample() throws {
        let text =
            #"Bearer resource_metadata="https://resource.example.com/.well-known/oauth-protected-resource""#
        #expect(
            try Self.addresses("https://resource.example.com/api", text)
                == ["https://resource.example.com/.well-known/oauth-protected-resource"])
    }

    @Test("Of several challenges the one counts that points to the metadata")
    func challenges() {
        func challenge(_ text: String) -> Challenge? { ProtectedResource.challenge(in: Self.response(text)) }
        #expect(challenge(#"Basic realm="x", DPoP algs="ES256", Bearer resource_metadata="m""#)?.scheme == "bearer")
        #expect(challenge(#"Basic realm="x", DPoP algs="ES256", Bearer scope="a b""#)?.scheme == "dpop")
        #expect(challenge(#"Bearer scope="files:read files:write""#)?.scope == ["files:read", "files:write"])
        #expect(challenge(#"Basic resource_metadata="https://rs.example/m""#) == nil)
        #expect(challenge("what is=this=") == nil)
        #expect(ProtectedResource.challenge(in: EndpointResponse(status: 401)) == nil)
    }

    // MARK: The addresses

    @Test(
        "RFC 9728 §3.1: the well-known part goes between host and path, a slash alone goes; then the origin's",
        arguments: [
            ("https://resource.example.com", [wellKnown]), ("https://resource.example.com/", [wellKnown]),
            ("https://resource.example.com/resource1", ["\(wellKnown)/resource1", wellKnown]),
            ("https://resource.example.com/path/", ["\(wellKnown)/path/", wellKnown]),
            ("https://resource.example.com/a/b?q=1", ["\(wellKnown)/a/b?q=1", wellKnown]),
            ("https://resource.example.com/?q=1", ["\(wellKnown)?q=1", wellKnown]),
        ])
    func wellKnownForms(_ resource: String, _ forms: [String]) throws {
        #expect(try Self.addresses(resource) == forms.map { "https://resource.example.com\($0)" })
        #expect(try Self.addresses(resource, #"Bearer realm="x""#) == Self.addresses(resource))
    }

    @Test("The shared path rules are met", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func pathRules() throws {
        let rules = try Shared.json("vectors/rfc/as_metadata_rfc8414.json")[path: "path_rules"]?.elements ?? []
        let ours = rules.filter { $0[path: "resource"] != nil }
        #expect(!ours.isEmpty)
        for rule in ours {
            #expect(try Self.addresses(try #require(rule[path: "resource"]?.text)).first == rule[path: "rfc9728"]?.text)
        }
    }

    @Test(
        "N1, RFC 9728 §7.3: the challenge sends us to no other origin",
        arguments: [
            "https://evil.example/m", "https://rs.example:8443/m", "http://rs.example/m", "https://sub.rs.example/m",
            "https://rs.example@evil.example/m", "https://rs.example\\\\@evil.example/m", "file:///etc/passwd",
            "http://169.254.169.254/latest", "/relative", "", "https://rs.example/m#f",
        ])
    func otherOrigin(_ address: String) {
        #expect(throws: EndpointURL.Invalid.self) {
            try Self.addresses("https://rs.example/a", #"Bearer resource_metadata="\#(address)""#)
        }
    }

    @Test(
        "RFC 6454 §5: an origin is the same in other letters, and with its usual port",
        arguments: ["https://RS.example/m", "https://rs.example:443/m"])
    func sameOrigin(_ address: String) throws {
        #expect(try Self.addresses("https://rs.example/a", #"Bearer resource_metadata="\#(address)""#) == [address])
    }

    @Test("N4: http is for this machine alone, and for development")
    func http() throws {
        #expect(throws: EndpointURL.Invalid.self) { try Self.addresses("http://127.0.0.1:9/a") }
        #expect(try Self.addresses("http://127.0.0.1:9/a", allowHTTP: true).count == 2)
        #expect(
            try Self.addresses(
                "http://127.0.0.1:9/a", #"DPoP resource_metadata="http://127.0.0.1:9/m""#, allowHTTP: true)
                == ["http://127.0.0.1:9/m"])
        #expect(throws: EndpointURL.Invalid.self) { try Self.addresses("http://rs.example/a", allowHTTP: true) }
    }

    // MARK: The metadata

    @Test("RFC 9728 §3.2: its example is read")
    func example() throws {
        let body =
            #"{"resource":"https://resource.example.com","#
            + #""authorization_servers":["https://as1.example.com","https://as2.example.net"],"#
            + #""bearer_methods_supported":["header","body"],"scopes_supported":["profile","email","phone"],"#
            + #""resource_documentation":"https://resource.example.com/resource_documentation.html"}"#
        #expect(
            try Self.found(body, resource: "https://resource.example.com")
                == ProtectedResource(
                    resource: "https://resource.example.com",
                    authorizationServers: ["https://as1.example.com", "https://as2.example.net"],
                    scopesSupported: ["profile", "email", "phone"], bearerMethodsSupported: ["header", "body"]))
    }

    @Test("RFC 9728 §2: a resource may want tokens that are bound to a key")
    func dpop() throws {
        func isBound(_ value: String) throws -> Bool {
            try Self.found(#"{"resource":"https://rs.example/a","dpop_bound_access_tokens_required":\#(value)}"#)
                .dpopBoundAccessTokensRequired
        }
        #expect(try isBound("true"))
        for value in ["false", "null", #""true""#, "1"] { #expect(try !isBound(value)) }
    }

    @Test(
        "RFC 9728 §3.3: the metadata of another resource must not be used",
        arguments: [
            "https://rs.example", "https://rs.example/", "https://rs.example/a/", "https://rs.example/A",
            "https://rs.example/a?x=1", "https://RS.example/a", "https://rs.example:443/a", "https://rs.example/%61",
            "https://evil.example/a", "http://rs.example/a", "",
        ])
    func mismatch(_ name: String) throws {
        for address in [nil, "https://rs.example\(Self.wellKnown)/a", "https://rs.example/m"] {
            #expect(
                try Self.judge(#"{"resource":"\#(name)"}"#, resource: "https://rs.example/a", at: address) == .mismatch)
        }
    }

    @Test("RFC 9728 §3.3: the origin's own document may be named for the origin, and for the resource asked for")
    func originDocument() throws {
        func judge(_ name: String, _ address: String) throws -> ProtectedResource.Verdict {
            try Self.judge(#"{"resource":"\#(name)"}"#, resource: "https://rs.example/a", at: address)
        }
        let root = "https://rs.example\(Self.wellKnown)"
        for name in ["https://rs.example", "https://rs.example/", "https://rs.example/a"] {
            #expect(try judge(name, root) == .found(ProtectedResource(resource: name, authorizationServers: [])))
        }
        for name in ["https://rs.example/b", "https://evil.example"] { #expect(try judge(name, root) == .mismatch) }
        for address in ["\(root)/", "\(root)?x=1", "\(root)/a", "https://evil.example\(Self.wellKnown)"] {
            #expect(try judge("https://rs.example", address) == .mismatch)
        }
    }

    @Test("RFC 3986 §6.2.3: an origin is one URL with its slash and without")
    func originSlash() throws {
        for resource in ["https://rs.example", "https://rs.example/"] {
            for name in ["https://rs.example", "https://rs.example/"] {
                #expect(try Self.found(#"{"resource":"\#(name)"}"#, resource: resource).resource == name)
            }
        }
    }

    @Test("An authorization server that cannot be asked is left out")
    func servers() throws {
        let list =
            #"["https://as.example/t","http://as.example","javascript:x","https://as.example?x=1",7,"https://b.example"]"#
        let body = #"{"resource":"https://rs.example/a","authorization_servers":\#(list)}"#
        #expect(try Self.found(body).authorizationServers == ["https://as.example/t", "https://b.example"])
        let none = #"{"resource":"https://rs.example/a","authorization_servers":null,"scopes_supported":"a"}"#
        #expect(try Self.found(none).authorizationServers == [])
        #expect(try Self.found(none).scopesSupported == nil)
        let local = #"{"resource":"https://rs.example/a","authorization_servers":["http://127.0.0.1:9"]}"#
        #expect(try Self.found(local).authorizationServers == [])
        #expect(try Self.found(local, allowHTTP: true).authorizationServers == ["http://127.0.0.1:9"])
    }

    @Test(
        "What is no metadata is malformed",
        arguments: [
            "", "<html>", "[]", "{}", #"{"resource":7}"#, #"{"resource":null}"#,
            #"{"resource":"https://rs.example/a","authorization_servers":"https://as.example"}"#,
            #"{"resource":"https://rs.example/a","resource":"https://rs.example/a"}"#,
        ])
    func malformed(_ body: String) throws {
        guard case .malformed = try Self.judge(body, resource: "https://rs.example/a", at: nil) else {
            Issue.record("not malformed")
            return
        }
    }

    @Test("What is not there is absent, what passes is not")
    func statuses() throws {
        for status in [204, 301, 302, 401, 403, 404] {
            #expect(try Self.judge("", status, resource: "https://rs.example", at: nil) == .absent)
        }
        for status in [429, 500, 503] {
            #expect(
                try Self.judge("", status, resource: "https://rs.example", at: nil)
                    == .malformed(reason: "status \(status)"))
        }
    }
}
