import Broker
import Sealing

extension StoreConformance {
    private static let key = StoreSample.stored().key
    private static let id = key.id
    private static let now = StoreSample.now
    private static let lease = StoreSample.now + .seconds(40)

    private static func claim(
        _ store: any BrokerStore, _ attempt: String, version: Int = 7, at moment: Timestamp = now
    ) async throws -> ClaimResult {
        try await store.claim(
            key, version: version, attempt: attempt, owner: "host-1", until: lease, now: moment)
    }

    static let refresh: [StoreRequirement] = [
        StoreRequirement("a claim sets the attempt, one fence up, and leaves the credential") { store in
            var stored = StoreSample.stored()
            _ = try await store.insert(stored)
            stored.grant.fence = 4
            stored.grant.attempt = RefreshAttempt(id: "a1", fence: 4, owner: "host-1", leaseUntil: lease)
            try expect(try await claim(store, "a1") == .claimed(stored), "the claim shows what it wrote")
            try expect(try await store.connection(id) == stored, "it is stored")
        },
        StoreRequirement("while an attempt stands, another is lost; its own may be claimed again") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await claim(store, "a1")
            let standing = try require(try await store.connection(id), "it is there")
            try expect(try await claim(store, "a2") == .lost(standing), "the second is lost")
            try expect(
                try await claim(store, "a2", at: lease - .milliseconds(1)) == .lost(standing),
                "it is lost until the lease ends")
            guard case .claimed(let again) = try await claim(store, "a1") else {
                throw ConformanceFailure(description: "the same attempt is not lost to itself")
            }
            try expect(again.grant.fence == 5, "the fence goes up again")
        },
        StoreRequirement("R4: an expired lease can be claimed anew with a higher fence") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await claim(store, "a1")
            guard case .claimed(let stored) = try await claim(store, "a2", at: lease) else {
                throw ConformanceFailure(description: "the lease has ended and the claim is lost")
            }
            try expect(stored.grant.fence == 5 && stored.grant.attempt?.fence == 5, "the fence is two up")
            try expect(stored.grant.attempt?.id == "a2", "the attempt is the new one")
        },
        StoreRequirement("a claim of another version is lost and writes nothing") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            for version in [6, 8] {
                try expect(try await claim(store, "a1", version: version) == .lost(stored), "\(version) is lost")
            }
            try expect(try await store.connection(id) == stored, "nothing was written")
        },
        StoreRequirement("R1: of fifty concurrent claims exactly one is claimed") { store in
            _ = try await store.insert(StoreSample.stored())
            let claimed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        if case .claimed = try await claim(store, "a\(number)") { return true }
                        return false
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try expect(claimed == 1, "exactly one is claimed, not \(claimed)")
            try expect(try await store.connection(id)?.grant.fence == 4, "the fence went up once")
        },
        StoreRequirement("a commit puts the grant in place, clears the attempt and keeps the fence") { store in
            var stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await claim(store, "a1")
            var grant = Grant(version: 8, credential: StoreSample.box(0xEE), fence: 99)
            grant.attempt = RefreshAttempt(id: "stray", fence: 1, owner: "x", leaseUntil: lease)
            let result = try await store.commit(key, replacing: 7, with: grant)
            grant.fence = 4
            grant.attempt = nil
            stored.grant = grant
            try expect(result == .committed(stored), "the commit shows what it wrote")
            try expect(try await store.connection(id) == stored, "all of the old grant is gone")
        },
        StoreRequirement("a commit over another version is superseded and writes nothing") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            for version in [6, 8] {
                let grant = StoreSample.grant(version: version + 1)
                try expect(
                    try await store.commit(key, replacing: version, with: grant) == .superseded(stored),
                    "\(version) is superseded")
            }
            try expect(try await store.connection(id) == stored, "nothing was written")
        },
        StoreRequirement("R4: of concurrent commits over one version exactly one is written") { store in
            _ = try await store.insert(StoreSample.stored())
            let committed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let grant = StoreSample.grant(version: 8)
                        if case .committed = try await store.commit(key, replacing: 7, with: grant) { return true }
                        return false
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try expect(committed == 1, "exactly one is written, not \(committed)")
        },
        StoreRequirement("R6: a commit is written though its caller was cancelled") { store in
            _ = try await store.insert(StoreSample.stored())
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8))
            }
            guard case .committed = try await task.value else {
                throw ConformanceFailure(description: "the commit was given up")
            }
            try expect(try await store.connection(id)?.grant.version == 8, "the new version is stored")
        },
        StoreRequirement("R9: an edit during a refresh leaves the credential, the commit leaves the edit") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await claim(store, "a1")
            let claimed = try require(try await store.connection(id), "it is there")
            var edited = stored.connection
            edited.labels = ["team": "red"]
            _ = try await store.update(edited)
            try expect(try await store.connection(id)?.grant == claimed.grant, "the edit leaves grant and attempt")
            let committed = try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8))
            guard case .committed(let after) = committed else {
                throw ConformanceFailure(description: "the edit spoiled the commit")
            }
            try expect(after.connection.labels == ["team": "red"], "the commit leaves the edit")
            try expect(after.connection.revision == 5, "the commit is no edit")
        },
        StoreRequirement("R21: a commit after the delete finds it gone and brings nothing back") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await claim(store, "a1")
            _ = try await store.delete(id, owing: { _ in nil })
            try expect(
                try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8)) == .gone, "it is gone")
            try expect(try await store.connection(id) == nil, "it stays gone")
            let note = AbandonNote(reauthorization: .lost, failure: nil, refreshAt: nil)
            try expect(!(try await store.abandon(key, version: 7, attempt: "a1", note: note)), "nothing to abandon")
        },
        StoreRequirement("an abandoned attempt is cleared and its note written; boxes and expiry stay") { store in
            var stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await claim(store, "a1")
            let failure = RefreshFailure(since: now, reason: "invalid_client", attempts: 2, retryAt: lease)
            let note = AbandonNote(reauthorization: .revoked, failure: failure, refreshAt: lease)
            try expect(try await store.abandon(key, version: 7, attempt: "a1", note: note), "it is abandoned")
            stored.grant.fence = 4
            stored.grant.reauthorization = .revoked
            stored.grant.failure = failure
            stored.grant.refreshAt = lease
            try expect(try await store.connection(id) == stored, "the note is written and the rest is as it was")
            _ = try await claim(store, "a2")
            let clean = AbandonNote(reauthorization: nil, failure: nil, refreshAt: nil)
            try expect(try await store.abandon(key, version: 7, attempt: "a2", note: clean), "a note can clear")
            let grant = try require(try await store.connection(id), "it is there").grant
            try expect(
                grant.reauthorization == nil && grant.failure == nil && grant.refreshAt == nil, "all is cleared")
        },
        StoreRequirement("R5: a stale attempt or version abandons nothing") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await claim(store, "a1")
            _ = try await claim(store, "a2", at: lease)
            let stored = try require(try await store.connection(id), "it is there")
            let note = AbandonNote(reauthorization: .revoked, failure: nil, refreshAt: nil)
            try expect(!(try await store.abandon(key, version: 7, attempt: "a1", note: note)), "a1 is stale")
            try expect(!(try await store.abandon(key, version: 6, attempt: "a2", note: note)), "6 is stale")
            try expect(try await store.connection(id) == stored, "nothing was written")
            _ = try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8))
            try expect(!(try await store.abandon(key, version: 7, attempt: "a2", note: note)), "the winner stands")
            try expect(!(try await store.abandon(key, version: 8, attempt: "a2", note: note)), "no attempt stands")
        },
        StoreRequirement("due are those whose time has come, soonest first, ties by ID") { store in
            let times = [("late", -1), ("soon", -90), ("b-tie", -50), ("a-tie", -50), ("now", 0), ("next", 1)]
            for (name, seconds) in times {
                _ = try await store.insert(
                    StoreSample.stored(name) { $0.grant.refreshAt = now + .seconds(seconds) })
            }
            let all = ["soon", "a-tie", "b-tie", "late", "now"]
            try expect(try await store.due(at: now, limit: 10).map(\.string) == all, "they come in order")
            try expect(try await store.due(at: now, limit: 2).map(\.string) == ["soon", "a-tie"], "no more than asked")
        },
        StoreRequirement("due are none that are disabled, claimed, or waiting for their owner") { store in
            func insert(_ name: String, _ change: @escaping (inout StoredConnection) -> Void) async throws {
                _ = try await store.insert(
                    StoreSample.stored(name) { stored in
                        stored.grant.refreshAt = now
                        change(&stored)
                    })
            }
            try await insert("disabled") { $0.connection.isDisabled = true }
            try await insert("revoked") { $0.grant.reauthorization = .revoked }
            try await insert("never") { $0.grant.refreshAt = nil }
            try await insert("expired-for-good") { stored in
                stored.grant.refresh = nil
                stored.grant.expiresAt = now
            }
            try await insert("claimed") { stored in
                stored.grant.attempt = RefreshAttempt(id: "a", fence: 1, owner: "o", leaseUntil: lease)
            }
            try await insert("lease-over") { stored in
                stored.grant.attempt = RefreshAttempt(id: "a", fence: 1, owner: "o", leaseUntil: now)
            }
            try await insert("unavailable") { $0.grant.expiresAt = now }
            try await insert("unknown-lifetime") { stored in
                stored.grant.refresh = nil
                stored.grant.expiresAt = nil
            }
            try await insert("failing") { stored in
                stored.grant.failure = RefreshFailure(since: now, reason: "x", attempts: 1, retryAt: lease)
            }
            let due = try await store.due(at: now, limit: 20).map(\.string)
            try expect(due == ["failing", "lease-over", "unavailable", "unknown-lifetime"], "these are due: \(due)")
        },
    ]
}
