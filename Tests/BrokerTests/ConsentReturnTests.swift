import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

/// What the browser brings back to the redirection endpoint.
struct ConsentReturnTests {
    private let broker: TestBroker
    private let browser = Browser()

    init() throws {
        broker = try TestBroker(returns: ["https://app.example/done"])
    }

    @Test("A consent ends with a sealed grant of version 1, and its link is used up")
    func finished() async throws {
        let link = try await broker.newConnection()
        let began = try await broker.begin(link, browser)
        broker.exchange.expect(.token("access-1", refresh: "refresh-1", scope: "basic"))
        let outcome = await broker.finish(began, browser)
        #expect(outcome == .connected(TestBroker.connection, providerTitle: "Acme", returnTo: nil))
        let stored = try await broker.stored()
        #expect(stored.grant.version == 1)
        #expect(try await broker.accessToken() == "access-1")
        #expect(try await broker.refreshToken() == "refresh-1")
        #expect(stored.grant.scopes == ["basic"])
        #expect(stored.status(at: broker.clock.now) == .active)
        #expect(try await broker.startFailure(link, browser).code == .unknownTicket)
        #expect(broker.audit.events.last?.action == .consentFinish)
        #expect(broker.audit.events.last?.version == 1)
    }

    @Test(
        "F1: a state that is missing, unknown or forged is refused without a token call",
        arguments: [nil, "", "forged", String(repeating: "s", count: 600)])
    func unknownState(state: String?) async throws {
        _ = try await broker.begin(try await broker.newConnection(), browser)
        var parameters = Parameters([("code", "code-1")])
        if let state { parameters.append("state", state) }
        let failure = try await broker.refused(parameters, browser)
        #expect(failure.code == .unknownState)
        #expect(broker.exchange.requests.isEmpty)
        #expect(broker.audit.events.last?.result == "unknown_state")
    }

