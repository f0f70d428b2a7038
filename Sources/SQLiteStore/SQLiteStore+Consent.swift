public import Broker
import GRDB
import Sealing

extension SQLiteStore {
    // A ticket for a connection that is gone is not kept: deleting a connection ends its consents, and one that was
    // being made at that moment must not come back to life with another connection of the same name.

    public func insert(_ ticket: ConsentTicket) async throws(StoreFailure) {
        try await write { db in
            try db.change(
                """
                INSERT INTO consent_ticket (hash, connection, return_to, requested_by, wishes, expires_at)
                SELECT ?, id, ?, ?, ?, ? FROM connection WHERE id = ?
                """,
                [
                    .bytes(ticket.hash), .text(ticket.returnTo), .text(ticket.requestedBy.string),
                    .json(ticket.wishes), .time(ticket.expiresAt), .text(ticket.connection.string),
                ])
            return ((), nil)
        }
    }

    public func ticket(_ hash: [UInt8]) async throws(StoreFailure) -> ConsentTicket? {
        try await read { db in
            try db.first(
                "SELECT hash, connection, return_to, requested_by, wishes, expires_at FROM consent_ticket WHERE hash = ?",
                [.bytes(hash)]
            ) { columns in
                ConsentTicket(
                    hash: try columns.bytes(), connection: try columns.identifier(),
                    returnTo: try columns.optionalText(), requestedBy: try columns.identifier(),
                    wishes: try columns.json(), expiresAt: try columns.time())
            }
        }
    }

    public func deleteTicket(_ hash: [UInt8]) async throws(StoreFailure) {
        try await write { db in
            try db.change("DELETE FROM consent_ticket WHERE hash = ?", [.bytes(hash)])
            return ((), nil)
        }
    }

    public func insert(_ pending: PendingAuthorization) async throws(StoreFailure) {
        try await write { db in
            try db.change(
                """
                INSERT INTO pending_authorization (state_hash, connection, client, browser_hash, verifier, proof_key,
                    scopes, return_to, ticket_hash, expires_at)
                SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ? FROM connection WHERE id = ?
                """,
                [
                    .bytes(pending.stateHash), .text(pending.client.string), .bytes(pending.browserHash),
                    .bytes(pending.verifier?.bytes), .bytes(pending.proofKey?.bytes), .json(pending.scopes),
                    .text(pending.returnTo),
                    .bytes(pending.ticketHash), .time(pending.expiresAt), .text(pending.connection.string),
                ])
            return ((), nil)
        }
    }

    public func takePending(_ stateHash: [UInt8]) async throws(StoreFailure) -> PendingAuthorization? {
        try await write { db in
            let pending = try db.first(
                """
                SELECT state_hash, connection, client, browser_hash, verifier, proof_key, scopes, return_to,
                    ticket_hash, expires_at
                FROM pending_authorization WHERE state_hash = ?
                """,
                [.bytes(stateHash)]
            ) { columns in
                PendingAuthorization(
                    stateHash: try columns.bytes(), connection: try columns.identifier(),
                    client: try columns.identifier(), browserHash: try columns.bytes(),
                    verifier: try columns.optionalBox(), proofKey: try columns.optionalBox(),
                    scopes: try columns.json(),
                    returnTo: try columns.optionalText(), ticketHash: try columns.bytes(),
                    expiresAt: try columns.time())
            }
            try db.change("DELETE FROM pending_authorization WHERE state_hash = ?", [.bytes(stateHash)])
            return (pending, nil)
        }
    }

    public func purgeConsents(before moment: Timestamp) async throws(StoreFailure) -> Int {
        try await write { db in
            let tickets = try db.change("DELETE FROM consent_ticket WHERE expires_at < ?", [.time(moment)])
            let pending = try db.change("DELETE FROM pending_authorization WHERE expires_at < ?", [.time(moment)])
            let held = try db.change("DELETE FROM held_grant WHERE expires_at < ?", [.time(moment)])
            let devices = try db.change("DELETE FROM device_consent WHERE expires_at < ?", [.time(moment)])
            return (tickets + pending + held + devices, nil)
        }
    }

    public func insert(_ held: HeldGrant) async throws(StoreFailure) {
        try await write { db in
            try db.change(
                """
                INSERT INTO held_grant (hash, connection, browser_hash, box, return_to, expires_at)
                SELECT ?, id, ?, ?, ?, ? FROM connection WHERE id = ?
                """,
                [
                    .bytes(held.hash), .bytes(held.browserHash), .bytes(held.box.bytes), .text(held.returnTo),
                    .time(held.expiresAt), .text(held.connection.string),
                ])
            return ((), nil)
        }
    }

    public func takeHeld(_ hash: [UInt8]) async throws(StoreFailure) -> HeldGrant? {
        try await write(erasing: true) { db in
            let held = try db.first(
                "SELECT hash, connection, browser_hash, box, return_to, expires_at FROM held_grant WHERE hash = ?",
                [.bytes(hash)]
            ) { columns in
                HeldGrant(
                    hash: try columns.bytes(), connection: try columns.identifier(), browserHash: try columns.bytes(),
                    box: try columns.box(), returnTo: try columns.optionalText(), expiresAt: try columns.time())
            }
            try db.change("DELETE FROM held_grant WHERE hash = ?", [.bytes(hash)])
            return (held, nil)
        }
    }
}
