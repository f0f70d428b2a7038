public import Broker

/// What every store must do, a requirement at a time. A test suite runs each against a store of its own:
///
///     @Test(arguments: StoreConformance.requirements)
///     func conforms(_ requirement: StoreRequirement) async throws {
///         try await requirement.run(MemoryStore())
///     }
public enum StoreConformance {
    public static let requirements: [StoreRequirement] =
        connections + lists + refresh + changes + consents + heldGrants + devices + revocations + registrations
        + webhooks + keyRings + secrets
}

/// One sentence, and the proof that a store keeps it.
public struct StoreRequirement: Sendable, CustomStringConvertible {
    public let name: String
    /// Takes an empty store; throws what does not hold.
    public let run: @Sendable (any BrokerStore) async throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (any BrokerStore) async throws -> Void) {
        self.name = name
        self.run = run
    }

    public var description: String { name }
}

/// What did not hold, and where it stands in the suite.
public struct ConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

func expect(
    _ condition: Bool, _ what: String, file: StaticString = #fileID, line: Int = #line
) throws(ConformanceFailure) {
    guard condition else { throw ConformanceFailure(description: "\(file):\(line): it does not hold that \(what)") }
}

func require<T>(
    _ value: T?, _ what: String, file: StaticString = #fileID, line: Int = #line
) throws(ConformanceFailure) -> T {
    guard let value else { throw ConformanceFailure(description: "\(file):\(line): it does not hold that \(what)") }
    return value
}
