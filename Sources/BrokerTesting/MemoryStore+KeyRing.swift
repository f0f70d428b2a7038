public import Broker
public import Sealing

// KeyRingStore.
extension MemoryStore {
    public func keyRing() async throws(StoreFailure) -> StoredKeyRing? {
        try perform(.keyRing) { $0.keyRing }
    }

    public func insert(_ keyRing: StoredKeyRing) async throws(StoreFailure) -> Bool {
        try perform(.insertKeyRing) { state in
            guard state.keyRing == nil else { return false }
            state.keyRing = keyRing
            return true
        }
    }

    public func addDataKey(_ key: WrappedDataKey, retiring term: UInt32) async throws(StoreFailure) -> Bool {
        try perform(.addDataKey) { state in
            guard let ring = state.keyRing, ring.dataKeys.contains(where: { $0.term == term && $0.state == .active })
            else { return false }
            let retired = ring.dataKeys.map {
                $0.term == term ? WrappedDataKey(term: term, state: .retired, box: $0.box) : $0
            }
            state.keyRing = StoredKeyRing(checkValue: ring.checkValue, dataKeys: retired + [key])
            return true
        }
    }

    public func removeDataKey(_ term: UInt32) async throws(StoreFailure) -> Bool {
        try perform(.removeDataKey) { state in
            let rows = SealedPlace.allCases.flatMap { state.sealedRows(in: $0) }
            guard !rows.contains(where: { $0.boxes.values.contains { $0.term == term } }), let ring = state.keyRing
            else { return false }
            state.keyRing = StoredKeyRing(
                checkValue: ring.checkValue,
                dataKeys: ring.dataKeys.filter { $0.term != term || $0.state == .active })
            return true
        }
    }

    public func rewrap(_ keyRing: StoredKeyRing, replacing checkValue: [UInt8]) async throws(StoreFailure)
        -> StoredKeyRing?
    {
        try perform(.rewrap) { state in
            guard state.keyRing?.checkValue == checkValue else { return nil }
            state.keyRing = keyRing
            return keyRing
        }
    }

    public func sealedRows(
        in place: SealedPlace, after name: SealedRow.Name?, limit: Int
    ) async throws(StoreFailure) -> [SealedRow] {
        try perform(.sealedRows) { state in
            let rows = state.sealedRows(in: place).filter { row in name.map { row.name > $0 } ?? true }
            return Array(rows.sorted { $0.name < $1.name }.prefix(max(0, limit)))
        }
    }

    public func replaceBoxes(_ changes: [SealedChange]) async throws(StoreFailure) -> Int {
        try perform(.replaceBoxes) { state in
            changes.count { change in
                let row = change.row
                guard state.sealedRows(in: row.place).first(where: { $0.name == row.name })?.boxes == row.boxes
                else { return false }
                state.replace(row, with: change.boxes)
                return true
            }
        }
    }

    public func sealedCounts() async throws(StoreFailure) -> [SealedPlace: [UInt32: Int]] {
        try perform(.sealedCounts) { state in
            var counts: [SealedPlace: [UInt32: Int]] = [:]
            for row in SealedPlace.allCases.flatMap({ state.sealedRows(in: $0) }) {
                for box in row.boxes.values { counts[row.place, default: [:]][box.term, default: 0] += 1 }
            }
            return counts
        }
    }
}

