import Testing

@testable import Broker

struct CredentialCacheTests {
    private func entry(_ version: Int, _ id: ConnectionID = TestBroker.connection) -> CachedCredential {
        CachedCredential(
            connection: id, version: version, expiresAt: nil, lifetime: nil, refreshAt: nil, since: nil, labels: [:],
            sealed: [])
    }

    @Test("What a slow reader read before a deletion does not come back after it")
    func slowReader() {
        let cache = CredentialCache()
        let mark = cache.mark
        cache.remove(TestBroker.connection)
        cache.insert(entry(1), readAfter: mark)
        #expect(cache[TestBroker.connection] == nil)
        cache.insert(entry(1), readAfter: cache.mark)
        #expect(cache[TestBroker.connection] != nil)
    }

    @Test("A change that the store announces drops what is older, and only that")
    func announced() {
        let cache = CredentialCache()
        cache.insert(entry(2), readAfter: cache.mark)
        cache.apply(ConnectionChange(id: TestBroker.connection, version: 2))
        cache.apply(ConnectionChange(id: .init("other")!, version: 9))
        #expect(cache[TestBroker.connection] != nil)
        cache.apply(ConnectionChange(id: TestBroker.connection, version: 3))
        #expect(cache[TestBroker.connection] == nil)
        cache.insert(entry(3), readAfter: cache.mark)
        cache.apply(ConnectionChange(id: TestBroker.connection, version: nil))
        #expect(cache[TestBroker.connection] == nil)
    }

    @Test("Memory is bounded")
    func bounded() {
        let cache = CredentialCache(capacity: 8)
        for number in 0..<100 { cache.insert(entry(1, ConnectionID("c\(number)")!), readAfter: cache.mark) }
        let kept = (0..<100).count { cache[ConnectionID("c\($0)")!] != nil }
        #expect((1...8).contains(kept))
    }
}
