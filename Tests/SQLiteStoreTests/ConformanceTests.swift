import BrokerTesting
import Testing

@testable import SQLiteStore

@Suite("Store conformance", .timeLimit(.minutes(1)))
struct ConformanceTests {
    @Test("memory", arguments: StoreConformance.requirements)
    func memory(_ requirement: StoreRequirement) async throws {
        try await requirement.run(MemoryStore())
    }

    @Test("SQLite", arguments: StoreConformance.requirements)
    func sqlite(_ requirement: StoreRequirement) async throws {
        try await withDataFolder { folder in
            try await requirement.run(try SQLiteStore(folder: folder))
        }
    }

    @Test("the requirements have names of their own")
    func names() {
        #expect(Set(StoreConformance.requirements.map(\.name)).count == StoreConformance.requirements.count)
    }
}
