/// One line of the audit log: who did what to which connection. A change's line is written before the change, so its
/// `ok` means that it was allowed. Never a secret.
public struct AuditEvent: Sendable, Hashable {
    public enum Action: String, Sendable, CaseIterable {
        case credentialRead = "credential.read"
        case credentialProve = "credential.prove"
        case credentialRefresh = "credential.refresh"
        case connectionCreate = "connection.create"
        case connectionUpdate = "connection.update"
        case connectionDelete = "connection.delete"
        case connectionDisable = "connection.disable"
        case connectionEnable = "connection.enable"
        case connectionExpiring = "connection.expiring"
        case secretSet = "secret.set"
        case secretRotate = "secret.rotate"
        case secretRollback = "secret.rollback"
        case secretExpiring = "secret.expiring"
        case consentRequest = "consent.request"
        case consentStart = "consent.start"
        case consentFinish = "consent.finish"
        case clientCreate = "client.create"
        case clientDelete = "client.delete"
        case clientSecretAdd = "client_secret.add"
        case clientSecretVerify = "client_secret.verify"
        case clientSecretPrefer = "client_secret.prefer"
        case clientSecretRemove = "client_secret.remove"
        case clientSecretExpiring = "client_secret.expiring"
        case callerCreate = "caller.create"
        case callerRotate = "caller.rotate"
        case callerRevoke = "caller.revoke"
        case webhookCreate = "webhook.create"
        case webhookDelete = "webhook.delete"
        case webhookRotate = "webhook.rotate"
        case webhookEnable = "webhook.enable"
        case webhookDisable = "webhook.disable"
        case keysRotate = "keys.rotate"
        case keysReseal = "keys.reseal"
        case keysRemove = "keys.remove"
        case keysRewrap = "keys.rewrap"
        case storeBackup = "store.backup"
        case storeRestore = "store.restore"
        case storeClaim = "store.claim"
        case serviceStart = "service.start"
        case serviceStop = "service.stop"
    }

    public var at: Timestamp
    public var action: Action
    /// The caller's ID, or `owner` (a browser with a consent link), `credence` (the service itself) or `local`
    /// (a person at the admin socket).
    public var caller: String
    public var connection: String?
    /// Another record that was touched: a client's or a caller's ID.
    public var subject: String?
    /// The version of the credential.
    public var version: Int?
    /// Tells a secret's values apart (`InstallationKey`); never the value.
    public var fingerprint: String?
    /// What the caller said that it reads the credential for.
    public var purpose: String?
    /// `ok`, or the code of the error.
    public var result: String
    /// A second word, such as the reason of a refusal.
    public var reason: String?

    public init(
        at: Timestamp, action: Action, caller: String, connection: String? = nil, subject: String? = nil,
        version: Int? = nil, fingerprint: String? = nil, purpose: String? = nil, result: String = "ok",
        reason: String? = nil
    ) {
        self.at = at
        self.action = action
        self.caller = caller
        self.connection = connection
        self.subject = subject
        self.version = version
        self.fingerprint = fingerprint
        self.purpose = purpose
        self.result = result
        self.reason = reason
    }
}
