import BrokerTesting
import Testing

@testable import Broker

struct CallersTests {
    private let broker: TestBroker
    private var callers: Callers { broker.core.callers }

    init() throws {
        broker = try TestBroker()
    }

    private func add(
        _ id: String = "bot", role: Caller.Role = .runtime, connections: Set<ConnectionID> = [],
        labels: [String: String] = [:]
    ) async throws -> String {
        try await callers.add(.init(id), role: role, connections: connections, labels: labels, by: broker.admin).key
    }

    private func authenticate(_ key: String) -> Caller? { callers.authenticate(Array(key.utf8)) }

    @Test(
        "A key is crd_, role letter, ID, 43 random characters and a checksum",
        arguments: zip(Caller.Role.allCases, ["r", "a", "m"]))
    func format(role: Caller.Role, letter: String) async throws {
        let key = try await add(role: role)
        #expect(key.utf8.count == CallerKeyText.length)
        #expect(key.wholeMatch(of: #/crd_[ram]_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/#) != nil)
        #expect(key.hasPrefix("crd_\(letter)_"))
    }

    @Test(
        "The checksum is CRC-32",
        arguments: [("", 0), ("123456789", 0xCBF4_3926), ("a", 0xE8B7_BE43)] as [(String, UInt32)])
    func crc32(text: String, value: UInt32) {
        #expect(CallerKeyText.crc32(Array(text.utf8)) == value)
    }

    @Test("A key authenticates its caller, and only its hash is stored")
    func authenticates() async throws {
        let key = try await add()
        #expect(authenticate(key)?.id.string == "bot")
        var text = ""
        dump(try await broker.store.callers(), to: &text)
        #expect(!text.contains(key))
        #expect(!text.contains(key.dropFirst(19)))
    }

    @Test("Whoever may call is known after a restart")
    func prepared() async throws {
        let key = try await add()
        let again = Callers(
            store: broker.store, audit: broker.audit, clock: broker.clock, random: SeededRandom(seed: 9))
        #expect(again.authenticate(Array(key.utf8)) == nil)
        try await again.reload()
        #expect(again.authenticate(Array(key.utf8))?.id.string == "bot")
    }

    @Test("A key altered in any place does not authenticate")
    func altered() async throws {
        let key = Array(try await add().utf8)
        for place in key.indices {
            var other = key
            other[place] = other[place] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
            #expect(callers.authenticate(other) == nil, "place \(place)")
        }
    }

    @Test("A key cut short, made longer or empty does not authenticate")
    func truncated() async throws {
        let key = try await add()
        for count in 0..<key.count { #expect(authenticate(String(key.prefix(count))) == nil) }
        #expect(authenticate(key + "0") == nil)
        #expect(authenticate(" " + key) == nil)
    }

    @Test("A key of the right form that nobody was given does not authenticate, not even under a known ID")
    func forged() async throws {
        let key = try await add()
        let other = CallerKeyText.make(role: .runtime, from: SeededRandom(seed: 77)).key
        #expect(CallerKeyText.keyID(Array(other.utf8)) != nil)
        #expect(authenticate(other) == nil)
        // The same ID, another secret, a right checksum:
        struct Replay: RandomSource {
            let id: [UInt8]
            func bytes(_ count: Int) -> [UInt8] { Array((id + Array(repeating: 1, count: count)).prefix(count)) }
        }
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let id = key.utf8.dropFirst(6).prefix(12).compactMap { alphabet.firstIndex(of: $0) }.map { UInt8($0) }
        let twin = CallerKeyText.make(role: .runtime, from: Replay(id: id))
        #expect(twin.id == String(key.dropFirst(6).prefix(12)))
        #expect(authenticate(twin.key) == nil)
    }

    @Test("I6: a revoked key is dead at once")
    func revoked() async throws {
        let key = try await add()
        try await callers.revoke(.init("bot")!, by: broker.admin)
        #expect(authenticate(key) == nil)
        await #expect(throws: BrokerError.notFound("caller")) {
            try await callers.revoke(.init("bot")!, by: broker.admin)
        }
    }

    @Test("A rotated caller has both keys until the grace is over, then the new one")
    func rotated() async throws {
        let old = try await add()
        let new = try await callers.rotate(.init("bot")!, grace: .seconds(60), by: broker.admin)
        #expect(authenticate(old) != nil)
        #expect(authenticate(new) != nil)
        broker.clock.advance(by: .seconds(60))
        #expect(authenticate(old) == nil)
        #expect(authenticate(new) != nil)
    }

    @Test("Of two rotations at once neither is lost: a key that was to end at once ends")
    func rotatedTogether() async throws {
        let old = try await add()
        async let kept = callers.rotate(.init("bot")!, grace: .seconds(3600), by: broker.admin)
        async let ended = callers.rotate(.init("bot")!, grace: .zero, by: broker.admin)
        let keys = try await [kept, ended]
        #expect(authenticate(old) == nil)
        #expect(keys.contains { authenticate($0) != nil })
    }

