import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

/// The owner's act: link, page, provider, return.
struct ConsentTests {
    private let broker: TestBroker
    private let browser = Browser()

    init() throws {
        broker = try TestBroker(returns: ["https://app.example/done"])
    }

    // MARK: The link

    @Test("A link carries 256 random bits, lasts thirty minutes, and only its hash is stored")
    func link() async throws {
        let link = try await broker.newConnection()
        let ticket = link.ticket
        #expect(link.url.hasPrefix("https://broker.example/connect/"))
        #expect(ticket.utf8.count == 43)
        #expect(link.expiresAt == broker.clock.now + .seconds(1800))
        #expect(try await broker.store.ticket(sha256(Array(ticket.utf8))) != nil)
        #expect(try await broker.store.ticket(Array(ticket.utf8)) == nil)
    }

    @Test(
        "F15: return_to is one of the configured URLs to the letter",
        arguments: [
            "//app.example/done", "/\\app.example", "https://app.example/done/", "https://app.example/done?x=1",
            "https://app.example%2f@evil.example", "https://u@app.example/done", "javascript:alert(1)",
            "https://app.example/done\r\nSet-Cookie: a=b", "HTTPS://app.example/done", "",
        ])
    func returnTo(url: String) async throws {
        try await broker.newConnection()
        let error = try await failure { () throws(BrokerError) in
            try await broker.core.connections.requestConsent(
                TestBroker.connection, returnTo: url, wishes: ConsentWishes(), by: broker.admin)
        }
        #expect(error.code == .invalidRequest)
        #expect(error.field == "return_to")
    }

    @Test("F15: a configured return_to is where the browser goes in the end")
    func returned() async throws {
        let link = try await broker.newConnection(returnTo: "https://app.example/done")
        let began = try await broker.begin(link, browser)
        broker.exchange.expect(.token())
        guard case .connected(_, _, let returnTo) = await broker.finish(began, browser) else {
            return #expect(Bool(false))
        }
        #expect(returnTo == "https://app.example/done")
    }

    // MARK: The page

    @Test("The page says who asks for what, where")
    func page() async throws {
        let link = try await broker.newConnection { $0.owner = "anna" }
        let page = try await broker.core.consent.page(ticket: link.ticket, browser: browser.name)
        #expect(page.owner == "anna")
        #expect(page.requestedBy == "root")
        #expect(page.providerTitle == "Acme")
        #expect(page.providerHost == "as.example")
        #expect(page.scopes == ["basic"])
        #expect(!page.isReconnect)
    }

    @Test("The connection's scopes go before the client's, and those before the profile's")
    func scopes() async throws {
        try await broker.addClient(scopes: ["of-client"])
        let first = try await broker.newConnection()
        #expect(try await broker.core.consent.page(ticket: first.ticket, browser: "b").scopes == ["of-client"])
        let second = try await broker.newConnection(.init("second")!) { $0.scopes = ["own"] }
        #expect(try await broker.core.consent.page(ticket: second.ticket, browser: "b").scopes == ["own"])
    }

    @Test("F7: looking at the page spends nothing")
    func lookingSpendsNothing() async throws {
        let link = try await broker.newConnection()
        for _ in 0..<3 { _ = try await broker.core.consent.page(ticket: link.ticket, browser: "scanner") }
        #expect(broker.store.count(of: .insertPending) == 0)
        #expect(broker.exchange.requests.isEmpty)
        _ = try await broker.begin(link, browser)
    }

    @Test(
        "A link that is unknown, altered or too long leads nowhere",
        arguments: ["", "x", String(repeating: "A", count: 43), String(repeating: "A", count: 9000)])
    func unknownTicket(ticket: String) async throws {
        try await broker.newConnection()
        await #expect(throws: ConsentFailure.self) { try await broker.core.consent.page(ticket: ticket, browser: "b") }
    }

    @Test("A link older than thirty minutes says so")
    func expiredTicket() async throws {
        let link = try await broker.newConnection()
        broker.clock.advance(by: .seconds(1800))
        #expect(try await broker.startFailure(link, browser).code == .expiredTicket)
    }

    @Test("A form that another browser, another link or nobody made is refused")
    func forgedForm() async throws {
        let link = try await broker.newConnection()
        let good = Consent.formToken(ticket: link.ticket, browser: browser.name)
        let others = [
            Consent.formToken(ticket: link.ticket, browser: "other"),
            Consent.formToken(ticket: "other", browser: browser.name),
            "", String(good.dropLast()),
        ]
        for token in others {
            #expect(try await broker.startFailure(link, browser, formToken: token).code == .forgedForm)
        }
        #expect(broker.store.count(of: .insertPending) == 0)
        _ = try await broker.core.consent.start(ticket: link.ticket, browser: browser.name, formToken: good)
    }

    // MARK: The authorization request

    @Test("The browser is sent to the provider with code, state, one redirect URI per client and S256")
    func authorizationRequest() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        #expect(began.url.hasPrefix("https://as.example/authorize?"))
        #expect(began.query["response_type"] == "code")
        #expect(began.query["client_id"] == "our-id")
        #expect(began.query["redirect_uri"] == "https://broker.example/callback/app")
        #expect(began.query["scope"] == "basic")
        #expect(began.query["code_challenge_method"] == "S256")
        #expect(began.state.utf8.count == 43)
    }

    @Test("F8: each start has a state and a challenge of its own")
    func freshEachTime() async throws {
        let link = try await broker.newConnection()
        let first = try await broker.begin(link, browser)
        let second = try await broker.begin(link, browser)
        #expect(first.state != second.state)
        #expect(first.query["code_challenge"] != second.query["code_challenge"])
    }

    @Test("F8: the verifier that is sent fits the challenge that went before")
    func verifier() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        _ = await broker.finish(began, browser)
        let form = try #require(broker.tokenRequests().first)
        let verifier = try #require(form["code_verifier"])
        #expect(PKCE.challenge(for: Secret(verifier)) == began.query["code_challenge"])
        #expect(form["redirect_uri"] == began.query["redirect_uri"])
        #expect(form["code"] == "code-1")
    }

    @Test("F8: a profile without PKCE sends none, and the audit log says so")
    func withoutPKCE() async throws {
        let broker = try TestBroker(profile: #""departures": ["no_pkce"]"#)
        let began = try await broker.begin(try await broker.newConnection(), browser)
        #expect(began.query["code_challenge"] == nil)
        #expect(broker.audit.events.last { $0.action == .consentStart }?.reason == "no_pkce")
    }

    @Test("State and verifier are nowhere in the store in the clear")
    func storedSealed() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        let hash = sha256(Array(began.state.utf8))
        let pending = try #require(try await broker.store.takePending(hash))
        var text = ""
        dump(pending, to: &text)
        #expect(!text.contains(began.state))
        #expect(pending.stateHash == hash)
        #expect(pending.browserHash == sha256(Array(browser.name.utf8)))
        let verifier = try #require(try broker.sealing.verifier(of: pending))
        #expect(PKCE.challenge(for: verifier) == began.query["code_challenge"])
        #expect(!text.contains(verifier.reveal()))
    }

    @Test("I28: a consent that the audit log cannot note does not begin")
    func auditFails() async throws {
        let link = try await broker.newConnection()
        broker.audit.fail(with: AuditFailure("The disk is full."))
        #expect(try await broker.startFailure(link, browser).code == .unavailable)
    }
}
