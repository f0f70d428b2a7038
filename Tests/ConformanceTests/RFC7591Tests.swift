import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 7591: Dynamic Client Registration")
struct RFC7591Tests {
    private func request(
        _ grantTypes: [GrantType] = [.authorizationCode, .refreshToken], token: Secret? = nil
    ) throws -> (request: EndpointRequest, members: JSONObject) {
        let request = ClientRegistration.request(
            at: try url("https://as.example/register"),
            metadata: ClientRegistration.Metadata(
                redirectURIs: ["https://credence.example/callback/c"], grantTypes: grantTypes,
                tokenEndpointAuthMethod: "client_secret_basic", scope: ["a", "b"], clientName: "Credence"),
            initialAccessToken: token)
        return (request, try #require(object(request.body)))
    }

    private func registered(_ body: String) -> ClientRegistration.Registered? {
        if case .registered(let client) = ClientRegistration.judge(answer(201, body)) { client } else { nil }
    }

    @Test("RFC 7591 §2: a client with a flow that redirects registers its redirection URIs")
    func redirectURIs() throws {
        let members = try request().members
        #expect(members["redirect_uris"] == .array([.string("https://credence.example/callback/c")]))
    }

    @Test("RFC 7591 §2: scope is one text with spaces between")
    func scope() throws { #expect(try request().members.text("scope") == "a b") }

    @Test("RFC 7591 §2.1: response_types fit the grant_types")
    func consistent() throws {
        #expect(try request().members["response_types"] == .array([.string("code")]))
        #expect(try request([.clientCredentials]).members["response_types"] == .array([]))
    }

    @Test("RFC 7591 §3: an initial access token goes along as a bearer token, where there is one")
    func initialToken() throws {
        #expect(try request(token: Secret("i")).request.headerFields[.authorization] == "Bearer i")
        #expect(try request().request.headerFields[.authorization] == nil)
    }

    @Test("RFC 7591 §3.1: the request is JSON, in a POST")
    func json() throws {
        let request = try request().request
        #expect(request.method == .post && request.headerFields[.contentType] == "application/json")
    }

    @Test("RFC 7591 §3.2.1: an answer without client_id registers nobody", arguments: ["{}", #"{"client_id":""}"#])
    func clientIDRequired(body: String) { #expect(registered(body) == nil) }

    @Test("RFC 7591 §3.2.1: what was registered counts, not what was asked for")
    func replaced() {
        let client = registered(#"{"client_id":"x","token_endpoint_auth_method":"none","scope":"a"}"#)
        #expect(client?.tokenEndpointAuthMethod == "none" && client?.scope == ["a"])
    }

    @Test("RFC 7591 §3.2.1: client_secret_expires_at is a time, and 0 is never")
    func secretExpiry() {
        let members = #""client_id":"x","client_secret":"s","client_secret_expires_at""#
        #expect(registered("{\(members):1893456000}")?.clientSecretExpiresAt == 1_893_456_000)
        let never = registered("{\(members):0}")
        #expect(never?.clientSecret == Secret("s") && never?.clientSecretExpiresAt == nil)
    }

    @Test("RFC 7591 §3.2.1: members that are not understood are ignored")
    func unknownMembers() { #expect(registered(#"{"client_id":"x","foo":{"client_id":"y"}}"#)?.clientID == "x") }

    @Test(
        "RFC 7591 §3.2.2: each error code is read as it is",
        arguments: [
            "invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement",
            "unapproved_software_statement",
        ])
    func errors(code: String) {
        let verdict = ClientRegistration.judge(answer(400, #"{"error":"\#(code)"}"#))
        #expect(verdict == .refused(OAuthError(code: code)))
    }
}
