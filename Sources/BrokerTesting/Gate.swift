/// A door in the way: what arrives waits until the test opens it. Once open it stays open.
public final class Gate: Sendable {
    private struct State: Sendable {
        var isOpen = false
        var arrivals = 0
    }

    private let state = Watched(State())

    public init() {}

    public func open() {
        state.update { $0.isOpen = true }
    }

    /// Waits at the door; throws `CancellationError` when the waiting task is cancelled.
    public func pass() async throws {
        state.update { $0.arrivals += 1 }
        try await state.wait { $0.isOpen }
    }

    /// How many have come to the door so far, whether or not they went through.
    public var arrivals: Int { state.value.arrivals }

    /// Returns once that many have come.
    public func arrivals(reach count: Int) async throws {
        try await state.wait { $0.arrivals >= count }
    }
}
