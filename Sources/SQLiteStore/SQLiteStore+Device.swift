public import Broker
import GRDB
import Sealing

// DeviceConsentStore.
extension SQLiteStore {
    public func insert(_ device: DeviceConsent) async throws(StoreFailure) {
        try await write(erasing: true) { db in
            try db.change(
                "DELETE FROM device_consent WHERE connection = ?", [.text(device.connection.string)])
            try db.change(
                """
                INSERT INTO device_consent (connection, id, box, user_code, verification_uri,
                    verification_uri_complete, scopes, interval, poll_at, expires_at, outcome)
                SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM connection WHERE id = ?
                """,
                [
                    .text(device.id), .bytes(device.box?.bytes), .text(device.userCode),
                    .text(device.verificationURI), .text(device.verificationURIComplete), .json(device.scopes),
                    .integer(device.interval), .time(device.pollAt), .time(device.expiresAt), .text(device.outcome),
                    .text(device.connection.string),
                ])
            return ((), nil)
        }
    }

    public func deviceConsent(of connection: ConnectionID) async throws(StoreFailure) -> DeviceConsent? {
        try await read { db in
            try db.deviceConsents("WHERE connection = ?", [.text(connection.string)]).first
        }
    }

    public func devicesDue(at now: Timestamp, limit: Int) async throws(StoreFailure) -> [DeviceConsent] {
        try await read { db in
            try db.deviceConsents(
                "WHERE outcome IS NULL AND poll_at <= ? ORDER BY poll_at, connection LIMIT ?",
                [.time(now), .integer(max(0, limit))])
        }
    }

    public func update(_ device: DeviceConsent, from pollAt: Timestamp) async throws(StoreFailure) -> Bool {
        try await write(erasing: device.box == nil) { db in
            let updated = try db.change(
                """
                UPDATE device_consent SET box = ?, interval = ?, poll_at = ?, outcome = ?
                WHERE connection = ? AND id = ? AND poll_at = ?
                """,
                [
                    .bytes(device.box?.bytes), .integer(device.interval), .time(device.pollAt), .text(device.outcome),
                    .text(device.connection.string), .text(device.id), .time(pollAt),
                ])
            return (updated == 1, nil)
        }
    }

    public func deleteDeviceConsent(of connection: ConnectionID, id: String) async throws(StoreFailure) {
        try await write(erasing: true) { db in
            try db.change(
                "DELETE FROM device_consent WHERE connection = ? AND id = ?", [.text(connection.string), .text(id)])
            return ((), nil)
        }
    }
}

extension Database {
    fileprivate func deviceConsents(_ clause: String, _ values: [Value]) throws -> [DeviceConsent] {
        try all(
            """
            SELECT connection, id, box, user_code, verification_uri, verification_uri_complete, scopes, interval,
                poll_at, expires_at, outcome
            FROM device_consent \(clause)
            """, values
        ) { columns in
            DeviceConsent(
                connection: try columns.identifier(), id: try columns.text(), box: try columns.optionalBox(),
                userCode: try columns.text(), verificationURI: try columns.text(),
                verificationURIComplete: try columns.optionalText(), scopes: try columns.json(),
                interval: try columns.integer(), pollAt: try columns.time(), expiresAt: try columns.time(),
                outcome: try columns.optionalText())
        }
    }
}
