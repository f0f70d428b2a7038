import HTTPTypes
import Testing

@testable import OAuth

@Suite("Dynamic client registration")
struct ClientRegistrationTests {
    static func judge(_ status: Int, _ body: String) -> ClientRegistration.Verdict {
        ClientRegistration.judge(EndpointResponse(status, "application/json", body))
    }

    static func registered(_ body: String) throws -> ClientRegistration.Registered {
        guard case .registered(let registered) = judge(201, body) else { throw Unexpected(verdict: judge(201, body)) }
        return registered
    }

    struct Unexpected: Error { let verdict: ClientRegistration.Verdict }

    static func isMalformed(_ verdict: ClientRegistration.Verdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    @Test("RFC 7591 §3.1: JSON, without a client's authentication, with a token where the server wants one")
    func request() throws {
        let metadata = ClientRegistration.Metadata(
            redirectURIs: ["https://credence.example/callback/a"], grantTypes: [.authorizationCode, .refreshToken],
            tokenEndpointAuthMethod: "none", scope: ["a", "b"], clientName: "Credence", softwareID: "s",
            additional: JSONObject([("dpop_bound_access_tokens", .bool(true))]))
        let request = ClientRegistration.request(at: try endpoint("https://as.example/register"), metadata: metadata)
        #expect(request.method == .post)
        #expect(request.headerFields[.contentType] == "application/json")
        #expect(request.headerFields[.authorization] == nil)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"redirect_uris":["https://credence.example/callback/a"],"#
                + #""grant_types":["authorization_code","refresh_token"],"response_types":["code"],"#
                + #""token_endpoint_auth_method":"none","scope":"a b","client_name":"Credence","software_id":"s","#
                + #""dpop_bound_access_tokens":true}"#)
        let withToken = ClientRegistration.request(
            at: try endpoint(), metadata: metadata, initialAccessToken: Secret("s3cr3t"))
        #expect(withToken.headerFields[.authorization] == "Bearer s3cr3t")
        #expect(!printed(withToken).contains("s3cr3t"))
    }

    @Test("RFC 7591 §2.1: no code is asked for where no grant brings one")
    func responseTypes() throws {
        let metadata = ClientRegistration.Metadata(
            redirectURIs: [], grantTypes: [.clientCredentials], tokenEndpointAuthMethod: "client_secret_basic",
            scope: [], clientName: "Credence")
        let request = ClientRegistration.request(at: try endpoint(), metadata: metadata)
        let members = try JSONReader.read(request.body).members
        #expect(members["response_types"] == .array([]))
        #expect(members["redirect_uris"] == nil)
        #expect(members["scope"] == nil)
    }

    @Test("RFC 7591 §3.2.1: its example is registered")
    func example() throws {
        let registered = try Self.registered(
            #"{"client_id":"s6BhdRkqt3","client_secret":"cf136dc3c1fc93f31185e5885805d","client_id_issued_at":2893256800,"#
                + #""client_secret_expires_at":2893276800,"redirect_uris":["https://client.example.org/callback","#
                + #""https://client.example.org/callback2"],"grant_types":["authorization_code","refresh_token"],"#
                + #""client_name":"My Example Client","token_endpoint_auth_method":"client_secret_basic","#
                + #""example_extension_parameter":"example_value"}"#)
        #expect(registered.clientID == "s6BhdRkqt3")
        #expect(registered.clientSecret?.reveal() == "cf136dc3c1fc93f31185e5885805d")
        #expect(registered.clientSecretExpiresAt == 2_893_276_800)
        #expect(registered.tokenEndpointAuthMethod == "client_secret_basic")
        #expect(
            registered.redirectURIs == ["https://client.example.org/callback", "https://client.example.org/callback2"])
        #expect(registered.grantTypes == ["authorization_code", "refresh_token"])
        #expect(registered.registrationAccessToken == nil)
    }

    @Test("RFC 7592 §3: the token for the registration itself is kept apart")
    func management() throws {
        let registered = try Self.registered(
            #"{"client_id":"c","registration_access_token":"s3cr3t","client_secret":"s3cr3t","scope":"a b","#
                + #""registration_client_uri":"https://as.example/register/c"}"#)
        #expect(registered.registrationAccessToken?.reveal() == "s3cr3t")
        #expect(registered.registrationClientURI?.string == "https://as.example/register/c")
        #expect(registered.scope == ["a", "b"])
        #expect(!printed(registered).contains("s3cr3t"))
        #expect(!printed(ClientRegistration.Verdict.registered(registered)).contains("s3cr3t"))
    }

    @Test("RFC 7591 §3.2.1: a secret that expires at 0, or does not say when, does not expire")
    func expiry() throws {
        for value in ["0", "null", #""never""#] {
            let body = #"{"client_id":"c","client_secret":"s","client_secret_expires_at":\#(value)}"#
            #expect(try Self.registered(body).clientSecretExpiresAt == nil)
        }
        #expect(try Self.registered(#"{"client_id":"c"}"#).clientSecret == nil)
        #expect(try Self.registered(#"{"client_id":"c","client_secret":""}"#).clientSecret == nil)
    }

    @Test(
        "What cannot be a client is malformed",
        arguments: [
            "", "[]", "{}", #"{"client_id":""}"#, #"{"client_id":7}"#, #"{"client_id":"a\u0000"}"#,
            #"{"client_id":"c","client_secret":7}"#, #"{"client_id":"c","client_secret":"a\nb"}"#,
            #"{"client_id":"c","registration_access_token":"a\nb"}"#,
            #"{"client_id":"c","token_endpoint_auth_method":"client_secret_basic"}"#,
            #"{"client_id":"c","client_secret":"","token_endpoint_auth_method":"client_secret_post"}"#,
        ])
    func malformed(_ body: String) { #expect(Self.isMalformed(Self.judge(201, body))) }

    @Test("RFC 7591 §3.2.2: its example is refused")
    func refused() {
        let verdict = Self.judge(
            400,
            #"{"error":"invalid_redirect_uri","error_description":"The redirection URI http://sketchy.example.com is not allowed by this server."}"#
        )
        #expect(verdict == .refused(OAuthError(code: "invalid_redirect_uri")))
    }

    @Test("RFC 7591 §3: 401 asks for an initial access token")
    func unauthorized() {
        let response = EndpointResponse(status: 401, headerFields: [.wwwAuthenticate: "Bearer"])
        #expect(ClientRegistration.judge(response) == .refused(OAuthError(code: "invalid_token")))
        #expect(
            Self.judge(401, #"{"error":"invalid_client_metadata"}"#)
                == .refused(OAuthError(code: "invalid_client_metadata")))
    }

    @Test("What passes passes, the rest is malformed")
    func statuses() {
        #expect(Self.judge(503, "") == .unavailable(status: 503))
        for status in [302, 403, 404] { #expect(Self.isMalformed(Self.judge(status, ""))) }
    }
}
