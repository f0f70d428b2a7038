import Broker
import OAuth
import Sealing

extension StoreConformance {
    /// Connections in every state that matters to a filter, with the moment at which each is looked at.
    private static func everyState() -> [StoredConnection] {
        let now = StoreSample.now
        let moments: [Timestamp?] = [nil, now - .milliseconds(1), now, now + .milliseconds(1)]
        let failure = RefreshFailure(since: now, reason: "provider_unavailable", attempts: 1, retryAt: now)
        var all: [StoredConnection] = []
        let kinds: [(GrantType, SealedBox?)] = [
            (.authorizationCode, nil), (.clientCredentials, nil), (.tokenExchange, nil),
            (.tokenExchange, StoreSample.box(0x5B)),
        ]
        for (place, (grantType, subject)) in (kinds + kinds).enumerated() {
            let isDisabled = place >= kinds.count
            for version in [0, 1] {
                for expiresAt in moments {
                    for hasRefreshToken in [false, true] {
                        for (failing, reason) in [(nil, nil), (failure, nil), (failure, .revoked), (nil, .lost)]
                            as [(RefreshFailure?, ReauthorizationReason?)]
                        {
                            all.append(
                                StoreSample.stored("state-\(all.count)") { stored in
                                    stored.connection = StoreSample.connection(
                                        stored.id.string, grantType: grantType, isDisabled: isDisabled)
                                    stored.grant.version = version
                                    stored.grant.subject = subject
                                    if version == 0 { stored.grant.credential = nil }
                                    stored.grant.expiresAt = expiresAt
                                    stored.grant.refresh = hasRefreshToken ? StoreSample.box(0xD2) : nil
                                    stored.grant.failure = failing
                                    stored.grant.reauthorization = reason
                                })
                        }
                    }
                }
            }
        }
        return all
    }

    private static func ids(_ store: any BrokerStore, _ filter: ConnectionFilter) async throws -> [String] {
        try await store.connections(matching: filter, after: nil, limit: 1000).map(\.id.string)
    }

    private static func plain(_ status: ConnectionStatus? = nil) -> ConnectionFilter {
        ConnectionFilter(now: StoreSample.now, status: status)
    }

    static let lists: [StoreRequirement] = [
        StoreRequirement("a list by status finds what the status is, in every state") { store in
            let all = everyState()
            for stored in all { _ = try await store.insert(stored) }
            for status in ConnectionStatus.allCases {
                let filter = plain(status)
                let meant = all.filter(filter.matches).map(\.id.string).sorted()
                try expect(!meant.isEmpty, "some are \(status)")
                try expect(try await ids(store, filter) == meant, "those that are \(status) are found")
            }
        },
        StoreRequirement("a list by labels, provider, client and owner finds what matches all of them") { store in
            let all = [
                StoreSample.connection("a", labels: ["team": "blue", "stage": "test"]),
                StoreSample.connection("b", labels: ["team": "blue"]),
                StoreSample.connection("c", labels: ["team": "red", "stage": "blue"]),
                StoreSample.connection("d", client: nil, provider: "other", owner: nil, labels: [:]),
                StoreSample.connection(
                    "e", client: "support", owner: "Anna", labels: ["team": "Blue", "blue": "team"]),
                StoreSample.connection("f", owner: "o'brien\" --", labels: ["we%rd": "'; DROP TABLE connection; --"]),
            ]
            for connection in all { _ = try await store.insert(StoredConnection(connection: connection)) }
            var filters = [plain()]
            for labels in [
                ["team": "blue"], ["team": "blue", "stage": "test"], ["team": "red", "stage": "test"],
                ["stage": "blue"], ["none": "x"], ["we%rd": "'; DROP TABLE connection; --"], ["w%d": "%"],
            ] {
                filters.append(ConnectionFilter(now: StoreSample.now, labels: labels))
                filters.append(ConnectionFilter(now: StoreSample.now, status: .pending, labels: labels, owner: "anna"))
            }
            for provider in ["example", "other", "none"] {
                filters.append(ConnectionFilter(now: StoreSample.now, provider: provider))
            }
            for client in ["sales", "support", "none"] {
                filters.append(ConnectionFilter(now: StoreSample.now, client: StoreSample.id(client)))
                filters.append(
                    ConnectionFilter(
                        now: StoreSample.now, labels: ["team": "blue"], provider: "example",
                        client: StoreSample.id(client)))
            }
            for owner in ["anna", "Anna", "o'brien\" --", "none"] {
                filters.append(ConnectionFilter(now: StoreSample.now, owner: owner))
            }
            for filter in filters {
                let meant = all.map { StoredConnection(connection: $0) }.filter(filter.matches).map(\.id.string)
                try expect(try await ids(store, filter) == meant, "\(filter) finds \(meant)")
            }
        },
        StoreRequirement("an edit of the labels moves a connection from one list to the other") { store in
            let stored = StoreSample.stored()
            _ = try await store.insert(stored)
            var edited = stored.connection
            edited.labels = ["team": "red"]
            _ = try await store.update(edited)
            try expect(
                try await ids(store, ConnectionFilter(now: StoreSample.now, labels: ["team": "blue"])).isEmpty,
                "the old label finds nothing")
            try expect(
                try await ids(store, ConnectionFilter(now: StoreSample.now, labels: ["team": "red"])) == ["acme-crm"],
                "the new label finds it")
        },
        StoreRequirement("pages come by ascending ID, each after the last, without gaps") { store in
            let names = (0..<25).map { "page-\($0)" } + ["Z", "a.b", "a-b", "a_b", "0"]
            for name in names.shuffled() { _ = try await store.insert(StoreSample.stored(name)) }
            for labels in [[:], ["team": "blue"]] {
                let filter = ConnectionFilter(now: StoreSample.now, labels: labels)
                var found: [String] = []
                var after: ConnectionID?
                while true {
                    let page = try await store.connections(matching: filter, after: after, limit: 7)
                    if page.isEmpty { break }
                    try expect(page.count <= 7, "a page holds what was asked for")
                    found += page.map(\.id.string)
                    after = page.last?.id
                }
                try expect(found == names.sorted(), "all come once and in order")
            }
        },
        StoreRequirement("the profiles in use are those of clients and of connections, each once, by name") { store in
            try expect(try await store.providersInUse().isEmpty, "there are none at first")
            for (name, provider) in [("a", "zebra"), ("b", "zebra"), ("c", "api-key")] {
                let connection = StoreSample.connection(name, client: nil, provider: provider)
                _ = try await store.insert(StoredConnection(connection: connection))
            }
            _ = try await store.insert(StoreSample.client())
            try expect(
                try await store.providersInUse() == ["api-key", "example", "zebra"], "each stands there once, in order")
        },
        StoreRequirement("a page of none or fewer is empty") { store in
            _ = try await store.insert(StoreSample.stored { $0.grant.refreshAt = StoreSample.now })
            for limit in [0, -1] {
                try expect(
                    try await store.connections(matching: plain(), after: nil, limit: limit).isEmpty,
                    "a list of \(limit) is empty")
                try expect(
                    try await store.due(at: StoreSample.now, limit: limit).isEmpty, "\(limit) due are none")
            }
        },
    ]
}
