public import Broker

// DeviceConsentStore and RevocationStore.
extension MemoryStore {
    public func insert(_ device: DeviceConsent) async throws(StoreFailure) {
        try perform(.insertDevice) { state in
            guard state.connections[device.connection] != nil else { return }
            state.devices[device.connection] = device
        }
    }

    public func deviceConsent(of connection: ConnectionID) async throws(StoreFailure) -> DeviceConsent? {
        try perform(.device) { $0.devices[connection] }
    }

    public func devicesDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [DeviceConsent] {
        try perform(.devicesDue) { state in
            let due = state.devices.values.filter { $0.outcome == nil && $0.pollAt <= now }
            return Array(
                due.sorted { ($0.pollAt, $0.connection) < ($1.pollAt, $1.connection) }.prefix(max(0, limit)))
        }
    }

    public func update(_ device: DeviceConsent, from pollAt: Timestamp) async throws(StoreFailure) -> Bool {
        try perform(.updateDevice) { state in
            guard var stored = state.devices[device.connection], stored.id == device.id, stored.pollAt == pollAt else {
                return false
            }
            stored.box = device.box
            stored.interval = device.interval
            stored.pollAt = device.pollAt
            stored.outcome = device.outcome
            state.devices[device.connection] = stored
            return true
        }
    }

    public func deleteDeviceConsent(of connection: ConnectionID, id: String) async throws(StoreFailure) {
        try perform(.deleteDevice) { state in
            if state.devices[connection]?.id == id { state.devices[connection] = nil }
        }
    }

    // MARK: Revocations

    public func insert(_ owed: OwedRevocation) async throws(StoreFailure) {
        try perform(.insertRevocation) { $0.revocations[owed.id] = owed }
    }

    public func revocationsDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [OwedRevocation] {
        try perform(.revocationsDue) { state in
            let due = state.revocations.values.filter { $0.retryAt <= now }
            return Array(due.sorted { ($0.retryAt, $0.id) < ($1.retryAt, $1.id) }.prefix(max(0, limit)))
        }
    }

    public func update(_ owed: OwedRevocation, from attempts: Int) async throws(StoreFailure) -> Bool {
        try perform(.updateRevocation) { state in
            guard var stored = state.revocations[owed.id], stored.attempts == attempts else { return false }
            stored.attempts = owed.attempts
            stored.retryAt = owed.retryAt
            state.revocations[owed.id] = stored
            return true
        }
    }

    public func deleteRevocation(_ id: String) async throws(StoreFailure) {
        try perform(.deleteRevocation) { $0.revocations[id] = nil }
    }
}
