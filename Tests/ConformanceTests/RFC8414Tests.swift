import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 8414, OpenID Connect Discovery 1.0: metadata")
struct RFC8414Tests {
    private func addresses(_ issuer: String) throws -> [String] {
        try Discovery.requests(issuer: issuer, allowHTTP: false).map(\.url.string)
    }

    private func judge(_ body: String, status: Int = 200, issuer: String = issuer) -> DiscoveryVerdict {
        Discovery.judge(answer(status, body), issuer: issuer, allowHTTP: false)
    }

    private func found(_ body: String) -> AuthorizationServer? {
        if case .found(let server) = judge(body) { server } else { nil }
    }

    @Test(
        "RFC 8414 §2: an issuer is https and has neither query nor fragment",
        arguments: ["http://as.example", "https://as.example?x=1", "https://as.example#x", "as.example"])
    func issuerForm(text: String) {
        #expect(throws: EndpointURL.Invalid.self) { try Discovery.requests(issuer: text, allowHTTP: false) }
    }

    @Test("RFC 8414 §2: none is no algorithm for a client's assertion, though the document lists it")
    func none() {
        let members = #""token_endpoint_auth_signing_alg_values_supported":["none","ES256"]"#
        let server = found(#"{"issuer":"\#(issuer)",\#(members)}"#)
        #expect(server?.tokenEndpointAuthSigningAlgValuesSupported == ["ES256"])
    }

    @Test("RFC 8414 §3: every endpoint is https")
    func endpoints() throws {
        for name in AuthorizationServer.endpoints.map(\.name) {
            let verdict = judge(#"{"issuer":"\#(issuer)","\#(name)":"http://as.example/x"}"#)
            guard case .malformed = verdict else { throw Unexpected(verdict) }
        }
    }

    @Test("RFC 8414 §3.1: the document is asked for by GET, and its well-known part goes between host and path")
    func address() throws {
        let requests = try Discovery.requests(issuer: "https://as.example/tenant", allowHTTP: false)
        #expect(requests.allSatisfy { $0.method == .get && $0.body.isEmpty })
        #expect(requests.first?.url.string == "https://as.example/.well-known/oauth-authorization-server/tenant")
    }

    @Test("RFC 8414 §3.1: a slash at the issuer's end goes before the well-known part comes")
    func slash() throws {
        #expect(try addresses("https://as.example/")[0] == "https://as.example/.well-known/oauth-authorization-server")
        #expect(
            try addresses("https://as.example/t/")[0]
                == "https://as.example/.well-known/oauth-authorization-server/t")
    }

    @Test("RFC 8414 §3.2: only 200 with a JSON object is a document", arguments: [201, 204, 302, 404])
    func status(code: Int) { #expect(judge(#"{"issuer":"\#(issuer)"}"#, status: code) == .absent) }

    @Test("RFC 8414 §3.2: members that are not understood are ignored")
    func unknownMembers() { #expect(found(#"{"issuer":"\#(issuer)","foo":[{}],"bar":null}"#) != nil) }

    @Test(
        "RFC 8414 §3.3: a document of another issuer must not be used",
        arguments: [otherIssuer, "https://as.example/", "https://AS.example", "https://as.example:443"])
    func otherIssuers(text: String) { #expect(judge(#"{"issuer":"\#(text)"}"#) == .mismatch) }

    @Test("RFC 8414 §3.3: a document without an issuer must not be used", arguments: ["{}", #"{"issuer":null}"#])
    func noIssuer(body: String) throws {
        let verdict = judge(body)
        guard case .malformed = verdict else { throw Unexpected(verdict) }
    }

    @Test("RFC 8414 §4: names are compared code point by code point; what looks alike or is equivalent is another")
    func codePoints() {
        // The kelvin sign is canonically equivalent to K.
        let kelvin = #"{"issuer":"https://as.example/\u212A"}"#
        #expect(judge(kelvin, issuer: "https://as.example/K") == .mismatch)
        #expect(judge(#"{"issuer":"https://as.example/K"}"#, issuer: "https://as.example/K") != .mismatch)
    }

    @Test("OpenID Connect Discovery §4: the well-known part goes after the path, without the path's last slash")
    func openIDAddress() throws {
        for text in ["https://as.example/tenant", "https://as.example/tenant/"] {
            #expect(try addresses(text)[1] == "https://as.example/tenant/.well-known/openid-configuration")
        }
    }

    @Test("OpenID Connect Discovery §3: a server whose ID tokens are wanted has a jwks_uri")
    func keys() throws {
        var server = AuthorizationServer()
        server.authorizationEndpoint = try url()
        server.tokenEndpoint = try url()
        #expect(server.missingMember(for: .authorizationCode, usesOpenID: true) == "jwks_uri")
        #expect(server.missingMember(for: .authorizationCode, usesOpenID: false) == nil)
    }
}
