import Testing

@testable import OAuth

@Suite("What metadata says besides the endpoints")
struct MetadataTests {
    static func found(_ members: String) throws -> AuthorizationServer {
        let body = #"{"issuer":"https://as.example","token_endpoint":"https://as.example/t"\#(members)}"#
        let verdict = Discovery.judge(EndpointResponse(200, nil, body), issuer: "https://as.example", allowHTTP: false)
        guard case .found(let server) = verdict else { throw Unexpected(verdict: verdict) }
        return server
    }

    struct Unexpected: Error { let verdict: DiscoveryVerdict }

    @Test("OpenID Connect Discovery §4: its document comes first where ID tokens are wanted")
    func preference() throws {
        func addresses(_ prefersOpenID: Bool) throws -> [String] {
            try Discovery.requests(issuer: "https://as.example/t", prefersOpenID: prefersOpenID, allowHTTP: false)
                .map(\.url.string)
        }
        let oauth = "https://as.example/.well-known/oauth-authorization-server/t"
        let openID = "https://as.example/t/.well-known/openid-configuration"
        #expect(try addresses(false) == [oauth, openID])
        #expect(try addresses(true) == [openID, oauth])
    }

    @Test("N4: http is for this machine alone, also in development")
    func http() {
        #expect(throws: EndpointURL.Invalid.self) {
            try Discovery.requests(issuer: "http://as.example", allowHTTP: true)
        }
    }

    @Test("RFC 8414 §2, RFC 9126 §5, RFC 9449 §5.1, RFC 7591: every list and flag arrives under its name")
    func members() throws {
        let lists = [
            "scopes_supported", "grant_types_supported", "code_challenge_methods_supported",
            "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
            "id_token_signing_alg_values_supported", "dpop_signing_alg_values_supported",
        ]
        let text = lists.map { #","\#($0)":["\#($0)"]"# }.joined()
        let server = try Self.found(
            text
                + #","require_pushed_authorization_requests":true,"registration_endpoint":"https://as.example/register""#
        )
        let found = [
            server.scopesSupported, server.grantTypesSupported, server.codeChallengeMethodsSupported,
            server.tokenEndpointAuthMethodsSupported, server.tokenEndpointAuthSigningAlgValuesSupported,
            server.idTokenSigningAlgValuesSupported, server.dpopSigningAlgValuesSupported,
        ]
        #expect(found == lists.map { [$0] })
        #expect(server.requirePushedAuthorizationRequests)
        #expect(server.registrationEndpoint?.string == "https://as.example/register")
    }

    @Test("What is not of its form says nothing", arguments: [#""openid""#, "7", "null", "{}"])
    func odd(_ value: String) throws {
        let server = try Self.found(
            #","scopes_supported":\#(value),"require_pushed_authorization_requests":\#(value),"#
                + #""mtls_endpoint_aliases":\#(value)"#)
        #expect(server.scopesSupported == nil)
        #expect(!server.requirePushedAuthorizationRequests)
        #expect(server.mtlsEndpointAliases.isEmpty)
        let text = try Self.found(#","require_pushed_authorization_requests":"true""#)
        #expect(!text.requirePushedAuthorizationRequests)
    }

    @Test("RFC 8414 §2: none signs no assertion, whatever it says")
    func none() throws {
        let server = try Self.found(#","token_endpoint_auth_signing_alg_values_supported":["none","RS256"]"#)
        #expect(server.tokenEndpointAuthSigningAlgValuesSupported == ["RS256"])
    }

    // MARK: Mutual TLS

    static let aliases =
        #","mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example.com/token","#
        + #""revocation_endpoint":"https://mtls.example.com/revo","#
        + #""introspection_endpoint":"https://mtls.example.com/introspect","authorization_endpoint":"https://mtls.example.com/a","#
        + #""userinfo_endpoint":"https://mtls.example.com/u","device_authorization_endpoint":"http://mtls.example.com/d"}"#

    @Test("RFC 8705 §5: its example; aliases are for who presents a certificate, where a client authenticates")
    func mutualTLS() throws {
        let server = try Self.found(
            #","authorization_endpoint":"https://as.example/a","userinfo_endpoint":"https://as.example/u","#
                + #""device_authorization_endpoint":"https://as.example/d""# + Self.aliases)
        #expect(server.tokenEndpoint?.string == "https://as.example/t")
        let mutual = server.forMutualTLS
        #expect(mutual.tokenEndpoint?.string == "https://mtls.example.com/token")
        #expect(mutual.revocationEndpoint?.string == "https://mtls.example.com/revo")
        #expect(mutual.introspectionEndpoint?.string == "https://mtls.example.com/introspect")
        #expect(mutual.authorizationEndpoint?.string == "https://as.example/a")
        #expect(mutual.userinfoEndpoint?.string == "https://as.example/u")
        // Its alias is none that can be called.
        #expect(mutual.deviceAuthorizationEndpoint?.string == "https://as.example/d")
    }

    @Test("An endpoint that is configured is for all clients: the discovered alias goes")
    func configuredAlias() throws {
        var configured = AuthorizationServer()
        configured.tokenEndpoint = try EndpointURL("https://as.example/own")
        let server = configured.completed(by: try Self.found(Self.aliases))
        #expect(server.forMutualTLS.tokenEndpoint?.path == "/own")
        #expect(server.forMutualTLS.revocationEndpoint?.path == "/revo")
    }

    // MARK: What either may demand, and what is missing

    @Test(
        "RFC 9126 §5, RFC 9207 §3: what is demanded is demanded, whoever says so",
        arguments: [(true, false), (false, true), (true, true), (false, false)])
    func demands(_ configured: Bool, _ discovered: Bool) {
        var own = AuthorizationServer()
        own.requirePushedAuthorizationRequests = configured
        own.authorizationResponseIssParameterSupported = configured
        var other = AuthorizationServer()
        other.requirePushedAuthorizationRequests = discovered
        other.authorizationResponseIssParameterSupported = discovered
        let server = own.completed(by: other)
        #expect(server.requirePushedAuthorizationRequests == (configured || discovered))
        #expect(server.authorizationResponseIssParameterSupported == (configured || discovered))
    }

    @Test("RFC 8414 §2, OpenID Connect Discovery §3: what a grant needs and is not there has a name")
    func missing() throws {
        var server = AuthorizationServer()
        #expect(server.missingMember(for: .authorizationCode) == "authorization_endpoint")
        #expect(server.missingMember(for: .deviceCode) == "device_authorization_endpoint")
        #expect(server.missingMember(for: .clientCredentials) == "token_endpoint")
        server.tokenEndpoint = try endpoint()
        #expect(server.missingMember(for: .clientCredentials) == nil)
        #expect(server.missingMember(for: .authorizationCode) == "authorization_endpoint")
        server.authorizationEndpoint = try endpoint()
        server.deviceAuthorizationEndpoint = try endpoint()
        #expect(server.missingMember(for: .authorizationCode) == nil)
        #expect(server.missingMember(for: .deviceCode) == nil)
        #expect(server.missingMember(for: .authorizationCode, usesOpenID: true) == "jwks_uri")
        server.jwksURI = try endpoint()
        #expect(server.missingMember(for: .authorizationCode, usesOpenID: true) == nil)
        server.requirePushedAuthorizationRequests = true
        #expect(server.missingMember(for: .authorizationCode) == "pushed_authorization_request_endpoint")
        #expect(server.missingMember(for: .clientCredentials) == nil)
    }
}

@Suite("Who answers an authorization request")
struct AuthorizationResponseIssuerTests {
    static func judge(_ query: String, issuer: String?, promises: Bool) throws -> AuthorizationVerdict {
        var server = AuthorizationServer()
        server.issuer = issuer
        server.authorizationResponseIssParameterSupported = promises
        return AuthorizationResponse.judge(try Parameters(formURLEncoded: query), server: server, dialect: Dialect())
    }

    @Test(
        "RFC 9207 §2.4: where the issuer is promised and unknown, no code passes",
        arguments: ["code=a", "code=a&iss=https://as.example", "code=a&iss="])
    func unknownPromised(_ query: String) throws {
        #expect(AuthorizationResponseTests.isInvalid(try Self.judge(query, issuer: nil, promises: true)))
    }

    @Test("RFC 9207 §2.4: an issuer that nobody promised and nobody can compare does not stand in the way")
    func unknownUnpromised() throws {
        #expect(
            try Self.judge("code=a&iss=https://as.example", issuer: nil, promises: false) == .code(Secret("a")))
    }

    @Test(
        "A signed response is refused, whatever stands beside it",
        arguments: [
            "response=e30.e30.", "response=e30.e30.&code=a", "response=e30.e30.&error=access_denied",
            "code=a&response=&response=",
        ])
    func jarm(_ query: String) throws {
        #expect(AuthorizationResponseTests.isInvalid(try Self.judge(query, issuer: nil, promises: false)))
    }

    @Test("A provider may call its code so")
    func codeParameter() throws {
        var dialect = Dialect()
        dialect.codeParameter = "response"
        let verdict = AuthorizationResponse.judge(
            try Parameters(formURLEncoded: "response=abc"), server: AuthorizationServer(), dialect: dialect)
        #expect(verdict == .code(Secret("abc")))
    }
}
