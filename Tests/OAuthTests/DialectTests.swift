import Foundation
import HTTPTypes
import Testing

@testable import OAuth

/// What providers do differently on the wire.
@Suite("Dialects")
struct DialectTests {
    private static func lifetime(_ value: String, _ unit: LifetimeUnit) throws -> TokenResponse {
        var dialect = Dialect()
        dialect.lifetimeUnit = unit
        return try TokenResponseTests.granted(
            #"{"access_token":"a","token_type":"Bearer","expires_in":\#(value)}"#, nil, dialect)
    }

    @Test(
        "A lifetime is counted in the unit of the profile",
        arguments: [
            ("3600", LifetimeUnit.seconds, 3600), ("3600000", .milliseconds, 3600),
            (#""3600500""#, .milliseconds, 3600),
            (#""0:01:00""#, .duration, 3600), (#""30:00:05""#, .duration, 2_592_300),
        ])
    func lifetime(value: String, unit: LifetimeUnit, seconds: Int) throws {
        let response = try Self.lifetime(value, unit)
        #expect(response.expiresIn == seconds && response.expiresAt == nil)
        #expect(response.warnings.isEmpty)
    }

    @Test(
        "A moment is read from seconds, milliseconds or RFC 3339 text",
        arguments: [
            ("1893456000", 1_893_456_000), ("1893456000123", 1_893_456_000), (#""1893456000""#, 1_893_456_000),
            (#""2030-01-01T00:00:00Z""#, 1_893_456_000), (#""2030-01-01T02:00:00.123+02:00""#, 1_893_456_000),
            (#""2029-12-31 23:30:00-00:30""#, 1_893_456_000), (#""2024-02-29T12:00:00Z""#, 1_709_208_000),
            (#""2100-03-01T00:00:00Z""#, 4_107_542_400),
        ])
    func moment(value: String, seconds: Int) throws {
        let response = try Self.lifetime(value, .absolute)
        #expect(response.expiresAt == seconds && response.expiresIn == nil)
    }

    @Test(
        "N11: what is no lifetime in that unit is unknown, and warned of",
        arguments: [
            ("999", LifetimeUnit.milliseconds), (#""1h""#, .milliseconds), ("3600", .duration), (#""1:60""#, .duration),
            (#""0:00:00""#, .duration), (#""1:24:00""#, .duration), (#""-1:00:00""#, .duration),
            (#""2023-02-29T00:00:00Z""#, .absolute), (#""2030-13-01T00:00:00Z""#, .absolute),
            (#""2030-01-01T00:00:00""#, .absolute), (#""2030-01-01T24:00:00Z""#, .absolute),
            (#""2030-01-01""#, .absolute), (#""soon""#, .absolute), ("0", .absolute), ("{}", .absolute),
        ])
    func noLifetime(value: String, unit: LifetimeUnit) throws {
        let response = try Self.lifetime(value, unit)
        #expect(response.expiresIn == nil && response.expiresAt == nil)
        #expect(response.warnings == ["expires_in cannot be used"])
    }

    @Test("A token request may be JSON; who asks stands where it stood, and a repeated name is a list")
    func json() throws {
        var dialect = Dialect()
        dialect.tokenRequestForm = .json
        let grant = Parameters([("grant_type", "x"), ("code", "a+b &"), ("resource", "r1"), ("resource", "r2")])
        let request = try TokenRequestTests.request(.clientSecretPost(Secret("s\"")), grant: grant, dialect: dialect)
        #expect(request.headerFields[.contentType] == "application/json")
        let sent = try #require(
            try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any])
        #expect(sent["code"] as? String == "a+b &")
        #expect(sent["client_secret"] as? String == "s\"")
        #expect(sent["resource"] as? [String] == ["r1", "r2"])
        let basic = try TokenRequestTests.request(.clientSecretBasic(Secret("s")), dialect: dialect)
        #expect(basic.headerFields[.authorization] != nil)
        #expect(!String(decoding: basic.body, as: UTF8.self).contains("client_secret"))
    }

    @Test("Parameters go by the provider's names, in both places by its own list")
    func renamed() throws {
        var dialect = Dialect()
        dialect.renamedAuthorizationParameters = ["client_id": "client_key", "redirect_uri": "redirect_url"]
        dialect.renamedTokenParameters = ["client_id": "app_id", "client_secret": "secret", "code": "auth_code"]
        let asked = AuthorizationRequest(
            clientID: "c", redirectURI: "https://b.example/cb", scope: ["a"], state: Secret("s"), codeChallenge: "ch"
        ).parameters(dialect: dialect)
        #expect(asked["client_key"] == "c" && asked["client_id"] == nil)
        #expect(asked["redirect_url"] == "https://b.example/cb" && asked["state"] == "s")
        let form = try Parameters(
            bodyOf: try TokenRequestTests.request(.clientSecretPost(Secret("x")), dialect: dialect))
        #expect(form["app_id"] == "client" && form["secret"] == "x" && form["auth_code"] == "c+1")
        #expect(form["client_id"] == nil && form["client_secret"] == nil && form["code"] == nil)
    }

    @Test("Revocation and introspection keep the standard's form and names")
    func othersStay() throws {
        var dialect = Dialect()
        dialect.tokenRequestForm = .json
        dialect.renamedTokenParameters = ["client_id": "app_id"]
        let request = Revocation.request(
            token: Secret("t"), hint: "access_token", at: try endpoint(),
            client: Client(id: "c", authentication: .clientSecretPost(Secret("x"))), dialect: dialect,
            freshness: Freshness(now: 0, jti: "j"))
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
        #expect(try Parameters(bodyOf: request)["client_id"] == "c")
    }

    @Test("A header of the profile goes along; a name that no header may have sets nothing")
    func headers() throws {
        var dialect = Dialect()
        dialect.setHeader("X-Api-Version", to: "7")
        dialect.setHeader("no header", to: "x")
        let request = try TokenRequestTests.request(.none, dialect: dialect)
        #expect(request.headerFields[HTTPField.Name("X-Api-Version")!] == "7")
    }
}
