import BrokerTesting
import Crypto
import Foundation
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import Broker

/// Consents with all that OpenID Connect, pushed requests and second accounts add.
@Suite("Consent, with identity and pushed requests")
struct ConsentGrantTests {
    private static let jwks = #""jwks_uri": "https://as.example/jwks","#
    private let signer = try! SigningKey(
        ClientKey(privateKey: SigningKey.generateES256().serialized, keyID: "as-1"))
    private let browser = Browser()

    private func broker(_ server: String = Self.jwks, profile: String = "") throws -> TestBroker {
        try TestBroker(profile: profile, server: server)
    }

    private func idToken(_ broker: TestBroker, nonce: String?, subject: String = "anna", audience: String = "our-id")
        throws -> String
    {
        let now = Int(broker.clock.now.seconds)
        var claims = JSONObject([
            ("iss", .string("https://as.example")), ("sub", .string(subject)), ("aud", .string(audience)),
            ("iat", .number(JSONNumber(now))), ("exp", .number(JSONNumber(now + 300))),
            ("email", .string("\(subject)@example.com")),
        ])
        claims["nonce"] = nonce.map { .string($0) }
        return ClientAssertion.make(
            claims, signer: try AssertionSigner(signer), freshness: Freshness(now: now, jti: "x")
        ).reveal()
    }

    private var keys: ScriptedExchange.Outcome {
        .json(JSONValue.object(JSONObject([("keys", .array([.object(signer.publicKey.json)]))])).serialized())
    }

    private func token(_ idToken: String, _ access: String = "access-2") -> ScriptedExchange.Outcome {
        .json(
            #"{"access_token":"\#(access)","token_type":"Bearer","expires_in":3600,"refresh_token":"r","id_token":"\#(idToken)"}"#
        )
    }

    private func connect(
        _ broker: TestBroker, subject: String, bringing more: [(String, String)] = []
    ) async throws -> ConsentOutcome {
        let link =
            try await broker.store.connection(TestBroker.connection) == nil
            ? await broker.newConnection { $0.scopes = ["openid"] } : await broker.reconnect()
        let begun = try await broker.begin(link, browser)
        let nonce = try #require(begun.query["nonce"])
        broker.exchange.expect(token(try idToken(broker, nonce: nonce, subject: subject), "access-\(subject)")) {
            $0.url.path == "/token"
        }
        broker.exchange.expect(keys, times: nil) { $0.url.path == "/jwks" }
        var answer = begun.answer
        for (name, value) in more { answer.append(name, value) }
        return await broker.core.consent.finish(
            client: TestBroker.client, parameters: answer, browser: browser.name)
    }

    @Test("OpenID Connect Core §3.1.3.7: a valid ID token names the account of the connection")
    func account() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        guard case .connected = try await connect(broker, subject: "anna") else { return #expect(Bool(false)) }
        let grant = try await broker.stored().grant
        #expect(grant.account == "anna@example.com")
        #expect(grant.accountKey == "https://as.example anna")
    }

    @Test("F21: an ID token that is not what it must be ends the consent, and nothing is stored")
    func badToken() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        let link = try await broker.newConnection { $0.scopes = ["openid"] }
        let begun = try await broker.begin(link, browser)
        broker.exchange.expect(token(try idToken(broker, nonce: "another"))) { $0.url.path == "/token" }
        broker.exchange.expect(keys) { $0.url.path == "/jwks" }
        guard case .failed(let failure, _) = await broker.finish(begun, browser) else { return #expect(Bool(false)) }
        #expect(failure.code == .invalidResponse)
        #expect(try await broker.stored().grant.version == 0)
    }

