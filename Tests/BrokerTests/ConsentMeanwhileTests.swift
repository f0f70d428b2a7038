import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

/// What happens to the connection, the store and the metadata while the owner is away.
struct ConsentMeanwhileTests {
    private let broker: TestBroker
    private let browser = Browser()

    init() throws {
        broker = try TestBroker(returns: ["https://app.example/done"])
    }

    @Test("A connection deleted meanwhile stays deleted; nothing is exchanged")
    func deletedBefore() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(try await broker.refused(began.answer, browser).code == .unknownState)
        #expect(broker.exchange.requests.isEmpty)
    }

    @Test("R21: a connection deleted during the exchange stays deleted, and what came is revoked")
    func deletedDuring() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate) { $0.url.path == "/token" }
        broker.exchange.expect(.json("")) { $0.url.path == "/revoke" }
        async let failure = broker.refused(began.answer, browser)
        try await broker.exchange.requests(reach: 1)
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        gate.open()
        #expect(try await failure.code == .connectionGone)
        #expect(try await broker.store.connection(TestBroker.connection) == nil)
        #expect(try Parameters(formURLEncoded: broker.exchange.requests[1].body)["token"] == "refresh-2")
    }

    @Test("A disabled connection is not consented to")
    func disabled() async throws {
        let link = try await broker.newConnection()
        _ = try await broker.core.connections.setDisabled(true, TestBroker.connection, by: broker.admin)
        #expect(try await broker.startFailure(link, browser).code == .misconfigured)
    }

    @Test("Consent under the same ID is the next version; what asked for it, and what failed before, is over")
    func reconnect() async throws {
        try await broker.addConnected { stored in
            stored.grant.reauthorization = .revoked
            stored.grant.failure = RefreshFailure(
                since: broker.clock.now, reason: "x", attempts: 3, retryAt: broker.clock.now + .seconds(900))
        }
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.reason == "revoked")
        let link = try await broker.reconnect()
        #expect(try await broker.core.consent.page(ticket: link.ticket, browser: "b").isReconnect)
        let began = try await broker.begin(link, browser)
        broker.exchange.expect(.token())
        _ = await broker.finish(began, browser)
        let stored = try await broker.stored()
        #expect(stored.grant.version == 2)
        #expect(stored.grant.reauthorization == nil)
        #expect(stored.grant.failure == nil)
        #expect(stored.status(at: broker.clock.now) == .active)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test("A credential in memory gives way to the one that was consented to")
    func replacesCached() async throws {
        try await broker.addConnected()
        #expect(try await broker.read().text("access_token") == "access-1")
        let began = try await broker.begin(try await broker.reconnect(), browser)
        broker.exchange.expect(.token())
        _ = await broker.finish(began, browser)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test("A consent that lost to a refresh meanwhile goes in over it")
    func consentAfterRefresh() async throws {
        try await broker.addConnected()
        let began = try await broker.begin(try await broker.reconnect(), browser)
        let gate = Gate()
        broker.exchange.expect(.token("consented", refresh: "new"), heldBy: gate)
        async let outcome = broker.finish(began, browser)
        try await broker.exchange.requests(reach: 1)
        broker.exchange.expect(.token("refreshed"))
        try await broker.fly()
        gate.open()
        _ = await outcome
        #expect(try await broker.stored().grant.version == 3)
        #expect(try await broker.accessToken() == "consented")
        #expect(try await broker.refreshToken() == "new")
    }

    @Test("A grant that is stored stands although the audit log broke meanwhile; its secret is withheld")
    func auditBreaksMeanwhile() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        broker.audit.fail(with: AuditFailure("The disk is full."))
        guard case .connected = await broker.finish(began, browser) else { return #expect(Bool(false)) }
        #expect(try await failure { () throws(BrokerError) in try await broker.read() }.code == .auditUnavailable)
        broker.audit.fail(with: nil)
        #expect(try await broker.read().text("access_token") == "access-2")
    }

    @Test(
        "A store that cannot take the grant, beside a spool that cannot either, changes nothing and says so",
        arguments: [MemoryStore.Call.takePending, .commit])
    func storeFails(call: MemoryStore.Call) async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token(), times: nil)
        broker.store.failNext(call, times: 6)
        broker.spool.fail(with: StoreFailure(.notWritable, "The disk is full."))
        async let failure = broker.refused(began.answer, browser)
        if call == .commit { try await wait(for: [250, 500, 1000, 2000, 4000]) }
        #expect(try await failure.code == .unavailable)
        #expect(try await broker.stored().grant.version == 0)
    }

    /// Lets so many pauses pass, each when somebody waits for its end.
    private func wait(for pauses: [Int]) async throws {
        for pause in pauses {
            try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(pause))
            broker.clock.advance(by: .milliseconds(pause))
        }
    }

    @Test("R8: a code is spent once, so a grant is written again while the store stumbles")
    func storeStumbles() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        broker.store.failNext(.commit, times: 2, with: StoreFailure(.busy, "another program holds the database"))
        async let outcome = broker.finish(began, browser)
        try await wait(for: [250, 500])
        guard case .connected = await outcome else { return #expect(Bool(false)) }
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.tokenRequests().count == 1)
    }

    @Test("R8: a grant that the store does not take waits in the spool, sealed, and is handed out")
    func grantWaits() async throws {
        try await consentUnwritten()
        #expect(broker.spool.records.count == 1)
        #expect(!String(decoding: broker.spool.records[0], as: UTF8.self).contains("access-2"))
        #expect(try await broker.read().text("access_token") == "access-2")
        #expect(broker.core.unwrittenCredentials == 1)
        #expect(try await broker.stored().grant.version == 0)
        let task = Task { await broker.core.refresher.unwritten.run() }
        try await broker.clock.sleepers(reach: 1)
        task.cancel()
        await task.value
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.spool.records.isEmpty)
    }

    @Test("R3: killed while a consent's grant waits: the next process writes it; the code was sent once")
    func grantReplayed() async throws {
        try await consentUnwritten()
        try await broker.restart().prepare()
        #expect(try await broker.refreshToken() == "refresh-2")
        #expect(broker.spool.records.isEmpty)
        #expect(broker.tokenRequests().count == 1)
    }

    @Test("R8: a store that came back within the eight seconds leaves nothing in the spool")
    func spoolIsFreed() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        broker.store.failNext(.commit, times: 1)
        async let outcome = broker.finish(began, browser)
        try await broker.clock.sleepers(reach: 1)
        #expect(broker.spool.records.count == 1)
        try await wait(for: [250])
        guard case .connected = await outcome else { return #expect(Bool(false)) }
        #expect(broker.spool.records.isEmpty)
    }

    @Test(
        "R8: of a consent and a refresh that both wait, the consent stands, whichever came first",
        arguments: [true, false])
    func consentBesideRefresh(isFirst: Bool) async throws {
        try await broker.addConnected(left: .seconds(3600))
        let stored = try await broker.stored()
        func waiting(_ token: String, isConsent: Bool) throws -> UnwrittenGrant {
            var grant = stored.grant
            grant.version += 1
            grant.account = token
            return UnwrittenGrant(key: stored.key, replaced: 1, grant: grant, isConsent: isConsent)
        }
        let unwritten = await broker.core.refresher.unwritten
        for (name, isConsent) in isFirst
            ? [("consent", true), ("refresh", false)] : [("refresh", false), ("consent", true)]
        {
            let made = try waiting(name, isConsent: isConsent)
            _ = await unwritten.hold(made, over: stored, place: unwritten.spooled(made))
        }
        #expect(await unwritten.credential(of: stored.id)?.grant.account == "consent")
        #expect(broker.spool.records.count == 1, "the other's place is free")
        try await broker.restart().prepare()
        #expect(try await broker.stored().grant.account == "consent")
    }

    @Test("What waiting does not mend waits at once; without a spool it is told at once")
    func storeDamaged() async throws {
        for isSpooled in [true, false] {
            let broker = try TestBroker()
            let began = try await broker.begin(try await broker.newConnection(), browser)
            broker.exchange.expect(.token())
            broker.store.failNext(.commit, times: 1, with: StoreFailure(.damaged, "a page is torn"))
            if isSpooled {
                guard case .connected = await broker.finish(began, browser) else { return #expect(Bool(false)) }
            } else {
                broker.spool.fail(with: StoreFailure(.notWritable, "The disk is full."))
                #expect(try await broker.refused(began.answer, browser).code == .unavailable)
            }
        }
    }

    /// Consents while the store takes no grant.
    private func consentUnwritten() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        broker.exchange.expect(.token())
        broker.store.failNext(.commit, times: 6)
        async let outcome = broker.finish(began, browser)
        try await wait(for: [250, 500, 1000, 2000, 4000])
        guard case .connected = await outcome else { return #expect(Bool(false)) }
    }

    @Test("R21: a connection that was deleted and made anew gets nothing that was on its way for the old one")
    func madeAnew() async throws {
        let began = try await broker.begin(try await broker.newConnection(), browser)
        let gate = Gate()
        broker.exchange.expect(.token(), heldBy: gate) { $0.url.path == "/token" }
        broker.exchange.expect(.json("")) { $0.url.path == "/revoke" }
        async let failure = broker.refused(began.answer, browser)
        try await broker.exchange.requests(reach: 1)
        try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        broker.clock.advance(by: .milliseconds(1))
        try await broker.newConnection { $0.owner = "somebody else" }
        gate.open()
        #expect(try await failure.code == .connectionGone)
        let stored = try await broker.stored()
        #expect(stored.grant.version == 0 && stored.connection.owner == "somebody else")
        #expect(broker.exchange.requests.last?.url.path == "/revoke", "its tokens are given back")
    }

    @Test("F9: discovered metadata that does not speak of S256 changes nothing: challenge and verifier are sent")
    func noDowngrade() async throws {
        try await broker.addClient(provider: "oauth2", fields: ["issuer": "https://idp.example"])
        broker.exchange.expect(
            .json(
                """
                {"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/a",
                 "token_endpoint":"https://idp.example/token","code_challenge_methods_supported":["plain"]}
                """))
        let began = try await broker.begin(try await broker.newConnection { $0.provider = "oauth2" }, browser)
        #expect(began.query["code_challenge_method"] == "S256")
        broker.exchange.expect(.token())
        _ = await broker.finish(began, browser)
        #expect(broker.tokenRequests().first?["code_verifier"] != nil)
        broker.exchange.verifyAllUsed()
    }

    @Test("F20: metadata of another issuer is not used")
    func issuerMismatch() async throws {
        try await broker.addClient(provider: "oauth2", fields: ["issuer": "https://idp.example"])
        broker.exchange.expect(
            .json(
                """
                {"issuer":"https://evil.example","authorization_endpoint":"https://evil.example/a",
                 "token_endpoint":"https://evil.example/token"}
                """), times: nil)
        let link = try await broker.newConnection { $0.provider = "oauth2" }
        #expect(try await broker.startFailure(link, browser).code == .misconfigured)
    }
}
