import Broker
import Sealing

extension StoreConformance {
    static let keyRings: [StoreRequirement] = [
        StoreRequirement("a new data key retires the one that was active; only where that one is") { store in
            let keys = try await ring(in: store)
            let new = WrappedDataKey(term: 3, state: .active, box: StoreSample.box(3))
            try expect(!(try await store.addDataKey(new, retiring: 1)), "term 1 is not active")
            try expect(try await store.addDataKey(new, retiring: 2), "it is taken")
            try expect(!(try await store.addDataKey(new, retiring: 2)), "it is taken once")
            let found = try require(try await store.keyRing(), "the ring is there")
            try expect(
                found.dataKeys.map(\.term) == [1, 2, 3] && found.dataKeys.map(\.state) == [.retired, .retired, .active]
                    && found.dataKeys.map(\.box) == keys.map(\.box) + [new.box], "three keys, one of them active")
        },
        StoreRequirement("S8: the key ring is wrapped anew as a whole, and only where the check value is the old one") {
            store in
            let keys = try await ring(in: store)
            let wrapped = StoredKeyRing(
                checkValue: [4, 5],
                dataKeys: keys.map { WrappedDataKey(term: $0.term, state: $0.state, box: StoreSample.box(0x77)) })
            try expect(try await store.rewrap(wrapped, replacing: [9]) == nil, "another check value is refused")
            try expect(try await store.keyRing()?.checkValue == [1, 2, 3], "nothing was changed")
            let read = try require(try await store.rewrap(wrapped, replacing: [1, 2, 3]), "it is taken")
            for ring in [read, try require(try await store.keyRing(), "the ring is there")] {
                try expect(ring.checkValue == [4, 5], "the check value is the new one")
                try expect(ring.dataKeys == wrapped.dataKeys, "the keys are the new ones")
            }
        },
        StoreRequirement("every place's rows come with their boxes, by name, a page at a time") { store in
            try await fill(store)
            for place in SealedPlace.allCases {
                var all: [SealedRow] = []
                while true {
                    let page = try await store.sealedRows(in: place, after: all.last?.name, limit: 1)
                    try expect(page.count <= 1, "a page has as many rows as asked for")
                    guard let row = page.first else { break }
                    all.append(row)
                }
                try expect(all.map(\.name) == all.map(\.name).sorted(), "they are in order")
                try expect(
                    try await store.sealedRows(in: place, after: nil, limit: 100) == all, "one page holds the same")
                let columns = all.map { Set($0.boxes.keys) }
                let expected = try require(Self.expected[place], "the place is known")
                try expect(columns == expected.columns, "\(place) holds \(columns)")
                try expect(
                    all.map { "\($0.record) \($0.version)" } == expected.records,
                    "\(place) names \(all.map { "\($0.record) \($0.version)" })")
            }
        },
        StoreRequirement("boxes are counted by place and data key") { store in
            try await fill(store)
            let counts = try await store.sealedCounts()
            for place in SealedPlace.allCases {
                let boxes = (Self.expected[place]?.columns ?? []).reduce(0) { $0 + $1.count }
                try expect(counts[place] == [1: boxes], "\(place) counts \(counts[place] ?? [:])")
            }
        },
        StoreRequirement(
            "S8: boxes are replaced where the ones that were read still stand, and nothing else is touched"
        ) {
            store in
            try await fill(store)
            let before = try require(try await store.connection(StoreSample.id("acme-crm")), "it is there")
            var changes: [SealedChange] = []
            for place in SealedPlace.allCases {
                for row in try await store.sealedRows(in: place, after: nil, limit: 100) where !row.boxes.isEmpty {
                    changes.append(SealedChange(row: row, boxes: row.boxes.mapValues(Self.renewed)))
                }
            }
            try expect(try await store.replaceBoxes(changes) == changes.count, "all are taken")
            try expect(try await store.replaceBoxes(changes) == 0, "what was read before is refused")
            for place in SealedPlace.allCases {
                let rows = try await store.sealedRows(in: place, after: nil, limit: 100)
                try expect(
                    rows.map(\.boxes).filter { !$0.isEmpty } == changes.filter { $0.row.place == place }.map(\.boxes),
                    "the new boxes stand")
            }
            var grant = before.grant
            grant.credential = grant.credential.map(Self.renewed)
            grant.refresh = grant.refresh.map(Self.renewed)
            grant.proofKey = grant.proofKey.map(Self.renewed)
            grant.subject = grant.subject.map(Self.renewed)
            let after = try require(try await store.connection(before.id), "it is there")
            try expect(
                after == StoredConnection(connection: before.connection, grant: grant), "the rest is as it was")
            let client = try require(try await store.client(StoreSample.id("sales")), "it is there")
            try expect(
                client.secrets.map(\.number) == [2, 1] && client.secrets.allSatisfy { $0.box.term == 2 },
                "the secrets keep their order")
        },
        StoreRequirement("S8: a data key is removed only when no box is sealed under it, wherever that lies") { store in
            _ = try await ring(in: store)
            try await fill(store)
            for place in SealedPlace.allCases {
                for row in try await store.sealedRows(in: place, after: nil, limit: 100) {
                    for column in row.boxes.keys {
                        try expect(!(try await store.removeDataKey(1)), "\(place) \(column) needs it")
                        let now = try await store.sealedRows(in: place, after: nil, limit: 100)
                        let row = try require(now.first { $0.name == row.name }, "it is there")
                        var boxes = row.boxes
                        boxes[column] = boxes[column].map(Self.renewed)
                        _ = try await store.replaceBoxes([SealedChange(row: row, boxes: boxes)])
                    }
                }
            }
            try expect(try await store.keyRing()?.dataKeys.map(\.term) == [1, 2], "it is still there")
            try expect(try await store.removeDataKey(1), "nothing needs it")
            try expect(try await store.keyRing()?.dataKeys.map(\.term) == [2], "it is gone")
            try expect(!(try await store.removeDataKey(2)), "the other one is needed")
        },
    ]

