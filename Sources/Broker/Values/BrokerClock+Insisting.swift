extension BrokerClock {
    /// Writes what a provider gave once and gives no second time: again where the store stumbles, six times within eight
    /// seconds (security case R8). What cannot be mended by waiting is thrown at once.
    /// - Parameter onFailure: called before each further try, and before a throw that ends them early.
    func insisting<Value: Sendable>(
        onFailure: () -> Void = {}, _ write: () async throws(StoreFailure) -> Value
    ) async throws(StoreFailure) -> Value {
        var pause = Duration.milliseconds(250)
        for _ in 1..<Refresher.StateMachine.commitTries {
            do {
                return try await write()
            } catch {
                onFailure()
                guard error.code != .damaged, error.code != .newerSchema else { throw error }
                try? await sleep(for: pause)
                pause *= 2
            }
        }
        return try await write()
    }
}
