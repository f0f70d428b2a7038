/// So much work at once and no more: each piece has a place, and one that hangs keeps its own and holds up nobody else's.
actor Places {
    private let limit: Int
    private var taken: [String: Task<Void, Never>] = [:]

    init(_ limit: Int) {
        self.limit = limit
    }

    var free: Int { limit - taken.count }

    /// Begins in a free place, detached from whoever asked. nil where there is none, or this work is under way already.
    func begin(_ name: String, _ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        guard taken.count < limit, taken[name] == nil else { return nil }
        let task = Task.detached {
            await work()
            await self.leave(name)
        }
        taken[name] = task
        return task
    }

    /// Returns when what was begun has come to its end.
    func drain() async {
        while let task = taken.first?.value {
            await task.value
            await Task.yield()
        }
    }

    private func leave(_ name: String) {
        taken[name] = nil
    }
}
