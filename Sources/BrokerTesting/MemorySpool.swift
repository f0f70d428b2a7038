public import Broker

/// A spool in memory, which fails when it is told to.
public final class MemorySpool: CredentialSpool {
    private struct State: Sendable {
        var records: [Int: [UInt8]] = [:]
        var next = 0
        var failure: StoreFailure?
    }

    private let state = Watched(State())

    public init() {}

    /// Nil: it works again.
    public func fail(with failure: StoreFailure?) { state.update { $0.failure = failure } }

    public var records: [[UInt8]] { state.value.records.sorted { $0.key < $1.key }.map(\.value) }

    /// What a crash may leave in a place.
    public func tear(_ change: ([UInt8]) -> [UInt8]) {
        let torn = state.value.records.mapValues(change)
        state.update { $0.records = torn }
    }

    public func keep(_ record: [UInt8]) throws(StoreFailure) -> Int {
        if let failure = state.value.failure { throw failure }
        return state.update { state in
            state.next += 1
            state.records[state.next] = record
            return state.next
        }
    }

    public func free(_ place: Int) { state.update { $0.records[place] = nil } }

    public func waiting() throws(StoreFailure) -> [(place: Int, record: [UInt8])] {
        if let failure = state.value.failure { throw failure }
        return state.value.records.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