    private static func ring(in store: any BrokerStore) async throws -> [WrappedDataKey] {
        let keys = [
            WrappedDataKey(term: 1, state: .retired, box: StoreSample.box(1)),
            WrappedDataKey(term: 2, state: .active, box: StoreSample.box(2)),
        ]
        _ = try await store.insert(StoredKeyRing(checkValue: [1, 2, 3], dataKeys: keys))
        return keys
    }

    /// One row or two in every place that holds boxes.
    private static func fill(_ store: any BrokerStore) async throws {
        _ = try await store.insert(StoreSample.client())
        _ = try await store.insert(StoreSample.stored())
        _ = try await store.insert(StoreSample.stored("bare") { $0.grant = Grant(version: 0) })
        try await store.insert(StoreSample.pending(0x11))
        try await store.insert(StoreSample.held(0xF2))
        try await store.insert(StoreSample.held(0x0A))
        try await store.insert(StoreSample.device())
        try await store.insert(StoreSample.owed())
        _ = try await store.insert(StoreSample.webhook())
        let keyed = StoreSample.stored("keyed") { $0.grant = Grant(version: 2) }
        _ = try await store.insert(keyed, history: [StoreSample.version(1, box: 0x51), StoreSample.version(2)])
        _ = try await store.insert(installationKey: StoreSample.box(0x1A))
    }

    /// By name: which columns hold boxes, and what they are sealed for.
    private static let expected: [SealedPlace: (columns: [Set<SealColumn>], records: [String])] = [
        .connection: (
            [[.credential, .refresh, .proofKey, .subject], [], []], ["acme-crm 7", "bare 0", "keyed 2"]
        ),
        .secretVersion: ([[.credential], []], ["keyed 1", "keyed 2"]),
        .installationKey: ([[.auditKey]], ["installation 1"]),
        .pendingAuthorization: ([[.verifier, .proofKey]], ["\(StoreSample.hash(0x11).hexadecimal) 1"]),
        .heldGrant: (
            [[.payload], [.payload]],
            ["\(StoreSample.hash(0x0A).hexadecimal) 1", "\(StoreSample.hash(0xF2).hexadecimal) 1"]
        ),
        .deviceConsent: ([[.payload]], ["d1 1"]),
        .revocation: ([[.credential]], ["acme-crm 7"]),
        .clientSecret: ([[.secret], [.secret]], ["sales 1", "sales 2"]),
        .webhookSecret: ([[.secret], [.secret]], ["ops 1", "ops 2"]),
    ]

    /// The same box as if it were sealed under data key 2.
    private static func renewed(_ box: SealedBox) -> SealedBox {
        var bytes = box.bytes
        bytes[4] = 2
        guard let renewed = try? SealedBox(bytes) else { preconditionFailure("a sealed box of this form is not taken") }
        return renewed
    }
}
