/// Lets one through at a time, in the order they came: for what reads, thinks and writes.
actor Turnstile {
    private var last: Task<Void, Never>?

    /// Runs to its end, whoever has stopped waiting for it.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(BrokerError) -> Value
    ) async throws(BrokerError) -> Value {
        let before = last
        let turn = Task { () -> Result<Value, BrokerError> in
            await before?.value
            do throws(BrokerError) { return .success(try await body()) } catch { return .failure(error) }
        }
        last = Task { _ = await turn.value }
        return try await turn.value.get()
    }
}