    @Test("I27: a token signed with a key that is not published is looked for once more, and then refused")
    func unknownKey() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        let link = try await broker.newConnection { $0.scopes = ["openid"] }
        let begun = try await broker.begin(link, browser)
        broker.exchange.expect(token(try idToken(broker, nonce: begun.query["nonce"]))) { $0.url.path == "/token" }
        broker.exchange.expect(.json(#"{"keys":[]}"#), times: nil) { $0.url.path == "/jwks" }
        guard case .failed = await broker.finish(begun, browser) else { return #expect(Bool(false)) }
        #expect(broker.exchange.requests.count { $0.url.path == "/jwks" } <= 2)
    }

    // MARK: Another account

    @Test("F19: another account waits for the owner's word; until then the old one stands", arguments: [true, false])
    func otherAccount(replaces: Bool) async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        guard case .otherAccount(let question) = try await connect(broker, subject: "bert") else {
            return #expect(Bool(false))
        }
        #expect(question.old == "anna@example.com")
        #expect(question.new == "bert@example.com")
        #expect(try await broker.accessToken() == "access-anna")
        if !replaces { broker.exchange.expect(.json("")) { $0.url.path == "/revoke" } }
        let outcome = await broker.core.consent.decide(
            word: question.word, replaces: replaces, browser: browser.name)
        if case .connected = outcome { #expect(replaces) } else { #expect(!replaces) }
        #expect(try await broker.accessToken() == (replaces ? "access-bert" : "access-anna"))
        let again = await broker.core.consent.decide(word: question.word, replaces: true, browser: browser.name)
        guard case .failed = again else { return #expect(Bool(false), "the word counts once") }
    }

    @Test("F19: a consent that names nobody waits for the owner's word too, where there is an account")
    func nobody() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        let begun = try await broker.begin(try await broker.reconnect(), browser)
        broker.exchange.expect(.token("access-unnamed")) { $0.url.path == "/token" }
        guard case .otherAccount(let question) = await broker.finish(begun, browser) else {
            return #expect(Bool(false))
        }
        #expect(question.old == "anna@example.com")
        #expect(question.new.contains("does not name"))
        #expect(try await broker.accessToken() == "access-anna")
        _ = await broker.core.consent.decide(word: question.word, replaces: true, browser: browser.name)
        #expect(try await broker.accessToken() == "access-unnamed")
        #expect(try await broker.stored().grant.accountKey == nil)
    }

    @Test("F19: what may be the kept account's own tokens is not given back: its others could end with them")
    func nobodyKept() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        let begun = try await broker.begin(try await broker.reconnect(), browser)
        broker.exchange.expect(.token("access-unnamed")) { $0.url.path == "/token" }
        guard case .otherAccount(let question) = await broker.finish(begun, browser) else {
            return #expect(Bool(false))
        }
        _ = await broker.core.consent.decide(word: question.word, replaces: false, browser: browser.name)
        #expect(try await broker.accessToken() == "access-anna")
        #expect(!broker.exchange.requests.contains { $0.url.path == "/revoke" })
    }

    @Test("F19: the owner's word is about the account that was shown, not about one that came meanwhile")
    func thirdAccount() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        guard case .otherAccount(let bert) = try await connect(broker, subject: "bert"),
            case .otherAccount(let carl) = try await connect(broker, subject: "carl")
        else { return #expect(Bool(false)) }
        _ = await broker.core.consent.decide(word: carl.word, replaces: true, browser: browser.name)
        broker.exchange.expect(.json("")) { $0.url.path == "/revoke" }
        guard
            case .failed(let failure, _) = await broker.core.consent.decide(
                word: bert.word, replaces: true, browser: browser.name)
        else { return #expect(Bool(false)) }
        #expect(failure.providerError == "other_account")
        #expect(try await broker.accessToken() == "access-carl")
    }

    @Test("F19: a question that cannot be answered now may be answered again")
    func decideLater() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        guard case .otherAccount(let question) = try await connect(broker, subject: "bert") else {
            return #expect(Bool(false))
        }
        _ = try await broker.core.connections.setDisabled(true, TestBroker.connection, by: broker.admin)
        guard
            case .failed = await broker.core.consent.decide(
                word: question.word, replaces: true, browser: browser.name)
        else { return #expect(Bool(false)) }
        _ = try await broker.core.connections.setDisabled(false, TestBroker.connection, by: broker.admin)
        guard
            case .connected = await broker.core.consent.decide(
                word: question.word, replaces: true, browser: browser.name)
        else { return #expect(Bool(false)) }
        #expect(try await broker.accessToken() == "access-bert")
    }

    @Test("A consent of the same account that brings no refresh token keeps the one there is; another's does not")
    func refreshTokenGoesOn() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        let first = try #require(try await broker.refreshToken())
        let begun = try await broker.begin(try await broker.reconnect(), browser)
        let idToken = try idToken(broker, nonce: begun.query["nonce"], subject: "anna")
        broker.exchange.expect(
            .json(
                #"{"access_token":"again","token_type":"Bearer","expires_in":3600,"id_token":"\#(idToken)"}"#)
        ) { $0.url.path == "/token" }
        guard case .connected = await broker.finish(begun, browser) else { return #expect(Bool(false)) }
        #expect(try await broker.accessToken() == "again")
        #expect(try await broker.refreshToken() == first)
    }

    @Test("What the profile keeps of the callback stays, through the owner's question and refreshes")
    func callback() async throws {
        let broker = try broker(
            Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#,
            profile: #""capture":[{"name":"realm","from":"realmId","in":"callback"}]"#)
        _ = try await connect(broker, subject: "anna", bringing: [("realmId", "r-1")])
        #expect(try await broker.stored().grant.attributes == ["realm": "r-1"])
        guard
            case .otherAccount(let question) = try await connect(
                broker, subject: "bert", bringing: [("realmId", "r-2")])
        else { return #expect(Bool(false)) }
        #expect(try await broker.stored().grant.attributes == ["realm": "r-1"])
        _ = await broker.core.consent.decide(word: question.word, replaces: true, browser: browser.name)
        #expect(try await broker.stored().grant.attributes == ["realm": "r-2"])
        broker.exchange.expect(.token("access-3")) { $0.url.path == "/token" }
        _ = try await broker.core.credentials.refresh(TestBroker.connection, for: broker.admin, rejected: nil)
        #expect(try await broker.stored().grant.attributes == ["realm": "r-2"])
    }

    @Test("F19: accounts are compared to the letter, whatever Unicode calls equivalent")
    func toTheLetter() {
        let kelvin = Account(key: "id:https://as.example \u{212A}1", name: "k")
        #expect(kelvin.key == "id:https://as.example K1", "Swift's comparison would not tell them apart")
        #expect(!Account.isSame("id:https://as.example K1", as: kelvin))
        #expect(Account.isSame(kelvin.key, as: kelvin))
        #expect(!Account.isSame(kelvin.key, as: nil))
    }

    @Test("F19: only the browser that consented may say so; else the tokens are given back")
    func otherBrowser() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        guard case .otherAccount(let question) = try await connect(broker, subject: "bert") else {
            return #expect(Bool(false))
        }
        broker.exchange.expect(.json("")) { $0.url.path == "/revoke" }
        guard
            case .failed(let failure, _) = await broker.core.consent.decide(
                word: question.word, replaces: true, browser: "another")
        else { return #expect(Bool(false)) }
        #expect(failure.code == .wrongBrowser)
        #expect(broker.exchange.requests.last?.url.path == "/revoke")
        #expect(try await broker.accessToken() == "access-anna")
    }

    @Test("F22: a refresh that brings another account's ID token is not stored, and the owner must act")
    func refreshedSubject() async throws {
        let broker = try broker(Self.jwks + #""id_token_signing_alg_values_supported": ["ES256"],"#)
        _ = try await connect(broker, subject: "anna")
        broker.clock.advance(by: .seconds(7200))
        broker.exchange.expect(token(try idToken(broker, nonce: nil, subject: "bert"), "access-bert")) {
            $0.url.path == "/token"
        }
        let error = try await failure { () throws(BrokerError) in try await broker.read() }
        #expect(error.reason == "account_changed")
        #expect(try await broker.accessToken() == "access-anna")
    }

    // MARK: Pushed requests

    @Test("RFC 9126 §4: the browser carries client_id and request_uri alone, the rest was pushed")
    func pushed() async throws {
        let broker = try broker(#""pushed_authorization_request_endpoint": "https://as.example/par","#)
        let link = try await broker.newConnection { $0.wishes.loginHint = "anna" }
        broker.exchange.expect(.json(#"{"request_uri":"urn:x:1","expires_in":60}"#, status: 201))
        let begun = try await broker.begin(link, browser)
        #expect(begun.query.pairs.map(\.name) == ["client_id", "request_uri"])
        let form = try Parameters(formURLEncoded: try #require(broker.exchange.requests.first).body)
        #expect(form["code_challenge_method"] == "S256")
        #expect(form["login_hint"] == "anna")
        #expect(form["request_uri"] == nil)
    }

    @Test("RFC 9126 §2.3: a refused request ends before the browser leaves, in the provider's words")
    func pushRefused() async throws {
        let broker = try broker(#""pushed_authorization_request_endpoint": "https://as.example/par","#)
        let link = try await broker.newConnection()
        broker.exchange.expect(.json(#"{"error":"invalid_scope"}"#, status: 400))
        let failure = try await broker.startFailure(link, browser)
        #expect(failure.providerError == "invalid_scope")
        #expect(broker.store.count(of: .insertPending) == 0)
    }

    @Test("RFC 8707 §2, OpenID Connect Core §3.1.2.1: what was wished for stands in the request; our own names do not")
    func wishes() async throws {
        let broker = try TestBroker()
        let link = try await broker.newConnection { request in
            request.resources = ["https://api.example/a", "https://api.example/b"]
            request.wishes.prompt = "consent"
            request.wishes.claims = #"{"id_token":{}}"#
            request.wishes.parameters = ["audience": "x"]
        }
        let begun = try await broker.begin(link, browser)
        #expect(begun.query.values(of: "resource") == ["https://api.example/a", "https://api.example/b"])
        #expect(begun.query["prompt"] == "consent")
        #expect(begun.query["claims"] == #"{"id_token":{}}"#)
        #expect(begun.query["audience"] == "x")
        let error = try await failure { () throws(BrokerError) in
            var wishes = ConsentWishes()
            wishes.parameters = ["state": "mine"]
            return try await broker.core.connections.requestConsent(
                TestBroker.connection, returnTo: nil, wishes: wishes, by: broker.admin)
        }
        #expect(error.field == "parameters")
    }

    // MARK: Lifetimes

    @Test("RFC 7662 §2.2: a lifetime that the answer does not say is asked for, and refreshed by")
    func introspected() async throws {
        let broker = try broker(#""introspection_endpoint": "https://as.example/introspect","#)
        let begun = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.json(#"{"access_token":"a","token_type":"Bearer","refresh_token":"r"}"#)) {
            $0.url.path == "/token"
        }
        let end = broker.clock.now.seconds + 600
        broker.exchange.expect(.json(#"{"active":true,"exp":\#(end)}"#)) { $0.url.path == "/introspect" }
        guard case .connected = await broker.finish(begun, browser) else { return #expect(Bool(false)) }
        let grant = try await broker.stored().grant
        #expect(grant.expiresAt == Timestamp(seconds: end))
        #expect(grant.refreshAt != nil)
        #expect(try await broker.refreshToken() == "r")
        #expect(try await broker.accessToken() == "a")
    }

    @Test("R3: a lifetime that is found out while a refresh is under way puts no spent refresh token back")
    func introspectedDuringRefresh() async throws {
        let broker = try broker(#""introspection_endpoint": "https://as.example/introspect","#)
        let begun = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.json(#"{"access_token":"a","token_type":"Bearer","refresh_token":"rt-1"}"#)) {
            $0.url.path == "/token"
        }
        let (asking, refreshing) = (Gate(), Gate())
        let end = broker.clock.now.seconds + 600
        broker.exchange.expect(.json(#"{"active":true,"exp":\#(end)}"#), heldBy: asking) {
            $0.url.path == "/introspect"
        }
        async let consent = broker.finish(begun, browser)
        try await broker.exchange.requests(reach: 2)
        broker.exchange.expect(.token("b", refresh: "rt-2"), heldBy: refreshing) { $0.url.path == "/token" }
        async let flight = broker.fly()
        try await broker.exchange.requests(reach: 3)
        asking.open()
        guard case .connected = await consent else { return #expect(Bool(false)) }
        refreshing.open()
        guard case .refreshed = try await flight else { return #expect(Bool(false)) }
        #expect(try await broker.refreshToken() == "rt-2")
    }

    // MARK: Revocation

    @Test("F24: what the provider does not take is told again until it does, and survives everything else")
    func revocationRetried() async throws {
        let broker = try TestBroker()
        try await broker.addConnected()
        broker.exchange.expect(.json("", status: 503))
        let outcome = try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(outcome == .pending(reason: "status_503"))
        for payment in try await broker.core.revoker.round() { await payment.value }
        #expect(broker.exchange.requests.count == 1, "not before its time")
        broker.clock.advance(by: .seconds(120))
        broker.exchange.expect(.json(""))
        for payment in try await broker.core.revoker.round() { await payment.value }
        #expect(broker.exchange.requests.count == 2)
        broker.clock.advance(by: .seconds(86_400))
        for payment in try await broker.core.revoker.round() { await payment.value }
        #expect(broker.exchange.requests.count == 2, "taken is taken")
    }
}
