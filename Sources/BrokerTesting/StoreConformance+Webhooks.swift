import Broker
import Sealing

extension StoreConformance {
    private static let now = StoreSample.now
    private static let key = StoreSample.stored().key
    private static let ops = StoreSample.webhook().id

    private static func waiting(_ store: any BrokerStore, for id: WebhookID = ops) async throws -> [WebhookDelivery] {
        try await store.deliveriesDue(to: id, at: now + .seconds(86_400), limit: 100)
    }

    private static func kinds(_ store: any BrokerStore, for id: WebhookID = ops) async throws -> [String] {
        try await waiting(store, for: id).map { delivery in
            ConnectionEvent.Kind.allCases.first { delivery.body.contains(#""type":"\#($0.rawValue)""#) }?.rawValue
                ?? "none"
        }
    }

    private static func claim(_ store: any BrokerStore, version: Int = 7) async throws {
        _ = try await store.claim(
            key, version: version, attempt: "a1", owner: "host-1", until: now + .seconds(40), now: now)
    }

    private static func failing(_ reason: String = "provider_unavailable") -> RefreshFailure {
        RefreshFailure(since: now, reason: reason, attempts: 1, retryAt: now + .seconds(5))
    }

    static let webhooks: [StoreRequirement] = [
        StoreRequirement("a webhook comes back as it went in, and its ID is taken once") { store in
            let webhook = StoreSample.webhook()
            try expect(try await store.insert(webhook), "it is inserted")
            try expect(try await store.insert(webhook) == false, "the ID is taken")
            try expect(try await store.webhooks() == [webhook], "it comes back")
        },
        StoreRequirement("an edit of a webhook counts its revision on, and one of an older revision is refused") {
            store in
            var webhook = StoreSample.webhook()
            _ = try await store.insert(webhook)
            webhook.secrets.removeLast()
            webhook.disabledReason = "gone"
            webhook.updatedAt = now + .seconds(1)
            try expect(try await store.update(webhook), "it is written")
            try expect(try await store.update(webhook) == false, "the revision is another")
            webhook.revision += 1
            try expect(try await store.webhooks() == [webhook], "it is stored")
        },
        StoreRequirement("a removed webhook takes its secrets and what waits with it") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await store.insert(StoreSample.webhook())
            try await claim(store)
            _ = try await store.abandon(
                key, version: 7, attempt: "a1",
                note: AbandonNote(reauthorization: nil, failure: failing(), refreshAt: now), at: now)
            try expect(try await store.deleteWebhook(ops), "it was there")
            try expect(try await store.deleteWebhook(ops) == false, "it is gone")
            try expect(try await waiting(store).isEmpty, "nothing waits")
        },
        StoreRequirement("a first failure is told once, with the write that notes it") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await store.insert(StoreSample.webhook())
            for _ in 0..<2 {
                try await claim(store)
                _ = try await store.abandon(
                    key, version: 7, attempt: "a1",
                    note: AbandonNote(reauthorization: nil, failure: failing(), refreshAt: now), at: now)
            }
            try expect(try await kinds(store) == ["connection.degraded"], "it waits once")
            let delivery = try require(try await waiting(store).first, "it waits")
            try expect(delivery.attempts == 0 && delivery.retryAt == now && delivery.createdAt == now, "it is due")
        },
        StoreRequirement("an end and a recovery are told; a refresh that goes well is not") { store in
            _ = try await store.insert(StoreSample.stored())
            _ = try await store.insert(StoreSample.webhook())
            _ = try await store.commit(key, replacing: 7, with: StoreSample.grant(version: 8), at: now)
            try expect(try await kinds(store).isEmpty, "nothing happened")
            try await claim(store, version: 8)
            _ = try await store.abandon(
                key, version: 8, attempt: "a1",
                note: AbandonNote(reauthorization: .revoked, failure: nil, refreshAt: nil), at: now)
            _ = try await store.commit(
                key, replacing: 8, with: StoreSample.grant(version: 9), at: now + .seconds(1))
            try expect(
                try await kinds(store) == ["connection.reauthorization_required", "connection.recovered"],
                "both wait, in their order")
        },
        StoreRequirement("a write that loses tells nothing") { store in
            var failed = StoreSample.stored()
            failed.grant.failure = failing()
            _ = try await store.insert(failed)
            _ = try await store.insert(StoreSample.webhook())
            _ = try await store.commit(key, replacing: 6, with: StoreSample.grant(version: 7), at: now)
            _ = try await store.abandon(
                key, version: 7, attempt: "somebody's",
                note: AbandonNote(reauthorization: .revoked, failure: nil, refreshAt: nil), at: now)
            try expect(try await kinds(store).isEmpty, "nothing waits")
        },
        StoreRequirement("an event goes to the webhooks in use that want it, and is told once") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            var disabled = StoreSample.webhook("gone")
            disabled.disabledReason = "gone"
            for webhook in [
                StoreSample.webhook(), StoreSample.webhook("ends", events: [.expiring]),
                StoreSample.webhook("others", events: [.degraded, .recovered]), disabled,
            ] { _ = try await store.insert(webhook) }
            let event = StoreSample.event(of: stored)
            try expect(try await store.tell(event), "it is new")
            try expect(try await store.tell(event) == false, "it was told")
            for (name, count) in ["ops": 1, "ends": 1, "others": 0, "gone": 0] {
                try expect(try await waiting(store, for: WebhookID(name)!).count == count, "\(name) has \(count)")
            }
            _ = try await store.delete(stored.id) { _ in nil }
            try expect(try await store.tell(StoreSample.event(of: stored)) == false, "the connection is gone")
            try expect(try await waiting(store).count == 1, "what waits, waits on")
        },
        StoreRequirement("a delivery's try is written by one of two, put off, and removed") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            _ = try await store.insert(StoreSample.webhook())
            _ = try await store.tell(StoreSample.event(of: stored))
            var delivery = try require(try await waiting(store).first, "it waits")
            delivery.attempts = 1
            delivery.retryAt = now + .seconds(60)
            try expect(try await store.update(delivery, from: 0), "the first writes")
            try expect(try await store.update(delivery, from: 0) == false, "the second does not")
            try expect(
                try await store.deliveriesDue(to: ops, at: now + .seconds(59), limit: 9).isEmpty, "not before its time")
            try expect(
                try await store.deliveriesDue(to: ops, at: now + .seconds(60), limit: 9) == [delivery], "at its time")
            try await store.deleteDelivery(of: delivery.event, to: ops)
            try expect(try await waiting(store).isEmpty, "it is gone")
        },
        StoreRequirement("what is too much for a webhook is removed, the oldest first") { store in
            _ = try await store.insert(StoreSample.webhook())
            for (offset, name) in ["c1", "c2", "c3"].enumerated() {
                let stored = StoreSample.stored(name)
                _ = try await store.insert(stored)
                _ = try await store.tell(StoreSample.event(of: stored, at: now + .seconds(Int64(offset))))
            }
            try expect(
                try await store.backlogs() == [ops: WebhookBacklog(count: 3, oldest: now)], "three wait since then")
            try expect(try await store.trimDeliveries(to: ops, keeping: 2) == 1, "one is too many")
            try expect(
                try await store.backlogs() == [ops: WebhookBacklog(count: 2, oldest: now + .seconds(1))], "two are left"
            )
            try expect(try await store.trimDeliveries(to: ops, keeping: 2) == 0, "none is too many")
        },
        StoreRequirement("what ended without a refresh token is found by its end, in pages") { store in
            for (name, seconds) in ["a": 10, "b": 20, "c": 20, "d": 30] {
                _ = try await store.insert(
                    StoreSample.stored(name) {
                        $0.grant.refresh = nil
                        $0.grant.expiresAt = now + .seconds(Int64(seconds))
                    })
            }
            _ = try await store.insert(StoreSample.stored("r") { $0.grant.expiresAt = now + .seconds(20) })
            let end = now + .seconds(20)
            let page = try await store.ended(after: (now, nil), until: end, limit: 2)
            try expect(page.map(\.id.string) == ["a", "b"], "the first page: \(page.map(\.id))")
            let rest = try await store.ended(after: (end, page.last?.id), until: end, limit: 2)
            try expect(rest.map(\.id.string) == ["c"], "the second page: \(rest.map(\.id))")
            try expect(
                try await store.ended(after: (end, nil), until: now + .seconds(30), limit: 9).map(\.id.string) == ["d"],
                "after a moment, not at it")
        },
    ]
}
