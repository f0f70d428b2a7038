import Broker
import ProviderProfiles
import Sealing

extension StoreConformance {
    static let connections: [StoreRequirement] = [
        StoreRequirement("a connection comes back as it went in, with every member") { store in
            let full = StoreSample.stored { stored in
                stored.grant.reauthorization = .lost
                stored.grant.failure = RefreshFailure(
                    since: StoreSample.now, reason: "invalid_client", attempts: 5,
                    retryAt: StoreSample.now + .seconds(9))
                stored.grant.attempt = RefreshAttempt(
                    id: "a1", fence: 3, owner: "host-1", leaseUntil: StoreSample.now + .seconds(40))
            }
            let bare = StoredConnection(
                connection: Connection(
                    id: StoreSample.id("bare"), provider: "api-key", client: nil, kind: .oauth2,
                    createdAt: StoreSample.now, updatedAt: StoreSample.now))
            try expect(try await store.insert(full), "the insert is taken")
            try expect(try await store.insert(bare), "the second insert is taken")
            try expect(try await store.connection(full.id) == full, "the full one comes back")
            try expect(try await store.connection(bare.id) == bare, "the bare one comes back")
        },
        StoreRequirement("what is not there is nil, false or gone") { store in
            let nobody = StoreSample.connection("nobody")
            try expect(try await store.connection(nobody.id) == nil, "there is no connection")
            try expect(!(try await store.update(nobody)), "there is nothing to update")
            try expect(try await store.delete(nobody.id, owing: { _ in nil }) == nil, "there is nothing to delete")
            let key = StoredConnection(connection: nobody).key
            let claim = try await store.claim(
                key, version: 0, attempt: "a", owner: "o", until: StoreSample.now, now: StoreSample.now)
            try expect(claim == .gone, "a claim finds it gone")
            let commit = try await store.commit(key, replacing: 0, with: StoreSample.grant(version: 1))
            try expect(commit == .gone, "a commit finds it gone")
            let note = AbandonNote(reauthorization: nil, failure: nil, refreshAt: nil)
            try expect(
                !(try await store.abandon(key, version: 0, attempt: "a", note: note)), "nothing is abandoned")
        },
        StoreRequirement("an ID that was deleted and made anew is gone for what was on its way") { store in
            let old = StoreSample.stored()
            _ = try await store.insert(old)
            _ = try await store.delete(old.id, owing: { _ in nil })
            let new = StoreSample.stored { stored in
                let connection = stored.connection
                stored.connection = Connection(
                    id: connection.id, provider: connection.provider, client: connection.client, kind: connection.kind,
                    owner: "somebody else", createdAt: connection.createdAt + .milliseconds(1),
                    updatedAt: connection.updatedAt)
            }
            _ = try await store.insert(new)
            let version = old.grant.version
            let claim = try await store.claim(
                old.key, version: version, attempt: "a", owner: "o", until: StoreSample.now + .seconds(40),
                now: StoreSample.now)
            try expect(claim == .gone, "a claim finds it gone")
            let commit = try await store.commit(
                old.key, replacing: version, with: StoreSample.grant(version: version + 1))
            try expect(commit == .gone, "a commit finds it gone")
            let note = AbandonNote(reauthorization: .lost, failure: nil, refreshAt: nil)
            try expect(
                !(try await store.abandon(old.key, version: version, attempt: "a", note: note)), "nothing is noted")
            try expect(try await store.connection(old.id) == new, "the new one is as it was")
        },
        StoreRequirement("an ID that is taken is refused, and the first keeps its place") { store in
            let first = StoreSample.stored()
            _ = try await store.insert(first)
            let second = StoreSample.stored { $0.connection.owner = "mallory" }
            try expect(!(try await store.insert(second)), "the second is refused")
            try expect(try await store.connection(first.id) == first, "the first is untouched")
        },
        StoreRequirement("IDs that differ in case are different") { store in
            _ = try await store.insert(StoreSample.stored("Acme"))
            try expect(try await store.insert(StoreSample.stored("acme")), "the other case is free")
            try expect(try await store.connection(StoreSample.id("ACME")) == nil, "a third case is not there")
        },
        StoreRequirement("an update writes what people decide, one revision on, and leaves the grant") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            var edited = stored.connection
            edited.owner = nil
            edited.labels = ["team": "red"]
            edited.scopes = []
            edited.fields = ["host": "eu.example.com"]
            edited.isDisabled = true
            edited.updatedAt = StoreSample.now
            try expect(try await store.update(edited), "the update is taken")
            edited.revision += 1
            try expect(
                try await store.connection(stored.id) == StoredConnection(connection: edited, grant: stored.grant),
                "the edit is stored and the grant is as it was")
        },
        StoreRequirement("an update of an older revision changes nothing") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await store.update(stored.connection)
            var late = stored.connection
            late.owner = "late"
            try expect(!(try await store.update(late)), "the late edit is refused")
            try expect(try await store.connection(stored.id)?.connection.owner == "anna", "the owner is as it was")
        },
        StoreRequirement("an update does not change provider, client, kind or creation") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            let forged = Connection(
                id: stored.id, provider: "other", client: StoreSample.id("other"), kind: stored.connection.kind,
                createdAt: StoreSample.now + .seconds(99), updatedAt: StoreSample.now, revision: 4)
            _ = try await store.update(forged)
            let found = try require(try await store.connection(stored.id), "it is there").connection
            try expect(
                found.provider == "example" && found.client == stored.connection.client
                    && found.createdAt == stored.connection.createdAt, "what is fixed stays")
        },
        StoreRequirement("of fifty concurrent updates of one revision exactly one is taken") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { try await store.update(stored.connection) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try expect(taken == 1, "exactly one is taken, not \(taken)")
        },
        StoreRequirement("a delete returns what it was and takes grant, labels, tickets and consents along") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await store.insert(StoreSample.stored("other"))
            try await store.insert(StoreSample.ticket(1))
            try await store.insert(StoreSample.pending(2))
            try await store.insert(StoreSample.ticket(3, connection: "other"))
            try await store.insert(StoreSample.pending(4, connection: "other"))
            try expect(try await store.delete(stored.id, owing: { _ in nil }) == stored, "the delete returns it")
            try expect(try await store.connection(stored.id) == nil, "it is gone")
            try expect(try await store.delete(stored.id, owing: { _ in nil }) == nil, "it is deleted once")
            try expect(try await store.ticket(StoreSample.hash(1)) == nil, "its ticket is gone")
            try expect(try await store.takePending(StoreSample.hash(2)) == nil, "its pending consent is gone")
            try expect(try await store.ticket(StoreSample.hash(3)) != nil, "another's ticket stays")
            try expect(try await store.takePending(StoreSample.hash(4)) != nil, "another's pending consent stays")
            let fresh = StoredConnection(connection: StoreSample.connection(labels: [:]))
            try expect(try await store.insert(fresh), "the ID is free again")
            try expect(try await store.connection(stored.id) == fresh, "nothing of the old one is left")
        },
        StoreRequirement("a text with a NUL is kept whole or refused, never cut short") { store in
            let odd = StoreSample.stored { $0.connection.owner = "anna\u{0}admin" }
            guard (try? await store.insert(odd)) == true else {
                return try expect(try await store.connection(odd.id) == nil, "nothing of a refused one is stored")
            }
            try expect(try await store.connection(odd.id) == odd, "it comes back whole")
        },
    ]
}
