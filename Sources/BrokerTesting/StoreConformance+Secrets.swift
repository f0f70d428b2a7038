import Broker
import ProviderProfiles

extension StoreConformance {
    private static let now = StoreSample.now

    private static func keyed(_ name: String, version: Int = 1, expiresAt: Timestamp? = nil) -> StoredConnection {
        StoredConnection(
            connection: Connection(
                id: StoreSample.id(name), provider: "api-key", client: nil, kind: .apiKey, createdAt: now,
                updatedAt: now),
            grant: Grant(version: version, credential: StoreSample.box(0x01), expiresAt: expiresAt))
    }

    static let secrets: [StoreRequirement] = [
        StoreRequirement("a secret's versions are written with it, in one commit, and come the newest first") { store in
            let stored = keyed("key")
            try expect(try await store.insert(stored, history: [StoreSample.version(1)]), "it is inserted")
            try expect(try await store.secretVersions(of: stored.id) == [StoreSample.version(1)], "the first is there")
            var left = StoreSample.version(1, box: 0x01)
            let history = [left, StoreSample.version(2)]
            let grant = Grant(version: 2, credential: StoreSample.box(0x02))
            let late = try await store.commit(stored.key, replacing: 0, with: grant, history: history, at: now)
            try expect(late != .committed(stored), "another version is refused")
            try expect(
                try await store.secretVersions(of: stored.id) == [StoreSample.version(1)], "and leaves nothing behind")
            _ = try await store.commit(stored.key, replacing: 1, with: grant, history: history, at: now)
            try expect(
                try await store.secretVersions(of: stored.id) == [StoreSample.version(2), left], "both are there")
            // Who set it, and when, is what the first writing said.
            left = StoreSample.version(1, box: 0x07, kept: .seconds(5), setBy: "nobody")
            let again = Grant(version: 3, credential: StoreSample.box(0x03))
            _ = try await store.commit(
                stored.key, replacing: 2, with: again, history: [left, StoreSample.version(3)], at: now)
            let versions = try await store.secretVersions(of: stored.id)
            try expect(versions.map(\.version) == [3, 2, 1], "three are there")
            try expect(
                versions.last?.setBy == "root" && versions.last?.box == left.box, "the memory stays, the box is new")
        },
        StoreRequirement("a value whose time is over is destroyed, and the memory of it stays") { store in
            let stored = keyed("key")
            let history = [
                StoreSample.version(1, box: 0x01, kept: .seconds(10)), StoreSample.version(2, box: 0x02),
                StoreSample.version(3),
            ]
            _ = try await store.insert(stored, history: history)
            try expect(try await store.forgetSecrets(keptUntil: now + .seconds(9)) == 0, "it is not time")
            try expect(try await store.forgetSecrets(keptUntil: now + .seconds(10)) == 1, "one is due")
            let boxes = try await store.secretVersions(of: stored.id).map { $0.box != nil }
            try expect(boxes == [false, true, false], "the other one stays")
        },
        StoreRequirement("a secret beside the tokens takes the earlier one's place, and leaves the grant alone") {
            store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            for number in [1, 2] {
                var version = StoreSample.version(number, box: UInt8(number))
                version.keptUntil = nil
                try expect(try await store.insert(version, of: stored.key), "version \(number) is written")
            }
            try expect(try await store.insert(StoreSample.version(2, box: 0x03), of: stored.key) == false, "2 is taken")
            try expect(try await store.insert(StoreSample.version(1, box: 0x03), of: stored.key) == false, "1 as well")
            let versions = try await store.secretVersions(of: stored.id)
            try expect(versions.map(\.box) == [StoreSample.box(0x02), nil], "the newest value alone is there")
            try expect(versions.map { $0.keptUntil == nil } == [true, false], "and it alone is current")
            try expect(try await store.connection(stored.id) == stored, "the grant is what it was")
            let other = ConnectionKey(id: stored.id, createdAt: now - .seconds(1))
            try expect(
                try await store.insert(StoreSample.version(3, box: 0x03), of: other) == false,
                "the next of an ID gets nothing of the one before")
        },
        StoreRequirement("a hundred versions stay, and all go with their connection") { store in
            let stored = keyed("key")
            _ = try await store.insert(stored, history: (1...100).map { StoreSample.version($0) })
            let grant = Grant(version: 2, credential: StoreSample.box(0x02))
            _ = try await store.commit(
                stored.key, replacing: 1, with: grant, history: [StoreSample.version(101)], at: now)
            let versions = try await store.secretVersions(of: stored.id)
            try expect(versions.map(\.version) == Array((2...101).reversed()), "the oldest is gone")
            _ = try await store.delete(stored.id, owing: { _ in nil })
            _ = try await store.insert(stored, history: [])
            try expect(try await store.secretVersions(of: stored.id).isEmpty, "none is left for the next of this ID")
        },
        StoreRequirement("secrets that end are found soonest first, and what refreshes is not") { store in
            _ = try await store.insert(keyed("late", expiresAt: now + .seconds(300)))
            _ = try await store.insert(keyed("soon", expiresAt: now + .seconds(100)))
            _ = try await store.insert(keyed("over", expiresAt: now))
            _ = try await store.insert(keyed("never"))
            _ = try await store.insert(StoreSample.stored { $0.grant.expiresAt = now + .seconds(50) })
            _ = try await store.insert(keyed("soon-too", expiresAt: now + .seconds(100)))
            let found = try await store.ending(after: (now, nil), until: now + .seconds(300), limit: 10)
            try expect(found.map(\.id.string) == ["soon", "soon-too", "late"], "three end")
            let one = try await store.ending(after: (now, nil), until: now + .seconds(300), limit: 1)
            try expect(one.map(\.id.string) == ["soon"], "the limit holds")
            let rest = try await store.ending(
                after: (now + .seconds(100), StoreSample.id("soon")), until: now + .seconds(300), limit: 10)
            try expect(rest.map(\.id.string) == ["soon-too", "late"], "the next page holds the rest")
        },
        StoreRequirement("the installation's key is made once") { store in
            try expect(try await store.installationKey() == nil, "there is none")
            try expect(try await store.insert(installationKey: StoreSample.box(1)), "it is made")
            try expect(try await store.insert(installationKey: StoreSample.box(2)) == false, "and not again")
            try expect(try await store.installationKey() == StoreSample.box(1), "the first stays")
        },
    ]
}