    @Test("Rotation without grace ends the old key at once")
    func rotatedAtOnce() async throws {
        let old = try await add()
        _ = try await callers.rotate(.init("bot")!, grace: .zero, by: broker.admin)
        #expect(authenticate(old) == nil)
    }

    @Test("A second rotation never lengthens an old key's grace, and takes away what has run out")
    func rotatedTwice() async throws {
        let first = try await add()
        _ = try await callers.rotate(.init("bot")!, grace: .seconds(10), by: broker.admin)
        broker.clock.advance(by: .seconds(5))
        _ = try await callers.rotate(.init("bot")!, grace: .seconds(60), by: broker.admin)
        broker.clock.advance(by: .seconds(5))
        #expect(authenticate(first) == nil)
        _ = try await callers.rotate(.init("bot")!, grace: .seconds(60), by: broker.admin)
        #expect(try await callers.all().first?.keys.count == 3)
    }

    @Test("An ID is taken once")
    func conflict() async throws {
        let key = try await add()
        #expect(
            try await failure { () throws(BrokerError) in
                try await callers.add(.init("bot"), role: .admin, connections: [], labels: [:], by: broker.admin)
            }.code == .conflict)
        #expect(authenticate(key)?.role == .runtime)
    }

    @Test("A reload that an administrator's change overtook does not bring a revoked key back")
    func overtakenReload() async throws {
        let store = SlowCallers()
        let callers = Callers(store: store, audit: broker.audit, clock: broker.clock, random: SeededRandom())
        let key = try await callers.add(.init("bot"), role: .runtime, connections: [], labels: [:], by: broker.admin)
            .key
        store.holdNext()
        async let slow: Void = callers.reload()
        try await store.gate.arrivals(reach: 1)
        try await callers.revoke(.init("bot")!, by: broker.admin)
        store.gate.open()
        try await slow
        #expect(callers.authenticate(Array(key.utf8)) == nil)
    }

    @Test("No caller is added, rotated or revoked without an audit line")
    func auditFails() async throws {
        let key = try await add()
        broker.audit.fail(with: AuditFailure("The disk is full."))
        await #expect(throws: BrokerError.auditUnavailable) { try await add("other") }
        await #expect(throws: BrokerError.auditUnavailable) {
            try await callers.revoke(.init("bot")!, by: broker.admin)
        }
        await #expect(throws: BrokerError.auditUnavailable) {
            try await callers.rotate(.init("bot")!, grace: .zero, by: broker.admin)
        }
        #expect(authenticate(key) != nil)
        #expect(try await callers.all().count == 1)
    }

    // MARK: Rules

    private func caller(connections: Set<ConnectionID> = [], labels: [String: String] = [:]) -> Caller {
        Caller(
            id: .init("bot")!, role: .runtime, connections: connections, labels: labels,
            createdAt: Timestamp(seconds: 0))
    }

    @Test("A caller without rules sees every connection")
    func unrestricted() {
        #expect(caller().maySee(TestBroker.connection, labels: [:]))
    }

    @Test("A caller with a list sees what is on it")
    func byName() {
        let caller = caller(connections: [TestBroker.connection])
        #expect(caller.maySee(TestBroker.connection, labels: [:]))
        #expect(!caller.maySee(.init("other")!, labels: ["team": "blue"]))
    }

    @Test("A caller with labels sees what carries all of them")
    func byLabel() {
        let caller = caller(labels: ["team": "blue", "stage": "test"])
        #expect(caller.maySee(TestBroker.connection, labels: ["team": "blue", "stage": "test", "more": "x"]))
        #expect(!caller.maySee(TestBroker.connection, labels: ["team": "blue"]))
        #expect(!caller.maySee(TestBroker.connection, labels: ["team": "blue", "stage": "live"]))
        #expect(!caller.maySee(TestBroker.connection, labels: [:]))
    }

    @Test("List and labels are alternatives")
    func byEither() {
        let caller = caller(connections: [TestBroker.connection], labels: ["team": "blue"])
        #expect(caller.maySee(TestBroker.connection, labels: [:]))
        #expect(caller.maySee(.init("other")!, labels: ["team": "blue"]))
        #expect(!caller.maySee(.init("other")!, labels: [:]))
    }
}

/// Reads its callers first and answers later, when it is told to.
private final class SlowCallers: CallerStore {
    let gate = Gate()
    private let store = MemoryStore()
    private let holds = Watched(false)

    func holdNext() { holds.update { $0 = true } }

    func callers() async throws(StoreFailure) -> [Caller] {
        let found = try await store.callers()
        let isHeld = holds.update { held in
            defer { held = false }
            return held
        }
        if isHeld { try? await gate.pass() }
        return found
    }

    func insert(_ caller: Caller) async throws(StoreFailure) -> Bool { try await store.insert(caller) }
    func update(_ caller: Caller) async throws(StoreFailure) -> Bool { try await store.update(caller) }
}
