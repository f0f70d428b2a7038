import OAuth
public import Sealing

/// Seals and opens what belongs to grants, clients and consents. The one place that says which box belongs where:
/// a box that was moved to another row, column or version does not open.
public struct GrantSealing: Sendable {
    let keyRing: KeyRing

    public init(keyRing: KeyRing) {
        self.keyRing = keyRing
    }

    func seal(_ material: CredentialMaterial, for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(material.serialized(), as: Self.credential(id, version))
    }

    func seal(refreshToken: Secret, for id: ConnectionID, version: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(refreshToken.reveal().utf8), as: Self.refresh(id, version))
    }

    func material(of stored: StoredConnection) throws(SealingError) -> CredentialMaterial? {
        guard let box = stored.grant.credential else { return nil }
        let opened = try keyRing.open(box, as: Self.credential(stored.id, stored.grant.version))
        guard let material = CredentialMaterial(serialized: opened.copy()) else {
            throw .damaged("the credential of connection \(stored.id) is not of a form this Credence writes")
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

    func seal(clientSecret: Secret, of client: ClientID, number: Int) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(clientSecret.reveal().utf8), as: Self.clientSecret(client, number))
    }

    func clientSecret(_ secret: ClientSecret, of client: ClientID) throws(SealingError) -> Secret {
        try keyRing.open(secret.box, as: Self.clientSecret(client, secret.number)).secret()
    }

    func seal(verifier: Secret, stateHash: [UInt8]) throws(SealingError) -> SealedBox {
        try keyRing.seal(Array(verifier.reveal().utf8), as: Self.verifier(stateHash))
    }

    func verifier(of pending: PendingAuthorization) throws(SealingError) -> Secret? {
        guard let box = pending.verifier else { return nil }
        return try keyRing.open(box, as: Self.verifier(pending.stateHash)).secret()
    }

    // MARK: Which box belongs where

    private static func credential(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .credential, record: id.string, version: UInt64(version))
    }

    private static func refresh(_ id: ConnectionID, _ version: Int) -> SealContext {
        SealContext(table: .connection, column: .refresh, record: id.string, version: UInt64(version))
    }

    private static func clientSecret(_ id: ClientID, _ number: Int) -> SealContext {
        SealContext(table: .clientSecret, column: .secret, record: id.string, version: UInt64(number))
    }

    private static func verifier(_ stateHash: [UInt8]) -> SealContext {
        SealContext(table: .pendingAuthorization, column: .verifier, record: stateHash.hexadecimal, version: 1)
    }
}

extension SecretBytes {
    fileprivate func copy() -> [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    fileprivate func secret() -> Secret {
        Secret(withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
}