    @Test("F2: of two that come with the same state at once, one is exchanged")
    func replayed() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        let outcomes = await withTaskGroup(of: ConsentOutcome.self) { group in
            for _ in 0..<20 { group.addTask { [broker, browser] in await broker.finish(began, browser) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let connected = outcomes.filter { if case .connected = $0 { true } else { false } }
        #expect(connected.count == 1)
        #expect(broker.exchange.requests.count == 1)
    }

    @Test("F3: a state older than ten minutes is refused, and gone")
    func expiredState() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.clock.advance(by: .seconds(600))
        #expect(try await broker.refused(began.answer, browser).code == .expiredState)
        #expect(try await broker.refused(began.answer, browser).code == .unknownState)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test(
        "F4: a return in another browser, or in one without a name, is refused before the exchange",
        arguments: [nil, "", "another"])
    func otherBrowser(name: String?) async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        let outcome = await broker.core.consent.finish(
            client: TestBroker.client, parameters: began.answer, browser: name)
        guard case .failed(let failure, _) = outcome else { return #expect(Bool(false)) }
        #expect(failure.code == .wrongBrowser)
        #expect(broker.exchange.requests.isEmpty)
        #expect(try await broker.stored().grant.version == 0)
    }

    @Test("F6: two tabs are two transactions, each with its own end")
    func tabs() async throws {
        let link = try await broker.newConnection()
        let first = try await broker.begin(link, browser)
        let second = try await broker.begin(link, browser)
        broker.exchange.expect(.token("access-1"))
        _ = await broker.finish(second, browser)
        // Back, and the callback's page once more:
        #expect(try await broker.refused(second.answer, browser).code == .unknownState)
        broker.exchange.expect(.token("access-2"))
        guard case .connected = await broker.finish(first, browser) else { return #expect(Bool(false)) }
        #expect(try await broker.stored().grant.version == 2)
        #expect(broker.exchange.requests.count == 2)
    }

    @Test(
        "F10: another issuer, or none where one was promised, is refused without a token call",
        arguments: [nil, "https://evil.example", "https://as.example/"])
    func issuer(iss: String?) async throws {
        let broker = try TestBroker(profile: "#iss")
        let began = try await broker.begin(try await broker.newConnection(), browser)
        var answer = began.answer
        if let iss { answer.append("iss", iss) }
        #expect(try await broker.refused(answer, browser).code == .invalidResponse)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("F10: the right issuer goes through")
    func rightIssuer() async throws {
        let broker = try TestBroker(profile: "#iss")
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        var answer = began.answer
        answer.append("iss", "https://as.example")
        guard
            case .connected = await broker.core.consent.finish(
                client: TestBroker.client, parameters: answer, browser: browser.name)
        else { return #expect(Bool(false)) }
    }

    @Test("F11: an answer at another client's redirect URI is refused")
    func otherClient() async throws {
        try await broker.addClient(.init("other")!)
        let began = try await broker.begin(try await broker.newConnection { $0.client = TestBroker.client }, browser)
        let outcome = await broker.core.consent.finish(
            client: .init("other")!, parameters: began.answer, browser: browser.name)
        guard case .failed(let failure, _) = outcome else { return #expect(Bool(false)) }
        #expect(failure.code == .unknownState)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("F12: an error answer leaves the connection as it was")
    func forgedError() async throws {
        let before = try await broker.addConnected()
        let began = try await broker.begin(try await broker.reconnect(), browser)
        let failure = try await broker.refused(
            Parameters([("state", began.state), ("error", "access_denied")]), browser)
        #expect(failure.code == .refused)
        #expect(failure.providerError == "access_denied")
        #expect(try await broker.stored() == before)
        #expect(broker.audit.events.last?.reason == "access_denied")
        #expect(
            broker.log.lines.contains { $0.contains("A provider refused a consent") && $0.contains("access_denied") })
    }

    @Test("N21: the provider's words are cut and cleaned")
    func errorDescription() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        let description = "\u{1B}[31mred\r\n<b>" + String(repeating: "x", count: 5000)
        let failure = try await broker.refused(
            Parameters([("state", began.state), ("error", "access_denied"), ("error_description", description)]),
            browser)
        #expect(failure.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        #expect(failure.detail.contains("red  <b>"))
        #expect(failure.detail.count < 500)
    }

    @Test("N21: words that repeat what was sent are left out", arguments: ["code-1", "client-secret"])
    func errorRepeatsSecret(secret: String) async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.json(#"{"error":"invalid_grant","error_description":"bad \#(secret)!"}"#, status: 400))
        let failure = try await broker.refused(began.answer, browser)
        #expect(failure.code == .refused)
        #expect(!failure.detail.contains(secret))
    }

    @Test(
        "F13, F14: a code is sent once, whatever comes back",
        arguments: [
            ScriptedExchange.Outcome.timeout, .body("<html>Sorry", type: "text/html"), .json("{}", status: 503),
            .error("invalid_client", status: 401), .error("invalid_grant"), .json("[]"),
        ])
    func sentOnce(answer: ScriptedExchange.Outcome) async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(answer)
        let failure = try await broker.refused(began.answer, browser)
        #expect([.providerUnavailable, .refused].contains(failure.code))
        #expect(!failure.detail.contains("Sorry"))
        #expect(try await broker.refused(began.answer, browser).code == .unknownState)
        #expect(broker.exchange.requests.count == 1)
        #expect(try await broker.stored().grant.version == 0)
    }

    @Test("F14: the link still works after an exchange that failed")
    func startsAgain() async throws {
        let link = try await broker.newConnection()
        let first = try await broker.begin(link, browser)
        broker.exchange.expect(.timeout)
        _ = await broker.finish(first, browser)
        let second = try await broker.begin(link, browser)
        broker.exchange.expect(.token())
        guard case .connected = await broker.finish(second, browser) else { return #expect(Bool(false)) }
    }

    @Test("F17: a parameter that comes twice is refused", arguments: ["state", "code", "iss", "error"])
    func duplicate(name: String) async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        var answer = began.answer
        for _ in 0..<2 { answer.append(name, answer[name] ?? "https://as.example") }
        let failure = try await broker.refused(answer, browser)
        #expect(failure.code == (name == "state" ? .unknownState : .invalidResponse))
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test(
        "F18: what was granted is stored, and narrower than asked is flagged",
        arguments: [
            ("read", ["read"], "narrower_scope"), ("write read more", ["write", "read", "more"], nil),
            (nil, ["read", "write"], nil),
        ])
    func grantedScopes(said: String?, kept: [String], reason: String?) async throws {
        let began = try await broker.begin(try await broker.newConnection { $0.scopes = ["read", "write"] }, browser)
        broker.exchange.expect(.token(scope: said))
        _ = await broker.finish(began, browser)
        #expect(try await broker.stored().grant.scopes == kept)
        #expect(broker.audit.events.last?.reason == reason)
    }
}
