import Broker
import Sealing

extension StoreConformance {
    private static let now = StoreSample.now

    static let heldGrants: [StoreRequirement] = [
        StoreRequirement("F19: a held grant is taken whole, and once") { store in
            _ = try await store.insert(StoreSample.stored())
            let held = StoreSample.held(1)
            try await store.insert(held)
            try expect(try await store.takeHeld(StoreSample.hash(2)) == nil, "another word takes nothing")
            try expect(try await store.takeHeld(held.hash) == held, "it is taken")
            try expect(try await store.takeHeld(held.hash) == nil, "it is taken once")
        },
        StoreRequirement("what belongs to a connection that is gone is not kept, and goes with it") { store in
            try await store.insert(StoreSample.held(1))
            try await store.insert(StoreSample.device())
            try expect(try await store.takeHeld(StoreSample.hash(1)) == nil, "no grant is held for nobody")
            try expect(try await store.deviceConsent(of: StoreSample.id("acme-crm")) == nil, "nobody has a device")
            _ = try await store.insert(StoreSample.stored())
            try await store.insert(StoreSample.held(1))
            try await store.insert(StoreSample.device())
            _ = try await store.delete(StoreSample.id("acme-crm"), owing: { _ in nil })
            _ = try await store.insert(StoreSample.stored())
            try expect(try await store.takeHeld(StoreSample.hash(1)) == nil, "the held grant is gone")
            try expect(try await store.deviceConsent(of: StoreSample.id("acme-crm")) == nil, "the device is gone")
        },
        StoreRequirement("what expired is purged, all four kinds") { store in
            _ = try await store.insert(StoreSample.stored())
            let old = now - .milliseconds(1)
            try await store.insert(StoreSample.ticket(1, expiresAt: old))
            try await store.insert(StoreSample.pending(1, expiresAt: old))
            try await store.insert(StoreSample.held(1, expiresAt: old))
            try await store.insert(StoreSample.held(2, expiresAt: now))
            try await store.insert(StoreSample.device(expiresAt: old))
            try expect(try await store.purgeConsents(before: now) == 4, "four are purged")
            try expect(try await store.takeHeld(StoreSample.hash(1)) == nil, "the old one is gone")
            try expect(try await store.takeHeld(StoreSample.hash(2)) != nil, "the other stays")
            try expect(try await store.deviceConsent(of: StoreSample.id("acme-crm")) == nil, "the device is gone")
        },
    ]

    static let devices: [StoreRequirement] = [
        StoreRequirement("RFC 8628: a newer device consent takes the place of the older") { store in
            _ = try await store.insert(StoreSample.stored())
            try await store.insert(StoreSample.device())
            let newer = StoreSample.device(id: "d2", pollAt: now + .seconds(5))
            try await store.insert(newer)
            try expect(try await store.deviceConsent(of: newer.connection) == newer, "the newer one stands, whole")
            try await store.deleteDeviceConsent(of: newer.connection, id: "d1")
            try expect(try await store.deviceConsent(of: newer.connection) != nil, "the older one's end is not its own")
            try await store.deleteDeviceConsent(of: newer.connection, id: "d2")
            try expect(try await store.deviceConsent(of: newer.connection) == nil, "it is gone")
        },
        StoreRequirement("the polls that are due come soonest first, and no others") { store in
            for name in ["a", "b", "c", "d", "e"] { _ = try await store.insert(StoreSample.stored(name)) }
            try await store.insert(StoreSample.device("a", pollAt: now))
            try await store.insert(StoreSample.device("b", pollAt: now - .seconds(1)))
            try await store.insert(StoreSample.device("c", pollAt: now + .milliseconds(1)))
            var failed = StoreSample.device("d", pollAt: now - .seconds(9))
            failed.outcome = "access_denied"
            failed.box = nil
            try await store.insert(failed)
            let due = try await store.devicesDue(at: now, limit: 10)
            try expect(due.map(\.connection.string) == ["b", "a"], "b, then a")
            try expect(
                try await store.devicesDue(at: now, limit: 1).map(\.connection.string) == ["b"], "so many at most")
            try expect(try await store.deviceConsent(of: StoreSample.id("d")) == failed, "how it ended is there to see")
        },
        StoreRequirement("of two that poll at once, one goes on") { store in
            _ = try await store.insert(StoreSample.stored())
            let device = StoreSample.device()
            try await store.insert(device)
            var taken = device
            taken.pollAt = now + .seconds(30)
            taken.interval = 10
            async let first = store.update(taken, from: now)
            async let second = store.update(taken, from: now)
            let won = [try await first, try await second]
            try expect(won.count { $0 } == 1, "one wins")
            try expect(try await store.deviceConsent(of: device.connection) == taken, "what it wrote stands")
            var other = taken
            other.outcome = "expired_token"
            try expect(try await !store.update(other, from: now), "an old time does not write")
        },
    ]

    static let revocations: [StoreRequirement] = [
        StoreRequirement("F24: what a deletion owes is stored with it, and found when it is due") { store in
            _ = try await store.insert(StoreSample.stored())
            let owed = StoreSample.owed()
            _ = try await store.delete(StoreSample.id("acme-crm")) { stored in
                stored.grant.version == 7 ? owed : nil
            }
            try expect(try await store.revocationsDue(at: now, limit: 10) == [owed], "it is there, whole")
            try expect(try await store.revocationsDue(at: now - .milliseconds(1), limit: 10).isEmpty, "when it is due")
            _ = try await store.delete(StoreSample.id("nobody")) { _ in StoreSample.owed("o2") }
            try expect(try await store.revocationsDue(at: now, limit: 10).count == 1, "nobody owes nothing")
        },
        StoreRequirement("debts come soonest first; of two that pay at once, one goes on") { store in
            try await store.insert(StoreSample.owed("late", retryAt: now))
            try await store.insert(StoreSample.owed("soon", retryAt: now - .seconds(1)))
            try await store.insert(StoreSample.owed("later", retryAt: now + .seconds(1)))
            try expect(
                try await store.revocationsDue(at: now, limit: 9).map(\.id) == ["soon", "late"], "by their time")
            try expect(try await store.revocationsDue(at: now, limit: 1).map(\.id) == ["soon"], "so many at most")
            var tried = StoreSample.owed("soon")
            tried.attempts = 1
            tried.retryAt = now + .seconds(60)
            async let first = store.update(tried, from: 0)
            async let second = store.update(tried, from: 0)
            let won = [try await first, try await second]
            try expect(won.count { $0 } == 1, "one wins")
            try await store.deleteRevocation("late")
            try expect(try await store.revocationsDue(at: now, limit: 9).isEmpty, "one paid, one put off")
        },
        StoreRequirement("a client that tokens are still to be revoked with is not deleted") { store in
            _ = try await store.insert(StoreSample.client())
            try await store.insert(StoreSample.owed())
            try await store.insert(StoreSample.owed("other", client: "support"))
            try expect(try await store.deleteClient(StoreSample.id("sales")) == .owing(1), "one is owed")
            try await store.deleteRevocation("o1")
            try expect(try await store.deleteClient(StoreSample.id("sales")) == .deleted, "then it goes")
        },
    ]
}
