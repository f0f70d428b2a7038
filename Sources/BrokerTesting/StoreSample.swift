import Broker
import OAuth
import ProviderProfiles
import Sealing

/// Records for the conformance suite, with every member filled in.
enum StoreSample {
    static let now = Timestamp(seconds: 1_800_000_000)

    static func id<Kind>(_ name: String) -> Identifier<Kind> {
        guard let id = Identifier<Kind>(name) else { preconditionFailure("\(name) is no identifier") }
        return id
    }

    /// A sealed box as stores see one: header, salt, commitment, nonce, text and tag, all of it opaque.
    static func box(_ fill: UInt8, length: Int = 40) -> SealedBox {
        let header: [UInt8] = [1, 0, 0, 0, 1]
        guard let box = try? SealedBox(header + Array(repeating: fill, count: 32 + 32 + 12 + length + 16))
        else { preconditionFailure("a sealed box of this form is not taken") }
        return box
    }

    static func connection(
        _ name: String = "acme-crm", client: String? = "sales", provider: String = "example", owner: String? = "anna",
        labels: [String: String] = ["team": "blue", "stage": "test"], grantType: GrantType = .deviceCode,
        isDisabled: Bool = false
    ) -> Connection {
        Connection(
            id: id(name), provider: provider, client: client.map { id($0) }, kind: .oauth2,
            grantType: grantType, owner: owner, labels: labels, scopes: ["read", "write"],
            resources: ["https://api.example.com/"], fields: ["host": "example.com", "quote": "\"é\" / \\ \u{1}"],
            isDisabled: isDisabled, createdAt: now - .seconds(60), updatedAt: now - .seconds(30), revision: 4)
    }

    static func grant(version: Int = 7) -> Grant {
        Grant(
            version: version, credential: box(0xC1), refresh: box(0xD2, length: 64 << 10),
            proofKey: box(0x9F), subject: box(0x5B), scopes: ["read"],
            attributes: ["instance_url": "https://acme.example.com"], account: "anna@example.com",
            accountKey: "https://as.example.com 0042",
            issuedAt: now - .seconds(600), expiresAt: now + .seconds(3000),
            refreshTokenExpiresAt: now + .seconds(86_400), refreshAt: now + .seconds(2700),
            lastRefreshedAt: now - .seconds(600), fence: 3)
    }

    static func stored(_ name: String = "acme-crm", _ change: (inout StoredConnection) -> Void = { _ in })
        -> StoredConnection
    {
        var stored = StoredConnection(connection: connection(name), grant: grant())
        change(&stored)
        return stored
    }

    static func version(
        _ version: Int, box fill: UInt8? = nil, kept: Duration = .seconds(86_400), setBy: String = "root"
    ) -> SecretVersion {
        SecretVersion(
            version: version, box: fill.map { box($0) }, fingerprint: "f\(version)", setBy: setBy,
            createdAt: now + .seconds(version), restores: version == 3 ? 1 : nil,
            expiresAt: version == 2 ? now + .seconds(900) : nil, keptUntil: fill == nil ? nil : now + kept)
    }

    private static var wishes: ConsentWishes {
        var wishes = ConsentWishes()
        wishes.loginHint = "anna@example.com"
        wishes.prompt = "consent"
        wishes.claims = #"{"id_token":{"acr":{"essential":true}}}"#
        wishes.parameters = ["audience": "https://api.example.com", "é": "\"'"]
        return wishes
    }

    static func held(_ fill: UInt8, connection: String = "acme-crm", expiresAt: Timestamp = now + .seconds(600))
        -> HeldGrant
    {
        HeldGrant(
            hash: hash(fill), connection: id(connection), browserHash: hash(0xB0), box: box(0x4E),
            returnTo: "https://app.example.com/done", expiresAt: expiresAt)
    }

    static func device(
        _ connection: String = "acme-crm", id name: String = "d1", pollAt: Timestamp = now,
        expiresAt: Timestamp = now + .seconds(600)
    ) -> DeviceConsent {
        DeviceConsent(
            connection: id(connection), id: name, box: box(0xDE), userCode: "WDJB-MJHT",
            verificationURI: "https://as.example.com/device",
            verificationURIComplete: "https://as.example.com/device?user_code=WDJB-MJHT", scopes: ["read"],
            interval: 5, pollAt: pollAt, expiresAt: expiresAt)
    }

    static func owed(_ name: String = "o1", client: String = "sales", retryAt: Timestamp = now) -> OwedRevocation {
        OwedRevocation(
            id: name, connection: id("acme-crm"), provider: "example", client: id(client),
            fields: ["host": "example.com"], version: 7, credential: box(0xC1), refresh: nil, retryAt: retryAt,
            createdAt: now - .seconds(60))
    }

    static func hash(_ fill: UInt8) -> [UInt8] { Array(repeating: fill, count: 32) }

    static func ticket(_ fill: UInt8, connection: String = "acme-crm", expiresAt: Timestamp = now + .seconds(1800))
        -> ConsentTicket
    {
        ConsentTicket(
            hash: hash(fill), connection: id(connection), returnTo: "https://app.example.com/done?a=1",
            requestedBy: id("portal"), wishes: wishes, expiresAt: expiresAt)
    }

    static func pending(_ fill: UInt8, connection: String = "acme-crm", expiresAt: Timestamp = now + .seconds(600))
        -> PendingAuthorization
    {
        PendingAuthorization(
            stateHash: hash(fill), connection: id(connection), client: id("sales"), browserHash: hash(0xB0),
            verifier: box(0x5E), proofKey: box(0x9E), scopes: ["read"], returnTo: nil, ticketHash: hash(0x71),
            expiresAt: expiresAt)
    }

    static func client(_ name: String = "sales") -> RegisteredClient {
        RegisteredClient(
            id: id(name), provider: "example", clientID: "0oa1b2c3", authenticationMethod: "client_secret_post",
            fields: ["host": "example.com"], scopes: ["read"], grantTypes: [.jwtBearer, .tokenExchange],
            isDPoPBound: true, signingAlgorithm: "PS256",
            secrets: [
                ClientSecret(
                    number: 2, kind: .key, box: box(0x22), keyID: "2026-11", expiresAt: now + .seconds(60),
                    createdAt: now - .seconds(10)),
                ClientSecret(number: 1, box: box(0x11), createdAt: now - .seconds(20)),
            ], createdAt: now - .seconds(20), updatedAt: now - .seconds(10), revision: 2)
    }

    static func caller(_ name: String = "portal", role: Caller.Role = .runtime) -> Caller {
        Caller(
            id: id(name), role: role, connections: [id("acme-crm"), id("acme-erp")], labels: ["team": "blue"],
            keys: [
                CallerKey(id: "k2", sha256: hash(2), createdAt: now, expiresAt: now + .seconds(3600)),
                CallerKey(id: "k1", sha256: hash(1), createdAt: now - .seconds(5)),
            ], createdAt: now - .seconds(5))
    }
}