extension MemoryStore.State {
    fileprivate func sealedRows(in place: SealedPlace) -> [SealedRow] {
        func row(
            _ name: [UInt8], _ number: Int = 0, record: String, version: Int = 1, _ boxes: [SealColumn: SealedBox?]
        ) -> SealedRow {
            SealedRow(
                place: place, name: SealedRow.Name(name, number: number), record: record, version: version,
                boxes: boxes.compactMapValues { $0 })
        }
        func utf8<Kind>(_ id: Identifier<Kind>) -> [UInt8] { Array(id.string.utf8) }
        switch place {
        case .connection:
            return connections.values.map { stored in
                let grant = stored.grant
                return row(
                    utf8(stored.id), record: stored.id.string, version: grant.version,
                    [
                        .credential: grant.credential, .refresh: grant.refresh, .proofKey: grant.proofKey,
                        .subject: grant.subject,
                    ])
            }
        case .pendingAuthorization:
            return pending.values.map {
                row($0.stateHash, record: $0.stateHash.hexadecimal, [.verifier: $0.verifier, .proofKey: $0.proofKey])
            }
        case .heldGrant: return held.values.map { row($0.hash, record: $0.hash.hexadecimal, [.payload: $0.box]) }
        case .deviceConsent: return devices.values.map { row(utf8($0.connection), record: $0.id, [.payload: $0.box]) }
        case .revocation:
            return revocations.values.map {
                row(
                    Array($0.id.utf8), record: $0.connection.string, version: $0.version,
                    [.credential: $0.credential, .refresh: $0.refresh])
            }
        case .clientSecret:
            return clients.values.flatMap { client in
                client.secrets.map {
                    row(utf8(client.id), $0.number, record: client.id.string, version: $0.number, [.secret: $0.box])
                }
            }
        case .webhookSecret:
            return webhooks.values.flatMap { webhook in
                webhook.secrets.map {
                    row(utf8(webhook.id), $0.number, record: webhook.id.string, version: $0.number, [.secret: $0.box])
                }
            }
        case .secretVersion:
            return secretVersions.flatMap { id, versions in
                versions.values.map {
                    row(utf8(id), $0.version, record: id.string, version: $0.version, [.credential: $0.box])
                }
            }
        case .installationKey:
            return installationKey.map {
                [row(Array("installation".utf8), record: "installation", [.auditKey: $0])]
            } ?? []
        }
    }

    fileprivate mutating func replace(_ row: SealedRow, with boxes: [SealColumn: SealedBox]) {
        func id<Kind>(_: Kind.Type = Kind.self) -> Identifier<Kind>? {
            Identifier<Kind>(String(decoding: row.name.bytes, as: UTF8.self))
        }
        switch row.place {
        case .connection:
            guard let id = id(Connection.self) else { return }
            connections[id]?.grant.credential = boxes[.credential]
            connections[id]?.grant.refresh = boxes[.refresh]
            connections[id]?.grant.proofKey = boxes[.proofKey]
            connections[id]?.grant.subject = boxes[.subject]
        case .pendingAuthorization:
            guard let old = pending[row.name.bytes] else { return }
            pending[row.name.bytes] = PendingAuthorization(
                stateHash: old.stateHash, connection: old.connection, client: old.client, browserHash: old.browserHash,
                verifier: boxes[.verifier], proofKey: boxes[.proofKey], scopes: old.scopes, returnTo: old.returnTo,
                ticketHash: old.ticketHash, expiresAt: old.expiresAt)
        case .heldGrant:
            guard let old = held[row.name.bytes], let box = boxes[.payload] else { return }
            held[row.name.bytes] = HeldGrant(
                hash: old.hash, connection: old.connection, browserHash: old.browserHash, box: box,
                returnTo: old.returnTo, expiresAt: old.expiresAt)
        case .deviceConsent:
            guard let id = id(Connection.self) else { return }
            devices[id]?.box = boxes[.payload]
        case .revocation:
            let id = String(decoding: row.name.bytes, as: UTF8.self)
            guard let old = revocations[id] else { return }
            revocations[id] = OwedRevocation(
                id: old.id, connection: old.connection, provider: old.provider, client: old.client, fields: old.fields,
                version: old.version, credential: boxes[.credential], refresh: boxes[.refresh], attempts: old.attempts,
                retryAt: old.retryAt, createdAt: old.createdAt)
        case .clientSecret:
            guard let id = id(RegisteredClient.self), let box = boxes[.secret],
                let index = clients[id]?.secrets.firstIndex(where: { $0.number == row.name.number }),
                let old = clients[id]?.secrets[index]
            else { return }
            clients[id]?.secrets[index] = ClientSecret(
                number: old.number, kind: old.kind, box: box, keyID: old.keyID, expiresAt: old.expiresAt,
                createdAt: old.createdAt)
        case .webhookSecret:
            guard let id = id(Webhook.self), let box = boxes[.secret],
                let index = webhooks[id]?.secrets.firstIndex(where: { $0.number == row.name.number }),
                let old = webhooks[id]?.secrets[index]
            else { return }
            webhooks[id]?.secrets[index] = WebhookSecret(
                number: old.number, box: box, createdAt: old.createdAt, expiresAt: old.expiresAt)
        case .secretVersion:
            guard let id = id(Connection.self) else { return }
            secretVersions[id]?[row.name.number]?.box = boxes[.credential]
        case .installationKey: installationKey = boxes[.auditKey]
        }
    }
}
