import Foundation
import HTTPTypes
import Testing

@testable import OAuth

@Suite("The request to the token endpoint")
struct TokenRequestTests {
    static let grant = Parameters([("grant_type", "authorization_code"), ("code", "c+1"), ("redirect_uri", "")])

    static func request(
        _ authentication: ClientAuthentication, id: String = "client", grant: Parameters = grant,
        dialect: Dialect = Dialect(),
        purpose: TokenRequest.Purpose = .grant
    ) throws -> EndpointRequest {
        TokenRequest.make(
            grant, at: try endpoint(), client: Client(id: id, authentication: authentication), dialect: dialect,
            purpose: purpose, freshness: Freshness(now: 0, jti: "j"))
    }

    static func basicPair(_ request: EndpointRequest) throws -> String {
        let header = try #require(request.headerFields[.authorization])
        #expect(header.hasPrefix("Basic "))
        return String(decoding: try #require(Data(base64Encoded: String(header.dropFirst(6)))), as: UTF8.self)
    }

    @Test("It is a POST of a form that wants JSON, unencoded")
    func shape() throws {
        let request = try Self.request(.none)
        #expect(request.method == .post)
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
        #expect(request.headerFields[.accept] == "application/json")
        #expect(request.headerFields[.acceptEncoding] == "identity")
        #expect(request.url.query == nil)
    }

    @Test("RFC 6749 §3.2: no parameter is empty, and what is sent arrives")
    func noEmptyParameters() throws {
        var dialect = Dialect()
        dialect.tokenParameters = Parameters([("audience", "")])
        let form = try Parameters(bodyOf: try Self.request(.none, dialect: dialect))
        #expect(form == Parameters([("grant_type", "authorization_code"), ("code", "c+1"), ("client_id", "client")]))
    }

    @Test(
        "RFC 6749 §2.3: a client authenticates in exactly one way",
        arguments: [ClientAuthentication.none, .clientSecretBasic(Secret("s")), .clientSecretPost(Secret("s"))])
    func oneMethod(_ authentication: ClientAuthentication) throws {
        let request = try Self.request(authentication)
        let form = try Parameters(bodyOf: request)
        let isBasic = authentication.method == "client_secret_basic"
        #expect((request.headerFields[.authorization] != nil) == isBasic)
        #expect((form["client_id"] != nil) == !isBasic)
        #expect((form["client_secret"] != nil) == (authentication.method == "client_secret_post"))
        #expect(form.duplicatedNames.isEmpty)
    }

    @Test(
        "RFC 6749 §2.3.1: id and secret are form-encoded before Basic",
        arguments: [
            "s %&+-_.!~*'()", "bbb/;&", "CLIENT_SECRET??", "a:b", "sören:müller", "very+secret", ":/&%%(/(&/) %&%&/%/&",
        ])
    func formEncodedBasic(_ secret: String) throws {
        let pair = try Self.basicPair(try Self.request(.clientSecretBasic(Secret(secret)), id: secret))
        let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
        #expect(parts.count == 2)
        for part in parts { #expect(try Parameters(formURLEncoded: "v=\(part)")["v"] == secret) }
    }

    @Test("The printed headers are met", .enabled(if: Shared.hasVectors, "the shared vectors are not here"))
    func vectors() throws {
        let vectors = try Shared.json("vectors/rfc/oauth_encoding.json")[path: "basic"]?.elements ?? []
        #expect(vectors.count >= 5)
        for vector in vectors {
            let id = try #require(vector[path: "client_id"]?.text)
            let secret = try #require(vector[path: "client_secret"]?.text)
            let request = try Self.request(.clientSecretBasic(Secret(secret)), id: id)
            if let header = vector[path: "header"]?.text { #expect(request.headerFields[.authorization] == header) }
            if let strictest = vector[path: "decoded_pair_each"]?.text {
                #expect(try Parameters(formURLEncoded: "v=\(strictest)")["v"] == id)
                #expect(try Self.basicPair(request) == "\(Parameters.encode(id)):\(Parameters.encode(secret))")
            }
        }
    }

    @Test("The raw departure leaves them as they are")
    func rawBasic() throws {
        var dialect = Dialect()
        dialect.secretForm = .rawBasic
        #expect(
            try Self.basicPair(try Self.request(.clientSecretBasic(Secret("s %&+")), id: "a/b", dialect: dialect))
                == "a/b:s %&+")
    }

    @Test("A secret in the body is encoded as a form is")
    func post() throws {
        let request = try Self.request(.clientSecretPost(Secret("s %&+=é")), id: "a&b=c")
        let form = try Parameters(bodyOf: request)
        #expect(form["client_id"] == "a&b=c")
        #expect(form["client_secret"] == "s %&+=é")
    }

    @Test("The profile's parameters go with their purpose, the dropped go, its headers come")
    func dialect() throws {
        var dialect = Dialect()
        dialect.tokenParameters = Parameters([("audience", "api")])
        dialect.refreshParameters = Parameters([("grant_type", "renew")])
        dialect.droppedTokenParameters = ["code"]
        dialect.headerFields = [.userAgent: "x"]
        let exchange = try Self.request(.none, dialect: dialect)
        #expect(try Parameters(bodyOf: exchange)["audience"] == "api")
        #expect(try Parameters(bodyOf: exchange)["code"] == nil)
        #expect(exchange.headerFields[.userAgent] == "x")
        let refresh = RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: [])
        let renewed = try Parameters(
            bodyOf: try Self.request(.none, grant: refresh, dialect: dialect, purpose: .refresh))
        #expect(renewed == Parameters([("grant_type", "renew"), ("refresh_token", "r"), ("client_id", "client")]))
    }

    @Test("RFC 6749 §4.1.3, RFC 7636 §4.5: the code grant")
    func codeGrant() {
        let grant = AuthorizationCodeGrant.parameters(
            code: Secret("c"), redirectURI: "https://x/cb", verifier: Secret("v"))
        #expect(
            grant
                == Parameters([
                    ("grant_type", "authorization_code"), ("code", "c"), ("redirect_uri", "https://x/cb"),
                    ("code_verifier", "v"),
                ]))
        #expect(
            AuthorizationCodeGrant.parameters(code: Secret("c"), redirectURI: "x", verifier: nil)["code_verifier"]
                == nil)
    }

    @Test("RFC 6749 §6: the refresh grant; no scope renews what was granted")
    func refreshGrant() {
        #expect(
            RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: ["a", "b"])
                == Parameters([("grant_type", "refresh_token"), ("refresh_token", "r"), ("scope", "a b")]))
        #expect(RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: [])["scope"] == nil)
    }
}
