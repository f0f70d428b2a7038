import OAuth
public import Sealing

/// Seals and opens what belongs to grants, clients and consents. The one place that says which box belongs where:
/// a box that was moved to another row, column or version does not open.
public struct GrantSealing: Sendable {
    private let live: LiveKeyRing
    private var keyRing: KeyRing { live.current }

    init(keyRing: LiveKeyRing) {
        live = keyRing
    }

    public init(keyRing: KeyRing) {
        self.init(keyRing: LiveKeyRing(keyRing))
    }

    func seal(_ material: CredentialMaterial, for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(material.serialized(), as: Self.credential(id, version))
    }

    func seal(refreshToken: Secret, for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(refreshToken.reveal().utf8), as: Self.refresh(id, version))
    }

    func material(of stored: StoredConnection) throws(SealingError) -> CredentialMaterial? {
        try material(id: stored.id, grant: stored.grant)
    }

    func material(id: ConnectionID, grant: Grant) throws(SealingError) -> CredentialMaterial? {
        guard let box = grant.credential else { return nil }
        let opened = try keyRing.open(box, as: Self.credential(id, grant.version))
        guard let material = CredentialMaterial(serialized: opened.copy()) else {
            throw .damaged("the credential of connection \(id) is not of a form this Credence writes")
        }
        return material
    }

    func refreshToken(of stored: StoredConnection) throws(SealingError) -> Secret? {
        try refreshToken(id: stored.id, grant: stored.grant)
    }

    func refreshToken(id: ConnectionID, grant: Grant) throws(SealingError) -> Secret? {
        guard let box = grant.refresh else { return nil }
        return try keyRing.open(box, as: Self.refresh(id, grant.version)).secret()
    }

    func seal(proofKey: [UInt8], for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(proofKey, as: Self.proofKey(id, version))
    }

    func proofKey(id: ConnectionID, grant: Grant) throws(SealingError) -> [UInt8]? {
        guard let box = grant.proofKey else { return nil }
        return try keyRing.open(box, as: Self.proofKey(id, grant.version)).copy()
    }

    func seal(subject: SubjectToken, for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(subject.serialized(), as: Self.subject(id, version))
    }

    func subject(id: ConnectionID, grant: Grant) throws(SealingError) -> SubjectToken? {
        guard let box = grant.subject else { return nil }
        guard let subject = SubjectToken(serialized: try keyRing.open(box, as: Self.subject(id, grant.version)).copy())
        else { throw .damaged("the subject token of connection \(id) is not of a form this Credence writes") }
        return subject
    }

    func seal(clientKey: ClientKey, of client: ClientID, number: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(clientKey.serialized(), as: Self.clientSecret(client, number))
    }

    func clientKey(_ secret: ClientSecret, of client: ClientID) throws(SealingError) -> ClientKey {
        let opened = try keyRing.open(secret.box, as: Self.clientSecret(client, secret.number))
        guard let key = ClientKey(serialized: opened.copy(), keyID: secret.keyID) else {
            throw .damaged("a key of client \(client) is not of a form this Credence writes")
        }
        return key
    }

    /// - Parameter record: what names the row: a device consent's ID, or the hash of a held grant.
    func seal(_ payload: [UInt8], as table: SealTable, record: String) throws(SealingError) -> SealedBox {
        try keyRing.seal(payload, as: SealContext(table: table, column: .payload, record: record, version: 1))
    }

    func payload(_ box: SealedBox, of table: SealTable, record: String) throws(SealingError) -> [UInt8] {
        try keyRing.open(box, as: SealContext(table: table, column: .payload, record: record, version: 1)).copy()
    }

    func seal(clientSecret: Secret, of client: ClientID, number: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(clientSecret.reveal().utf8), as: Self.clientSecret(client, number))
    }

    func clientSecret(_ secret: ClientSecret, of client: ClientID) throws(SealingError) -> Secret {
        try keyRing.open(secret.box, as: Self.clientSecret(client, secret.number)).secret()
    }

    func seal(webhookKey: [UInt8], of webhook: WebhookID, number: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(webhookKey, as: Self.webhookKey(webhook, number))
    }

    func webhookKey(_ secret: WebhookSecret, of webhook: WebhookID) throws(SealingError) -> [UInt8] {
        try keyRing.open(secret.box, as: Self.webhookKey(webhook, secret.number)).copy()
    }

    /// An earlier credential, sealed as it stood in its grant.
    func material(of id: ConnectionID, _ earlier: SecretVersion) throws(SealingError) -> CredentialMaterial? {
        try material(id: id, grant: Grant(version: earlier.version, credential: earlier.box))
    }

    func seal(installationKey key: [UInt8]) throws(SealingError) -> SealedBox {
        try keyRing.seal(key, as: Self.installationKey)
    }

    func installationKey(_ box: SealedBox) throws(SealingError) -> [UInt8] {
        try keyRing.open(box, as: Self.installationKey).copy()
    }

    func seal(verifier: Secret, stateHash: [UInt8]) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(verifier.reveal().utf8), as: Self.verifier(stateHash))
    }

    func verifier(of pending: PendingAuthorization) throws(SealingError) -> Secret? {
        guard let box = pending.verifier else { return nil }
        return try keyRing.open(box, as: Self.verifier(pending.stateHash)).secret()
    }

    func seal(proofKey: [UInt8], stateHash: [UInt8]) throws(SealingError) -> SealedBox {
        try keyRing.seal(proofKey, as: Self.pendingKey(stateHash))
    }

    func proofKey(of pending: PendingAuthorization) throws(SealingError) -> [UInt8]? {
        guard let box = pending.proofKey else { return nil }
        return try keyRing.open(box, as: Self.pendingKey(pending.stateHash)).copy()
    }

    /// The row's boxes under the active data key; nil where all of them are. Nothing else of them changes.
    func resealed(_ row: SealedRow) throws(SealingError) -> SealedChange? {
        let ring = keyRing
        var boxes = row.boxes
        for (column, box) in row.boxes where box.term != ring.activeTerm {
            let context = Self.context(of: column, in: row)
            boxes[column] = try ring.reseal(box, from: context, to: context)
        }
        return boxes == row.boxes ? nil : SealedChange(row: row, boxes: boxes)
    }

    /// Which boxes of a row do not open, and why.
    func problems(in row: SealedRow) -> [String] {
        row.boxes.sorted { $0.key.rawValue < $1.key.rawValue }.compactMap { column, box in
            do throws(SealingError) {
                _ = try keyRing.open(box, as: Self.context(of: column, in: row))
                return nil
            } catch {
                return "\(column): \(error)"
            }
        }
    }

    // MARK: Which box belongs where

    private static func context(of column: SealColumn, in row: SealedRow) -> SealContext {
        let table: SealTable =
            switch row.place {
            // What is owed for a connection that is gone stands as it did in its grant.
            case .connection, .revocation, .secretVersion: .connection
            case .pendingAuthorization: .pendingAuthorization
            case .heldGrant: .heldGrant
            case .deviceConsent: .deviceConsent
            case .clientSecret: .clientSecret
            case .webhookSecret: .webhook
            case .installationKey: .audit
            }
        return SealContext(table: table, column: column, record: row.record, version: UInt64(clamping: row.version))
    }

    private static func credential(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .credential, record: id.string, version: UInt64(version))
    }

    private static func refresh(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .refresh, record: id.string, version: UInt64(version))
    }

    private static func proofKey(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .proofKey, record: id.string, version: UInt64(version))
    }

    private static func subject(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .subject, record: id.string, version: UInt64(version))
    }

    private static func pendingKey(_ stateHash: [UInt8]) -> SealContext {
        SealContext(table: .pendingAuthorization, column: .proofKey, record: stateHash.hexadecimal, version: 1)
    }

    private static func clientSecret(_ id: ClientID, _ number: Int) -> SealContext {
        SealContext(table: .clientSecret, column: .secret, record: id.string, version: UInt64(number))
    }

    private static func webhookKey(_ id: WebhookID, _ number: Int) -> SealContext {
        SealContext(table: .webhook, column: .secret, record: id.string, version: UInt64(number))
    }

    private static let installationKey = SealContext(
        table: .audit, column: .auditKey, record: "installation", version: 1)

    private static func verifier(_ stateHash: [UInt8]) -> SealContext {
        SealContext(table: .pendingAuthorization, column: .verifier, record: stateHash.hexadecimal, version: 1)
    }
}

extension SecretBytes {
    func copy() -> [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    fileprivate func secret() -> Secret {
        Secret(withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
}
