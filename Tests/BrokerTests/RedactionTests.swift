import BrokerTesting
import OAuth
import Testing

@testable import Broker

/// I9: a canary goes through every door, and nothing that is printed, logged, noted or thrown shows it.
struct RedactionTests {
    private static let canary = "CANARY7f3a"

    private func shows(_ value: Any) -> Bool {
        var dumped = ""
        dump(value, to: &dumped)
        return [dumped, String(describing: value), String(reflecting: value)].contains { $0.contains(Self.canary) }
    }

    @Test("Nothing that carries a secret prints it")
    func printed() async throws {
        let broker = try TestBroker()
        let secret = Secret(Self.canary)
        var request = ConnectionRequest()
        request.id = .init("key")
        request.provider = "api-key"
        request.secret = .apiKey(secret)
        #expect(!shows(request))
        #expect(!shows(SecretValue.basic(username: "u", password: secret)))
        #expect(!shows(CredentialMaterial.oauth2(accessToken: secret, tokenType: "Bearer")))
        #expect(!shows(CredentialMaterial.apiKey(secret)))
        #expect(!shows(try await broker.core.connections.create(request, by: broker.admin)))
        #expect(!shows(try await broker.addClient(secret: secret)))
        #expect(!shows(try await broker.addConnected(refreshToken: Self.canary)))
        let (caller, key) = try await broker.core.callers.add(
            .init("bot"), role: .runtime, connections: [], labels: [:], by: broker.admin)
        var dumped = ""
        dump(caller, to: &dumped)
        #expect(!dumped.contains(key))
        let entry = try await broker.core.credentials.current(.init("key")!, for: broker.admin, minTTL: nil)
        #expect(!shows(entry))
        #expect(!shows(broker.core))
        let response = TokenResponse(accessToken: secret, refreshToken: secret, idToken: secret)
        let machine = Refresher.StateMachine.Action.commit(response, over: try await broker.stored())
        #expect(!shows(machine))
    }

    /// What was written and thrown during one test.
    private func check(_ broker: TestBroker, errors: [Any], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!broker.log.lines.contains { $0.contains(Self.canary) }, sourceLocation: sourceLocation)
        #expect(!broker.audit.events.isEmpty, sourceLocation: sourceLocation)
        for event in broker.audit.events { #expect(!shows(event), sourceLocation: sourceLocation) }
        for error in errors { #expect(!shows(error), sourceLocation: sourceLocation) }
    }

    private static let answers: [ScriptedExchange.Outcome] = [
        .token(canary + "-a", refresh: canary + "-r"),
        .json(#"{"access_token":"\#(canary)","token_type":"mac"}"#),
        .json(#"{"access_token":"\#(canary)\u0000"}"#),
        .json(#"{"access_token":"\#(canary)""#),
        .body("<html>\(canary)", type: "text/html"),
        .json(#"{"error":"invalid_grant","error_description":"no such token: \#(canary)"}"#, status: 400),
        .json(#"{"error":"invalid_client","error_description":"bad secret \#(canary)"}"#, status: 401),
        .json(canary, status: 503),
        .timeout,
    ]

    @Test("A refresh tells neither log nor audit nor caller what it sent or got", arguments: answers)
    func refresh(answer: ScriptedExchange.Outcome) async throws {
        let broker = try TestBroker()
        try await broker.addClient(secret: Secret(Self.canary))
        try await broker.addConnected(left: .seconds(-1), refreshToken: Self.canary)
        broker.exchange.expect(answer)
        var errors: [Any] = []
        do {
            _ = try await broker.read()
        } catch {
            errors.append(error)
        }
        errors.append(try await broker.fly(.due))
        check(broker, errors: errors)
    }

    @Test("A refresh whose commit fails to the end logs nothing of what it holds")
    func commitFails() async throws {
        let broker = try TestBroker()
        try await broker.addExpired()
        broker.store.failNext(.commit, times: 6)
        broker.exchange.expect(.token(Self.canary, refresh: Self.canary))
        async let outcome = broker.fly()
        for pause in [250, 500, 1000, 2000, 4000] {
            try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(pause))
            broker.clock.advance(by: .milliseconds(pause))
        }
        check(broker, errors: [try await outcome])
        #expect(broker.log.lines.count == 6)
    }

    @Test("A consent tells neither log nor audit nor owner a code, a state, a token or a secret", arguments: answers)
    func consent(answer: ScriptedExchange.Outcome) async throws {
        let broker = try TestBroker()
        try await broker.addClient(secret: Secret(Self.canary))
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "acme"
        let link = try #require(try await broker.core.connections.create(request, by: broker.admin).consent)
        let ticket = String(link.url.split(separator: "/").last ?? "")
        let step = try await broker.core.consent.start(ticket: ticket, browser: "browser-name", formToken: nil)
        guard case .provider(let url, _) = step else { throw BrokerError.internalError("it goes to no provider") }
        let query = try Parameters(formURLEncoded: String(url.split(separator: "?")[1]))
        let state = try #require(query["state"])
        broker.exchange.expect(answer)
        let outcome = await broker.core.consent.finish(
            client: TestBroker.client, parameters: Parameters([("code", Self.canary), ("state", state)]),
            browser: "browser-name")
        check(broker, errors: [outcome])
        for hidden in [state, ticket, "browser-name"] {
            #expect(!broker.log.lines.contains { $0.contains(hidden) })
            #expect(!broker.audit.events.contains { "\($0)".contains(hidden) })
        }
    }

    @Test("A credential is handed out without a word of it in log or audit; a box that does not open says only whose")
    func handedOut() async throws {
        let broker = try TestBroker()
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "basic"
        request.secret = .basic(username: "u", password: Secret(Self.canary))
        _ = try await broker.core.connections.create(request, by: broker.admin)
        #expect(try await broker.read().text("password") == Self.canary)
        request.id = .init("bad")
        request.secret = .basic(username: "u", password: Secret(Self.canary + "\n"))
        let refused = try await failure { () throws(BrokerError) in
            try await broker.core.connections.create(request, by: broker.admin)
        }
        check(broker, errors: [refused])
    }
}
