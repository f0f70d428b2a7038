import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import ProviderProfiles
import Testing

@testable import Broker

/// Departures that change what is asked, kept or sent again: from the consent to the refresh.
@Suite("Quirks, through the broker")
struct QuirkTests {
    private let browser = Browser()

    private func connected(
        _ broker: TestBroker, _ answer: ScriptedExchange.Outcome = .token(), _ more: [(String, String)] = []
    ) async throws -> ConsentOutcome {
        let begun = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(answer) { $0.url.path == "/token" }
        var returned = begun.answer
        for (name, value) in more { returned.append(name, value) }
        return await broker.core.consent.finish(
            client: TestBroker.client, parameters: returned, browser: browser.name)
    }

    @Test("An access token that renews itself is what the next refresh sends, under the provider's name, by GET")
    func refreshByAccessToken() async throws {
        let broker = try TestBroker(
            profile: #"""
                "departures": ["refresh_by_access_token", "unsafe_get_refresh_request",
                  "rename_token_parameter:refresh_token=exchange_token"],
                "refresh_parameters": {"grant_type": "exchange_token"}
                """#)
        _ = try await connected(broker, .token("long-1", refresh: nil, expiresIn: 5_184_000))
        let grant = try await broker.stored().grant
        #expect(grant.refreshTokenExpiresAt == grant.expiresAt, "what renews itself ends with itself")
        for (sent, brought) in [("long-1", "long-2"), ("long-2", "long-3")] {
            broker.exchange.expect(.token(brought, refresh: nil, expiresIn: 5_184_000))
            try await broker.fly(.forced(version: try await broker.stored().grant.version))
            let request = try #require(broker.exchange.requests.last)
            #expect(request.method == .get && request.body.isEmpty)
            let query = try Parameters(formURLEncoded: try #require(request.url.query))
            #expect(query["exchange_token"] == sent && query["grant_type"] == "exchange_token")
            #expect(try await broker.accessToken() == brought)
        }
        #expect(!broker.log.lines.joined().contains("long-"), "no address is written down")
    }

    @Test("The token request repeats the state where the provider wants it, and only there", arguments: [true, false])
    func stateInTokenRequest(isWanted: Bool) async throws {
        let broker = try TestBroker(profile: isWanted ? #""departures": ["state_in_token_request"]"# : "")
        let begun = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        _ = await broker.finish(begun, browser)
        #expect(broker.tokenRequests().first?["state"] == (isWanted ? begun.query["state"] : nil))
    }

    // MARK: Follow-up

    private static let followUp = #"""
        "follow_up": {"url": "https://as.example/sites"},
        "capture": [{"name": "site", "from": "0.id", "in": "follow_up"}, {"name": "realm", "in": "callback"}]
        """#

    @Test("One more GET at a consent brings what the token answer does not say; a refresh keeps it")
    func followUp() async throws {
        let broker = try TestBroker(profile: Self.followUp)
        broker.exchange.expect(.json(#"[{"id":"site-1"},{"id":"site-2"}]"#)) { $0.url.path == "/sites" }
        guard case .connected = try await connected(broker, .token("new"), [("realm", "r7")]) else {
            return #expect(Bool(false))
        }
        let asked = try #require(broker.exchange.requests.last)
        #expect(asked.method == .get && asked.headerFields[.authorization] == "Bearer new")
        #expect(try await broker.stored().grant.attributes == ["site": "site-1", "realm": "r7"])
        broker.exchange.expect(.token("newer"))
        try await broker.fly()
        #expect(try await broker.stored().grant.attributes == ["site": "site-1", "realm": "r7"])
    }

    @Test("A consent whose follow-up gets no answer changes nothing, and says that it may be tried again")
    func followUpFails() async throws {
        let broker = try TestBroker(profile: Self.followUp)
        broker.exchange.expect(.json("{}", status: 503)) { $0.url.path == "/sites" }
        guard case .failed(let failure, _) = try await connected(broker) else { return #expect(Bool(false)) }
        #expect(failure.code == .providerUnavailable)
        #expect(try await broker.stored().grant.version == 0)
    }

    // MARK: Step-up

    private static let challenge = #"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#

    @Test("A refresh that wants more of the owner keeps the grant, and the next consent asks for what was wanted")
    func stepUp() async throws {
        let broker = try TestBroker()
        try await broker.addExpired()
        let refusal = JSONObject([
            ("error", .string("interaction_required")), ("claims", .string(Self.challenge)),
        ])
        broker.exchange.expect(.json(JSONValue.object(refusal).serialized(), status: 400))
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.code == .reauthorizationRequired && error.reason == "step_up")
        #expect(try await broker.refreshToken() == "refresh-1", "the grant stands")
        let link = try await broker.core.connections.requestConsent(
            TestBroker.connection, returnTo: nil, wishes: ConsentWishes(), by: broker.admin)
        let begun = try await broker.begin(link, browser)
        #expect(begun.query["claims"] == Self.challenge)
        broker.exchange.expect(.token())
        guard case .connected = await broker.finish(begun, browser) else { return #expect(Bool(false)) }
        let grant = try await broker.stored().grant
        #expect(grant.reauthorization == nil && grant.failure == nil)
        let again = try await broker.core.connections.requestConsent(
            TestBroker.connection, returnTo: nil, wishes: ConsentWishes(), by: broker.admin)
        #expect(try await broker.begin(again, browser).query["claims"] == nil, "a challenge is met once")
    }

    // MARK: Keep-alive

    @Test("A refresh token with an end is used before it, although nobody knows when the access token ends")
    func keepAlive() async throws {
        let broker = try TestBroker(profile: #""refresh_token": {"rotates": true, "grace": 0, "lifetime": 2592000}"#)
        _ = try await connected(broker, .token("a", refresh: "r-1", expiresIn: nil))
        let grant = try await broker.stored().grant
        let end = try #require(grant.refreshTokenExpiresAt)
        #expect(grant.expiresAt == nil)
        #expect(try end.since(#require(grant.refreshAt)) == .seconds(2_592_000 / 5))
        broker.clock.set(to: try #require(grant.refreshAt))
        broker.exchange.expect(.token("b", refresh: "r-2", expiresIn: nil))
        for flight in try await broker.core.schedule.round() { _ = await flight.value }
        #expect(try await broker.refreshToken() == "r-2")
        #expect(try await broker.stored().grant.refreshTokenExpiresAt?.since(end) ?? .zero > .zero, "it lives on")
    }

    @Test("The audit log tells of a grant that ends within two weeks, once for each end")
    func notice() async throws {
        let broker = try TestBroker()
        let end = broker.clock.now + .seconds(20 * 86_400)
        try await broker.addConnected { $0.grant.refreshTokenExpiresAt = end }
        let told = { broker.audit.events.filter { $0.action == .connectionExpiring } }
        try await broker.core.notices.round()
        #expect(told().isEmpty)
        broker.clock.advance(by: .seconds(7 * 86_400))
        for _ in 0..<2 { try await broker.core.notices.round() }
        #expect(told().map(\.connection) == [TestBroker.connection.string])
        #expect(told().first?.reason == "refresh_token_expiring")
    }

    // MARK: Somebody else's assertion

    @Test("A client may authenticate by an assertion that a platform renews: its file is read at each request")
    func assertionFile() async throws {
        let broker = try TestBroker()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("assertion-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try await broker.addClient(secret: nil) { $0.secret = .assertionFile(file.path) }
        func issue() async throws -> Parameters? {
            var request = ConnectionRequest()
            request.id = TestBroker.connection
            request.provider = "acme"
            request.grantType = .clientCredentials
            if try await broker.store.connection(TestBroker.connection) == nil {
                _ = try? await broker.core.connections.create(request, by: broker.admin)
            } else {
                try await broker.fly(.forced(version: try await broker.stored().grant.version))
            }
            return broker.tokenRequests().last
        }
        #expect(try await issue() == nil, "there is no file yet, so nothing is sent")
        #expect(try await broker.stored().grant.failure?.reason == "assertion_file_unusable")
        try Data("SECRET=master-key\n".utf8).write(to: file)
        #expect(try await issue() == nil, "what is no JWT never leaves")
        for assertion in ["eyJhbGciOiJSUzI1NiJ9.e30.c2lnMQ", "eyJhbGciOiJSUzI1NiJ9.e30.c2lnMg"] {
            try Data("\(assertion)\n".utf8).write(to: file)
            broker.exchange.expect(.token(refresh: nil))
            let form = try #require(try await issue())
            #expect(form["client_assertion"] == assertion && form["client_id"] == "our-id")
            #expect(form["client_secret"] == nil)
        }
    }

    // MARK: Installation tokens

    @Test("GitHub's installation tokens: a JWT as the bearer of a call, 201, a moment as the expiry")
    func installationToken() async throws {
        let broker = try TestBroker()
        try await broker.addClient(provider: "github-app", secret: nil) { $0.secret = .key(RSATestKey.file) }
        let body = #"{"token":"ghs_1","expires_at":"2030-01-01T13:00:00Z","repository_selection":"selected"}"#
        broker.exchange.expect(.json(body, status: 201))
        _ = try await broker.core.connections.create(Self.installation, by: broker.admin)
        let request = try #require(broker.exchange.requests.last)
        #expect(request.description == "POST https://api.github.com/app/installations/42/access_tokens")
        #expect(String(decoding: request.body, as: UTF8.self) == "{}", "neither client nor assertion stands in it")
        let bearer = try #require(request.headerFields[.authorization])
        let claims = try #require(IDToken.unverifiedClaims(Secret(String(bearer.dropFirst("Bearer ".count)))))
        #expect(claims["iss"] == .string("our-id"))
        #expect(claims["aud"] == nil && claims["sub"] == nil)
        guard case .number(let issued)? = claims["iat"], case .number(let ends)? = claims["exp"] else {
            return #expect(Bool(false))
        }
        let now = Int(broker.clock.now.seconds)
        #expect(try #require(issued.int) <= now)
        #expect(try #require(ends.int) - now <= 600)
        let credential = try await broker.read()
        #expect(credential.text("access_token") == "ghs_1")
        #expect(credential.text("expires_at") == "2030-01-01T13:00:00Z")
        #expect(credential.object("attributes")?.text("repository_selection") == "selected")
    }

    private static var installation: ConnectionRequest {
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "github-app"
        request.fields = ["installation_id": "42"]
        return request
    }

    @Test(
        "GitHub's installation tokens: an error without a code falls on whoever can mend it, by its status",
        arguments: [
            (401, "A JSON web token could not be decoded", true), (404, "Not Found", true),
            (422, "not granted", true), (403, "API rate limit exceeded for installation", false),
            (403, "This installation has been suspended", true), (502, "Bad gateway", false),
        ])
    func installationErrors(status: Int, message: String, isAdministrators: Bool) async throws {
        let broker = try TestBroker()
        try await broker.addClient(provider: "github-app", secret: nil) { $0.secret = .key(RSATestKey.file) }
        broker.exchange.expect(.json(#"{"message":"\#(message)"}"#, status: status))
        _ = try? await broker.core.connections.create(Self.installation, by: broker.admin)
        let stored = try await broker.stored()
        let retryIn = try #require(stored.grant.failure).retryAt.since(broker.clock.now)
        #expect((retryIn == RefreshPolicy().configurationRetry) == isAdministrators)
        #expect(stored.grant.reauthorization == nil, "nobody could consent to it")
    }
}
