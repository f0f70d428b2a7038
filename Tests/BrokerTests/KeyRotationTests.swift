import BrokerTesting
import OAuth
import Sealing
import Testing

@testable import Broker

/// New data keys and new master keys while everything goes on (security case S8).
@Suite("Changing the keys", .timeLimit(.minutes(1)))
struct KeyRotationTests {
    private let broker: TestBroker

    init() throws {
        broker = try TestBroker()
    }

    // MARK: What is sealed

    /// A box in every place that holds any, more connections than fit into one transaction.
    private func fill(connections: Int = 120) async throws {
        _ = try await broker.store.insert(broker.storedRing)
        for number in 0..<connections {
            let id = try #require(ConnectionID("c\(number)"))
            try await broker.addConnected(id, refreshToken: "refresh-\(number)") { stored in
                stored.grant.proofKey = try? broker.sealing.seal(proofKey: [1, 2, 3], for: id, version: 1)
                stored.grant.subject = try? broker.sealing.seal(
                    subject: SubjectToken(token: Secret("subject"), type: "jwt"), for: id, version: 1)
            }
        }
        let id = try #require(ConnectionID("c0"))
        let (sealing, end) = (broker.sealing, broker.clock.now + .seconds(600))
        let hash = [UInt8](repeating: 7, count: 32)
        try await broker.store.insert(
            PendingAuthorization(
                stateHash: hash, connection: id, client: TestBroker.client, browserHash: hash,
                verifier: try sealing.seal(verifier: Secret("verifier"), stateHash: hash),
                proofKey: try sealing.seal(proofKey: [4], stateHash: hash), scopes: [], returnTo: nil,
                ticketHash: hash, expiresAt: end))
        try await broker.store.insert(
            HeldGrant(
                hash: hash, connection: id, browserHash: hash,
                box: try sealing.seal([5], as: .heldGrant, record: hash.hexadecimal), returnTo: nil, expiresAt: end))
        try await broker.store.insert(
            DeviceConsent(
                connection: id, id: "d", box: try sealing.seal([6], as: .deviceConsent, record: "d"), userCode: "u",
                verificationURI: "https://as.example/d", verificationURIComplete: nil, scopes: [], interval: 5,
                pollAt: end, expiresAt: end))
        try await broker.store.insert(
            OwedRevocation(
                id: "o", connection: id, provider: "acme", client: TestBroker.client, fields: [:], version: 3,
                credential: nil, refresh: try sealing.seal(refreshToken: Secret("owed"), for: id, version: 3),
                retryAt: end, createdAt: end))
        var keyed = ConnectionRequest()
        keyed.id = ConnectionID("keyed")
        keyed.provider = "api-key"
        keyed.secret = .apiKey(Secret("older"))
        _ = try await broker.core.connections.create(keyed, by: broker.admin)
        _ = try await broker.core.connections.setSecret(
            SecretChange(.apiKey(Secret("newer"))), of: try #require(ConnectionID("keyed")), by: broker.admin)
        _ = try await broker.core.webhooks.add(
            WebhookID("ops"), url: "https://ops.example/", events: [], secret: nil, by: broker.admin)
    }

    /// Everything that is sealed, opened the way that those who use it open it.
    private func contents(_ sealing: GrantSealing) async throws -> [String] {
        var found: [String] = []
        let hash = [UInt8](repeating: 7, count: 32)
        for number in 0..<120 {
            guard let stored = try await broker.store.connection(try #require(ConnectionID("c\(number)"))) else {
                break
            }
            found.append(try #require(try sealing.material(of: stored)).principalSecret.reveal())
            found.append(try #require(try sealing.refreshToken(of: stored)).reveal())
            found.append("\(try #require(try sealing.proofKey(id: stored.id, grant: stored.grant)))")
            found.append(try #require(try sealing.subject(id: stored.id, grant: stored.grant)).token.reveal())
        }
        for row in try await broker.store.sealedRows(in: .pendingAuthorization, after: nil, limit: 10) {
            let pending = PendingAuthorization(
                stateHash: row.name.bytes, connection: try #require(ConnectionID("c0")), client: TestBroker.client,
                browserHash: hash, verifier: row.boxes[.verifier], proofKey: row.boxes[.proofKey], scopes: [],
                returnTo: nil, ticketHash: hash, expiresAt: broker.clock.now)
            found.append(try #require(try sealing.verifier(of: pending)).reveal())
            found.append("\(try #require(try sealing.proofKey(of: pending)))")
        }
        for row in try await broker.store.sealedRows(in: .heldGrant, after: nil, limit: 10) {
            found.append(
                "\(try sealing.payload(try #require(row.boxes[.payload]), of: .heldGrant, record: row.record))")
        }
        for row in try await broker.store.sealedRows(in: .deviceConsent, after: nil, limit: 10) {
            let box = try #require(row.boxes[.payload])
            found.append("\(try sealing.payload(box, of: .deviceConsent, record: row.record))")
        }
        for owed in try await broker.store.revocationsDue(at: broker.clock.now + .seconds(9000), limit: 10) {
            let grant = Grant(version: owed.version, refresh: owed.refresh)
            found.append(try #require(try sealing.refreshToken(id: owed.connection, grant: grant)).reveal())
        }
        for client in try await broker.store.clients() {
            found += try client.secrets.map { try sealing.clientSecret($0, of: client.id).reveal() }
        }
        for webhook in try await broker.store.webhooks() {
            found += try webhook.secrets.map { "\(try sealing.webhookKey($0, of: webhook.id))" }
        }
        let keyed = try #require(ConnectionID("keyed"))
        for version in try await broker.store.secretVersions(of: keyed) where version.box != nil {
            found.append(try #require(try sealing.material(of: keyed, version)).principalSecret.reveal())
        }
        let installation = try #require(try await broker.store.installationKey())
        found.append(try sealing.installationKey(installation).hexadecimal)
        return found
    }

    private func terms() async throws -> Set<UInt32> {
        Set(try await broker.store.sealedCounts().values.flatMap(\.keys))
    }

    /// Lets the worker go on until it rests, as a verb without a service does.
    private func finish(_ core: BrokerCore) async throws {
        let work = Task { await core.keys.run(isForOneVerb: true) }
        while await !core.keys.isAtRest { await Task.yield() }
        work.cancel()
        await work.value
    }

    // MARK: The data key

    @Test("everything that is sealed comes under the new data key, and the old one goes")
    func rotates() async throws {
        try await fill()
        let before = try await contents(broker.sealing)
        #expect(before.count == 120 * 4 + 9)
        let progress = try await broker.core.keys.rotate(by: broker.admin)
        #expect(progress.activeTerm == 2 && progress.state == .resealing)
        try await finish(broker.core)
        #expect(try await terms() == [2])
        let status = try await broker.core.keys.status()
        #expect(status.keys.map(\.term) == [2] && status.progress.state == .idle)
        #expect(status.keys[0].boxes.keys.count == SealedPlace.allCases.count, "every place was walked")
        #expect(try await contents(try await broker.reopened().sealing) == before)
        #expect(
            broker.audit.events.map(\.action).suffix(3) == [.keysRotate, .keysReseal, .keysRemove])
        #expect(broker.audit.events.suffix(3).map(\.subject) == ["2", "2", "1"])
        #expect(try await broker.core.keys.rotate(by: broker.admin).activeTerm == 3, "and again")
        try await finish(broker.core)
        #expect(try await contents(try await broker.reopened().sealing) == before)
    }

    @Test("S8: killed after any step, everything is readable, and the next process goes on")
    func killedAnywhere() async throws {
        try await fill()
        let before = try await contents(broker.sealing)
        _ = try await broker.core.keys.rotate(by: broker.admin)
        // The first process lives for one step, the next for two, and so on; nobody says good-bye.
        for steps in 1..<100 {
            let (core, sealing) = try await broker.reopened()
            #expect(try await contents(sealing) == before, "at the start of process \(steps)")
            await core.keys.waitForNothing()
            for _ in 0..<steps where await !core.keys.isAtRest { try await core.keys.advance() }
            #expect(try await contents(try await broker.reopened().sealing) == before, "after \(steps) steps")
            if await core.keys.isAtRest { break }
        }
        #expect(try await terms() == [2])
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.term) == [2])
    }

    @Test(
        "S8: a store that refuses any call of it stops nothing for good, and nothing becomes unreadable",
        arguments: [MemoryStore.Call.keyRing, .addDataKey, .sealedRows, .replaceBoxes, .sealedCounts, .removeDataKey])
    func refusing(_ call: MemoryStore.Call) async throws {
        try await fill()
        let before = try await contents(broker.sealing)
        for times in 1...2 {
            broker.store.failNext(call, times: times, with: StoreFailure(.busy, "another program"))
            while true {
                do {
                    _ = try await broker.core.keys.rotate(by: broker.admin)
                    break
                } catch { #expect(error.code == .storeUnavailable) }
            }
            let work = Task { await broker.core.keys.run(isForOneVerb: true) }
            while await !broker.core.keys.isAtRest {
                broker.clock.advance(by: KeyRotator.retryPause)
                await Task.yield()
            }
            work.cancel()
            await work.value
            #expect(try await contents(try await broker.reopened().sealing) == before)
        }
        #expect(try await terms().count == 1)
    }

    @Test("a new data key that was stored but not yet used is found by the next rotation")
    func storedButUnused() async throws {
        try await fill(connections: 1)
        let (_, new) = try KeyRing.open(
            broker.storedRing.dataKeys, keyCheck: broker.storedRing.checkValue, masterKey: broker.masterKey.key
        ).addingTerm(masterKey: broker.masterKey.key)
        #expect(try await broker.store.addDataKey(new, retiring: 1))
        #expect(try await broker.core.keys.rotate(by: broker.admin).activeTerm == 3)
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.state) == [.retired, .retired, .active])
    }

    @Test("what was read before the rotation and is written back after it holds the old key back")
    func writtenBack() async throws {
        try await fill(connections: 2)
        let late = try await broker.stored(try #require(ConnectionID("c1")))
        _ = try await broker.core.keys.rotate(by: broker.admin)
        let work = Task { await broker.core.keys.run() }
        // Every row is done, and the worker waits.
        try await broker.clock.sleeper(until: broker.clock.now + KeyRotator.tick)
        #expect(try await terms() == [2])
        let progress = await broker.core.keys.progress
        #expect(progress.state == .waiting)
        let row = try #require(
            try await broker.store.sealedRows(in: .connection, after: nil, limit: 9).first { $0.record == "c1" })
        let boxes: [SealColumn: SealedBox?] = [
            .credential: late.grant.credential, .refresh: late.grant.refresh, .proofKey: late.grant.proofKey,
            .subject: late.grant.subject,
        ]
        #expect(
            try await broker.store.replaceBoxes([SealedChange(row: row, boxes: boxes.compactMapValues { $0 })]) == 1)
        while await !broker.core.keys.isAtRest {
            broker.clock.advance(by: KeyRotator.tick)
            await Task.yield()
        }
        work.cancel()
        await work.value
        #expect(try await terms() == [2])
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.term) == [2])
        #expect(try await contents(try await broker.reopened().sealing).contains("refresh-1"))
    }

