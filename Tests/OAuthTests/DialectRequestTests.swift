import Foundation
import HTTPTypes
import Testing

@testable import OAuth

/// Requests as single providers want them.
@Suite("Dialect: requests")
struct DialectRequestTests {
    private static func query(_ request: EndpointRequest) throws -> Parameters {
        try Parameters(formURLEncoded: request.url.query ?? "")
    }

    @Test("Parameters in the query leave no body, and neither log nor error shows them", arguments: [false, true])
    func query(isGET: Bool) throws {
        var dialect = Dialect()
        dialect.tokenRequestForm = isGET ? .get : .query
        let request = try TokenRequestTests.request(.clientSecretPost(Secret("s&=")), dialect: dialect)
        #expect(request.method == (isGET ? .get : .post))
        #expect(request.body.isEmpty && request.headerFields[.contentType] == nil)
        let query = try Self.query(request)
        #expect(query["code"] == "c+1" && query["client_secret"] == "s&=" && query["client_id"] == "client")
        #expect(!"\(request) \(String(reflecting: request))".contains("client_secret"))
    }

    @Test("Refreshes alone may be by GET")
    func getRefresh() throws {
        var dialect = Dialect()
        dialect.refreshRequestForm = .get
        #expect(try TokenRequestTests.request(.none, dialect: dialect).method == .post)
        let grant = RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: [])
        let refresh = try TokenRequestTests.request(.none, grant: grant, dialect: dialect, purpose: .refresh)
        #expect(refresh.method == .get)
        #expect(try Self.query(refresh)["refresh_token"] == "r")
    }

    @Test("One parameter may stand in the query while the secrets stay in the body")
    func oneInQuery() throws {
        var dialect = Dialect()
        dialect.tokenParametersInQuery = ["redirect_uri"]
        let grant = AuthorizationCodeGrant.parameters(
            code: Secret("c"), redirectURI: "https://b.example/cb", verifier: nil)
        let request = try TokenRequestTests.request(
            .clientSecretPost(Secret("s")), grant: grant, dialect: dialect)
        #expect(try Self.query(request) == Parameters([("redirect_uri", "https://b.example/cb")]))
        let form = try Parameters(bodyOf: request)
        #expect(form["redirect_uri"] == nil && form["client_secret"] == "s" && form["code"] == "c")
    }

    @Test("What would make the address too long stays in the body whole")
    func tooLong() throws {
        var dialect = Dialect()
        dialect.tokenRequestForm = .get
        let grant = Parameters([("code", String(repeating: "x", count: 9000))])
        let request = try TokenRequestTests.request(.none, grant: grant, dialect: dialect)
        #expect(request.method == .post && request.url.query == nil)
        #expect(try Parameters(bodyOf: request)["code"]?.count == 9000)
    }

    @Test("The secret alone in Authorization: as a user name, or as a bearer token")
    func secretAlone() throws {
        var dialect = Dialect()
        dialect.secretForm = .username
        let basic = try TokenRequestTests.request(.clientSecretBasic(Secret("sk_1")), dialect: dialect)
        #expect(basic.headerFields[.authorization] == "Basic \(Data("sk_1:".utf8).base64EncodedString())")
        dialect.secretForm = .bearer
        let bearer = try TokenRequestTests.request(.clientSecretBasic(Secret("sk_1")), dialect: dialect)
        #expect(bearer.headerFields[.authorization] == "Bearer sk_1")
        #expect(try Parameters(bodyOf: bearer)["client_id"] == "client")
    }

    @Test("client_id may stand beside Basic")
    func clientIDWithBasic() throws {
        var dialect = Dialect()
        #expect(
            try Parameters(bodyOf: TokenRequestTests.request(.clientSecretBasic(Secret("s"))))["client_id"] == nil)
        dialect.sendsClientIDWithBasic = true
        let request = try TokenRequestTests.request(.clientSecretBasic(Secret("s")), dialect: dialect)
        #expect(try Parameters(bodyOf: request)["client_id"] == "client")
        #expect(request.headerFields[.authorization] != nil)
    }

    @Test("A refresh without the secret is a public client's; the exchange of a code keeps it")
    func refreshWithoutSecret() throws {
        var dialect = Dialect()
        dialect.refreshesWithoutSecret = true
        let grant = RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: [])
        let refresh = try TokenRequestTests.request(
            .clientSecretPost(Secret("s")), grant: grant, dialect: dialect, purpose: .refresh)
        let form = try Parameters(bodyOf: refresh)
        #expect(form["client_id"] == "client" && form["client_secret"] == nil)
        let exchange = try TokenRequestTests.request(.clientSecretPost(Secret("s")), dialect: dialect)
        #expect(try Parameters(bodyOf: exchange)["client_secret"] == "s")
    }

    @Test("An assertion that somebody else signed goes out as it is, with the client's name")
    func federated() throws {
        let request = try TokenRequestTests.request(.federatedAssertion(Secret("eyJh.eyJi.c")))
        let form = try Parameters(bodyOf: request)
        #expect(form["client_assertion"] == "eyJh.eyJi.c" && form["client_id"] == "client")
        #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        #expect(ClientAuthentication.federatedAssertion(Secret("x")).method == "private_key_jwt")
        #expect(ClientAuthentication.federatedAssertion(Secret("x")).secret?.reveal() == "x", "so that it is hidden")
    }

    @Test("A call for a token carries the assertion as its bearer, and no client")
    func bearerCall() throws {
        var dialect = Dialect()
        dialect.tokenRequestForm = .json
        dialect.tokenParameters = Parameters([("repository", "r")])
        let request = JWTBearerGrant.call(assertion: Secret("a.b.c"), at: try endpoint(), dialect: dialect)
        #expect(request.headerFields[.authorization] == "Bearer a.b.c")
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"repository":"r"}"#)
    }

    // MARK: Authorization request

    private static func url(_ dialect: Dialect, at text: String = "https://as.example/authorize") throws -> String {
        AuthorizationRequest(
            clientID: "c", redirectURI: "https://b.example/cb", scope: ["a:b", "c d"], state: Secret("s+1"),
            codeChallenge: nil
        ).url(at: try EndpointURL(text), dialect: dialect)
    }

    @Test("Scopes are set apart by %20, and by a bare + where a provider reads nothing else")
    func plus() throws {
        var dialect = Dialect()
        #expect(try Self.url(dialect).contains("scope=a%3Ab%20c%20d&"))
        dialect.joinsScopesByPlus = true
        #expect(try Self.url(dialect).contains("scope=a%3Ab+c+d&"))
        #expect(try Self.url(dialect).contains("state=s%2B1"), "what is no separator stays encoded")
    }

    @Test("The parameters follow the route of a page that is one program")
    func fragment() throws {
        var dialect = Dialect()
        dialect.authorizationFragment = "/oauth/authorize"
        let url = try Self.url(dialect, at: "https://app.example/")
        #expect(url.hasPrefix("https://app.example/#/oauth/authorize?response_type=code&client_id=c&"))
    }
}
