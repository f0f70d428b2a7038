import Broker
import Sealing

extension StoreConformance {
    private static let now = StoreSample.now

    static let changes: [StoreRequirement] = [
        StoreRequirement("every consumer hears of each change, in order, and of nothing else") { store in
            let key = StoreSample.stored().key
            let id = key.id
            let streams = [store.changes(), store.changes()]
            _ = try await store.insert(StoreSample.stored())
            _ = try await store.insert(StoreSample.stored())
            _ = try await store.update(StoreSample.connection())
            _ = try await store.update(StoreSample.connection())
            _ = try await store.claim(key, version: 7, attempt: "a1", owner: "o", until: now, now: now)
            let note = AbandonNote(reauthorization: nil, failure: nil, refreshAt: nil)
            _ = try await store.abandon(key, version: 7, attempt: "a1", note: note)
            _ = try await store.abandon(key, version: 7, attempt: "a1", note: note)
            _ = try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8))
            _ = try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8))
            _ = try await store.delete(id, owing: { _ in nil })
            _ = try await store.delete(id, owing: { _ in nil })
            for stream in streams {
                var heard: [Int?] = []
                for await change in stream {
                    try expect(change.id == id, "it is this connection")
                    heard.append(change.version)
                    if heard.count == 5 { break }
                }
                try expect(heard == [nil, nil, nil, 8, nil], "insert, edit, abandon, commit, delete: \(heard)")
            }
        }
    ]

    static let consents: [StoreRequirement] = [
        StoreRequirement("a ticket is found until it is deleted, also when it has expired") { store in
            _ = try await store.insert(StoreSample.stored())
            let ticket = StoreSample.ticket(1, expiresAt: Timestamp(seconds: 0))
            try await store.insert(ticket)
            try expect(try await store.ticket(ticket.hash) == ticket, "it is found")
            try expect(try await store.ticket(ticket.hash) == ticket, "it is found again")
            try expect(try await store.ticket(StoreSample.hash(9)) == nil, "another is not")
            try await store.deleteTicket(ticket.hash)
            try await store.deleteTicket(ticket.hash)
            try expect(try await store.ticket(ticket.hash) == nil, "it is gone")
        },
        StoreRequirement("a pending authorization is taken whole, and once") { store in
            _ = try await store.insert(StoreSample.stored())
            let pending = StoreSample.pending(1)
            try await store.insert(pending)
            try expect(try await store.takePending(StoreSample.hash(2)) == nil, "another state takes nothing")
            try expect(try await store.takePending(pending.stateHash) == pending, "it is taken")
            try expect(try await store.takePending(pending.stateHash) == nil, "it is taken once")
        },
        StoreRequirement("F2: of two that take a pending authorization at once, one gets it") { store in
            _ = try await store.insert(StoreSample.stored())
            for round in UInt8(0)..<20 {
                try await store.insert(StoreSample.pending(round))
                async let first = store.takePending(StoreSample.hash(round))
                async let second = store.takePending(StoreSample.hash(round))
                let taken = try await [first, second].compactMap { $0 }
                try expect(taken.count == 1, "one gets it, not \(taken.count)")
            }
        },
        StoreRequirement("F3: what expired before the moment is purged, and counted") { store in
            _ = try await store.insert(StoreSample.stored())
            try await store.insert(StoreSample.ticket(1, expiresAt: now - .milliseconds(1)))
            try await store.insert(StoreSample.ticket(2, expiresAt: now))
            try await store.insert(StoreSample.pending(3, expiresAt: now - .seconds(5)))
            try await store.insert(StoreSample.pending(4, expiresAt: now + .seconds(5)))
            try expect(try await store.purgeConsents(before: now) == 2, "two are purged")
            try expect(try await store.purgeConsents(before: now) == 0, "and no more")
            try expect(try await store.ticket(StoreSample.hash(1)) == nil, "the old ticket is gone")
            try expect(try await store.ticket(StoreSample.hash(2)) != nil, "the ticket of this moment stays")
            try expect(try await store.takePending(StoreSample.hash(3)) == nil, "the old one is gone")
            try expect(try await store.takePending(StoreSample.hash(4)) != nil, "the young one stays")
        },
        StoreRequirement("a consent for a connection that is gone is not kept") { store in
            try await store.insert(StoreSample.ticket(1))
            try await store.insert(StoreSample.pending(2))
            _ = try await store.insert(StoreSample.stored())
            try expect(try await store.ticket(StoreSample.hash(1)) == nil, "there is no ticket")
            try expect(try await store.takePending(StoreSample.hash(2)) == nil, "there is no pending authorization")
        },
    ]

    static let registrations: [StoreRequirement] = [
        StoreRequirement("a client comes back as it went in, its secrets in their order") { store in
            let client = StoreSample.client()
            try expect(try await store.insert(client), "it is taken")
            try expect(!(try await store.insert(client)), "its ID is taken")
            try expect(try await store.client(client.id) == client, "it comes back")
            try expect(try await store.client(StoreSample.id("none")) == nil, "another is not there")
            _ = try await store.insert(StoreSample.client("a-first"))
            try expect(try await store.clients().map(\.id.string) == ["a-first", "sales"], "all come by ID")
            try expect(try await store.clients().last == client, "with their secrets")
        },
        StoreRequirement("an update of a client replaces its secrets, one revision on, once") { store in
            let client = StoreSample.client()
            _ = try await store.insert(client)
            var edited = client
            edited.clientID = "new"
            edited.authenticationMethod = nil
            edited.scopes = []
            edited.secrets = [ClientSecret(number: 3, box: StoreSample.box(0x33), createdAt: now)]
            try expect(try await store.update(edited), "it is taken")
            try expect(!(try await store.update(client)), "the older revision is refused")
            edited.revision = 3
            try expect(try await store.client(client.id) == edited, "the edit is stored")
            try expect(!(try await store.update(StoreSample.client("none"))), "there is nothing to update")
        },
        StoreRequirement("a client in use is not deleted; an unused one is, with its secrets") { store in
            let client = StoreSample.client()
            _ = try await store.insert(client)
            _ = try await store.insert(StoreSample.stored("one"))
            _ = try await store.insert(StoreSample.stored("two"))
            try expect(try await store.deleteClient(client.id) == .inUse(2), "two use it")
            try expect(try await store.client(client.id) == client, "it is still there")
            _ = try await store.delete(StoreSample.id("one"), owing: { _ in nil })
            _ = try await store.delete(StoreSample.id("two"), owing: { _ in nil })
            try expect(try await store.deleteClient(client.id) == .deleted, "it is deleted")
            try expect(try await store.deleteClient(client.id) == .notFound, "it is deleted once")
            try expect(try await store.client(client.id) == nil, "it is gone")
            var bare = client
            bare.secrets = []
            _ = try await store.insert(bare)
            try expect(try await store.client(client.id) == bare, "the old secrets are gone")
        },
        StoreRequirement("callers come back by ID with their keys in order, the revoked ones too") { store in
            var caller = StoreSample.caller()
            let admin = Caller(id: StoreSample.id("admin"), role: .admin, createdAt: now, revokedAt: now)
            try expect(try await store.insert(caller), "it is taken")
            try expect(!(try await store.insert(caller)), "its ID is taken")
            _ = try await store.insert(admin)
            try expect(try await store.callers() == [admin, caller], "both come back")
            caller.keys = [caller.keys[1], CallerKey(id: "k3", sha256: StoreSample.hash(3), createdAt: now)]
            caller.revokedAt = now
            try expect(try await store.update(caller), "the update is taken")
            try expect(try await store.callers() == [admin, caller], "keys and revocation are replaced")
            try expect(!(try await store.update(StoreSample.caller("none"))), "there is nothing to update")
        },
        StoreRequirement("I6: a revoked caller is not brought back by a rotation that began before") { store in
            let before = StoreSample.caller()
            _ = try await store.insert(before)
            var revoked = before
            revoked.keys = []
            revoked.revokedAt = now
            try expect(try await store.update(revoked), "it is revoked")
            try expect(!(try await store.update(before)), "the rotation comes too late")
            try expect(try await store.callers() == [revoked], "it stays revoked")
        },
        StoreRequirement("an update of a caller does not change its role or its rules") { store in
            _ = try await store.insert(StoreSample.caller())
            _ = try await store.update(Caller(id: StoreSample.id("portal"), role: .admin, createdAt: now))
            let found = try require(try await store.callers().first, "it is there")
            try expect(found.role == .runtime && !found.isUnrestricted, "role and rules stay")
        },
        StoreRequirement("a key ring is made once") { store in
            try expect(try await store.keyRing() == nil, "there is none at first")
            let keys = [
                WrappedDataKey(term: 1, state: .retired, box: StoreSample.box(1)),
                WrappedDataKey(term: 2, state: .active, box: StoreSample.box(2)),
            ]
            try expect(
                try await store.insert(StoredKeyRing(checkValue: [1, 2, 3], dataKeys: keys)), "the first is taken")
            try expect(
                !(try await store.insert(StoredKeyRing(checkValue: [9], dataKeys: []))), "the second is refused")
            let found = try require(try await store.keyRing(), "it is there")
            try expect(found.checkValue == [1, 2, 3], "the check value is the first's")
            try expect(
                found.dataKeys.map(\.term) == [1, 2] && found.dataKeys.map(\.state) == [.retired, .active]
                    && found.dataKeys.map(\.box) == keys.map(\.box), "the data keys are the first's")
        },
    ]
}