    @Test("what waits in the spool keeps the old key, and is written with it by the next process")
    func spooled() async throws {
        _ = try await broker.store.insert(broker.storedRing)
        try await broker.addExpired()
        broker.store.failNext(.commit, times: 6, with: StoreFailure(.notWritable, "The disk is full."))
        broker.exchange.expect(.token())
        async let flight = broker.fly()
        for pause in [250, 500, 1000, 2000, 4000] {
            try await broker.clock.sleeper(until: broker.clock.now + .milliseconds(pause))
            broker.clock.advance(by: .milliseconds(pause))
        }
        guard case .unwritten = try await flight else { return #expect(Bool(false)) }
        _ = try await broker.core.keys.rotate(by: broker.admin)
        try await finish(broker.core)
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.term) == [1, 2], "the spool needs it")
        let (next, sealing) = try await broker.reopened()
        try await next.prepare()
        #expect(try sealing.refreshToken(of: try await broker.stored())?.reveal() == "refresh-2")
        try await finish(next)
        #expect(try await broker.store.keyRing()?.dataKeys.map(\.term) == [2])
        let last = try await broker.reopened().sealing
        #expect(try last.refreshToken(of: try await broker.stored())?.reveal() == "refresh-2")
    }

    @Test("S1: a box that does not open stays with its key, and everything else goes on")
    func damaged() async throws {
        try await fill(connections: 2)
        let row = try #require(try await broker.store.sealedRows(in: .connection, after: nil, limit: 1).first)
        var bytes = try #require(row.boxes[.refresh]).bytes
        bytes[90] ^= 1
        var boxes = row.boxes
        boxes[.refresh] = try SealedBox(bytes)
        _ = try await broker.store.replaceBoxes([SealedChange(row: row, boxes: boxes)])
        _ = try await broker.core.keys.rotate(by: broker.admin)
        try await finish(broker.core)
        let status = try await broker.core.keys.status()
        #expect(status.progress.state == .blocked)
        #expect(status.keys.first { $0.term == 1 }?.boxes == [.connection: row.boxes.count])
        #expect(broker.log.lines.contains { $0.contains("c0") })
        #expect(
            try await broker.reopened().sealing.refreshToken(of: try await broker.stored(ConnectionID("c1")!)) != nil)
    }

    @Test("while one rotation is under way another adds no key")
    func twice() async throws {
        try await fill(connections: 1)
        #expect(try await broker.core.keys.rotate(by: broker.admin).activeTerm == 2)
        #expect(try await broker.core.keys.rotate(by: broker.admin).activeTerm == 2)
        #expect(try await broker.store.keyRing()?.dataKeys.count == 2)
    }

    @Test("a rotation that begins while the last one's key is still kept does not wait for it")
    func beginsAnew() async throws {
        try await fill(connections: 1)
        _ = try await broker.core.keys.rotate(by: broker.admin)
        let work = Task { await broker.core.keys.run() }
        try await broker.clock.sleeper(until: broker.clock.now + KeyRotator.tick)
        #expect(try await broker.core.keys.rotate(by: broker.admin).activeTerm == 3)
        while try await terms() != [3] { await Task.yield() }
        work.cancel()
        await work.value
    }

    @Test("without an audit log no key is made")
    func unaudited() async throws {
        try await fill(connections: 1)
        broker.audit.fail(with: AuditFailure("full"))
        let error = try await failure { () throws(BrokerError) in try await broker.core.keys.rotate(by: broker.admin) }
        #expect(error.code == .auditUnavailable)
        #expect(try await broker.store.keyRing()?.dataKeys.count == 1)
    }

    // MARK: The master key

    @Test("S8: a new master key wraps every data key; before and after, one of the two configured ones opens them")
    func rewraps() async throws {
        try await fill(connections: 1)
        let before = try await contents(broker.sealing)
        let new = FixedMasterKey(key: try MasterKey(.random(32)))
        let both = MasterKeys(current: new, previous: broker.masterKey)
        let (core, _) = try await broker.reopened(with: both)
        _ = try await core.keys.rotate(by: broker.admin)
        #expect(try await core.keys.status().isRewrapDue)
        let names = try await core.keys.rewrap(by: broker.admin)
        #expect(names.old == broker.masterKey.key.id && names.new == new.key.id)
        #expect(try await !core.keys.status().isRewrapDue)
        for masterKeys in [both, MasterKeys(current: new)] {
            let (_, sealing) = try await broker.reopened(with: masterKeys)
            #expect(try await contents(sealing) == before)
        }
        await #expect(throws: SealingError(.wrongMasterKey, "")) { try await broker.reopened() }
        try await finish(core)
        #expect(try await contents(try await broker.reopened(with: both).sealing) == before)
        #expect(broker.audit.events.last { $0.action == .keysRewrap }?.subject == new.key.id)
    }

    @Test("with one master key configured there is nothing to wrap anew")
    func nothingToRewrap() async throws {
        try await fill(connections: 1)
        let error = try await failure { () throws(BrokerError) in try await broker.core.keys.rewrap(by: broker.admin) }
        #expect(error.code == .conflict)
    }

    @Test("S6: a source that gives another key the second time wraps nothing")
    func fickle() async throws {
        struct Fickle: MasterKeySource {
            func masterKey() async throws(SealingError) -> MasterKey { try MasterKey(.random(32)) }
        }
        try await fill(connections: 1)
        let both = MasterKeys(current: Fickle(), previous: broker.masterKey)
        let (core, _) = try await broker.reopened(with: both)
        let error = try await failure { () throws(BrokerError) in try await core.keys.rewrap(by: broker.admin) }
        #expect(error.code == .masterKeyUnavailable)
        #expect(try await broker.store.keyRing()?.checkValue == broker.storedRing.checkValue)
        _ = try await broker.reopened()
    }
}
