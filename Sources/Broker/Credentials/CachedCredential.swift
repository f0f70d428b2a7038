import OAuth
import ProviderProfiles
import Sealing
import Synchronization

/// One connection's answer, rendered once and sealed under a key of this process.
///
/// The box holds the JSON document of contract.md up to its last brace, without `expires_in`, which is added at each
/// read.
public final class CachedCredential: Sendable {
    public let connection: ConnectionID
    public let version: Int
    public let expiresAt: Timestamp?
    /// From the request that brought it to its expiry.
    public let lifetime: Duration?
    public let refreshAt: Timestamp?
    /// When it came, if there can be another.
    private let since: Timestamp?
    /// For the callers' rules.
    public let labels: [String: String]
    let sealed: [UInt8]
    private let refreshAsked = Atomic<Bool>(false)

    init(
        connection: ConnectionID, version: Int, expiresAt: Timestamp?, lifetime: Duration?, refreshAt: Timestamp?,
        since: Timestamp?, labels: [String: String], sealed: [UInt8]
    ) {
        self.connection = connection
        self.version = version
        self.expiresAt = expiresAt
        self.lifetime = lifetime
        self.refreshAt = refreshAt
        self.since = since
        self.labels = labels
        self.sealed = sealed
    }

    /// Whether it may still be handed out to somebody who needs it for that long.
    func isGood(at now: Timestamp, for minTTL: Duration?) -> Bool {
        guard let expiresAt else { return true }
        guard !isFromTheFuture(at: now) else { return false }
        let needed = RefreshPolicy.effectiveMinTTL(asked: minTTL, lifetime: lifetime)
        return now + needed < expiresAt
    }

    func isExpired(at now: Timestamp) -> Bool {
        guard let expiresAt else { return false }
        return expiresAt <= now || isFromTheFuture(at: now)
    }

    /// A host that started with its clock behind cannot tell how old this is (security case R20). A minute's difference
    /// between replicas is none.
    private func isFromTheFuture(at now: Timestamp) -> Bool {
        guard let since else { return false }
        return since > now + .seconds(60)
    }

    /// True once: for the first read that finds the refresh due.
    func takesRefreshRequest(at now: Timestamp) -> Bool {
        guard let refreshAt, refreshAt <= now, !refreshAsked.load(ordering: .relaxed) else { return false }
        return !refreshAsked.exchange(true, ordering: .relaxed)
    }
}

/// Renders connections into cached credentials.
struct CredentialRenderer: Sendable {
    let sealing: GrantSealing
    let sealer: EphemeralSealer

    /// - Parameter beside: what goes into requests beside the credential, by the names of the profile's fields.
    func render(
        _ stored: StoredConnection, provider: Provider, beside: [String: String] = [:]
    ) throws -> CachedCredential? {
        guard let material = try sealing.material(of: stored) else { return nil }
        let grant = stored.grant
        let lifetime = grant.expiresAt.flatMap { expiry in grant.issuedAt.map { expiry.since($0) } }
        let document = try Self.document(stored, material: material, provider: provider, beside: beside)
        let bytes = Array(document.serialized().utf8).dropLast()
        return CachedCredential(
            connection: stored.id, version: grant.version, expiresAt: grant.expiresAt, lifetime: lifetime,
            refreshAt: grant.refreshAt, since: stored.isRenewable ? grant.issuedAt : nil,
            labels: stored.connection.labels,
            sealed: try sealer.seal(Array(bytes), additionalData: Array(stored.id.string.utf8)))
    }

    /// A token that is bound to a key goes under its own scheme (RFC 9449 §7.1); the proof is asked for at each request.
    private static func bound(_ header: (String, String), to material: CredentialMaterial) -> (String, String) {
        guard case .oauth2(let token, "DPoP") = material, header.1 == "Bearer \(token.reveal())" else { return header }
        return (header.0, "DPoP \(token.reveal())")
    }

    /// The credential document of contract.md, without `expires_in`.
    private static func document(
        _ stored: StoredConnection, material: CredentialMaterial, provider: Provider, beside: [String: String]
    ) throws -> JSONValue {
        let grant = stored.grant
        var members: [(String, JSONValue)] = [
            ("connection", .string(stored.id.string)),
            ("provider", .string(stored.connection.provider)),
            ("kind", .string(stored.connection.kind.rawValue)),
        ]
        switch material {
        case .oauth2(let accessToken, let tokenType):
            members.append(("access_token", .string(accessToken.reveal())))
            members.append(("token_type", .string(tokenType)))
        case .apiKey(let key):
            members.append(("api_key", .string(key.reveal())))
        case .basic(let username, let password):
            members.append(("username", .string(username)))
            members.append(("password", .string(password.reveal())))
        case .fields(let secrets):
            members.append(("fields", .object(strings: secrets.mapValues { $0.reveal() }.sorted { $0.key < $1.key })))
        }
        if let expiresAt = grant.expiresAt {
            members.append(("expires_at", .string(expiresAt.iso8601)))
        }
        if !grant.scopes.isEmpty {
            members.append(("scope", .string(grant.scopes.joined(separator: " "))))
        }
        let values = stored.connection.fields.merging(grant.attributes) { _, captured in captured }
            .merging(beside) { _, secret in secret }
            .merging(material.templateValues) { _, secret in secret }
        let applied = try provider.apply.render(values).get()
        members.append(("headers", .object(strings: applied.headers.map { Self.bound($0, to: material) })))
        members.append(("query", .object(strings: applied.query)))
        if !applied.placements.isEmpty { members.append(("placements", .array(applied.placements.map(Self.json)))) }
        let routes = provider.routes(values: values)
        if !routes.isEmpty { members.append(("routes", .array(routes.map(Self.json)))) }
        members.append(("hosts", .array(provider.hosts(values: values).map { .string($0) })))
        members.append(("attributes", .object(strings: grant.attributes.sorted { $0.key < $1.key })))
        members.append(("version", .number(JSONNumber(grant.version))))
        if let failure = grant.failure {
            let warning = JSONObject([
                ("code", .string("refresh_failing")),
                ("since", .string(failure.since.iso8601)),
                ("reason", .string(failure.reason)),
            ])
            members.append(("warnings", .array([.object(warning)])))
        }
        return .object(JSONObject(members))
    }

    private static func json(_ placement: Apply.Placement) -> JSONValue {
        var members = JSONObject([
            ("in", .string(placement.place)), ("name", .string(placement.name)), ("value", .string(placement.value)),
        ])
        if !placement.operations.isEmpty { members["operations"] = .array(placement.operations.map { .string($0) }) }
        members["action"] = placement.action.map { .string($0) }
        return .object(members)
    }

    private static func json(_ route: Provider.Route) -> JSONValue {
        var members = JSONObject()
        members["url"] = route.url.map { .string($0) }
        members["path"] = route.path.map { .string($0) }
        if !route.operations.isEmpty { members["operations"] = .array(route.operations.map { .string($0) }) }
        return .object(members)
    }
}

extension JSONValue {
    fileprivate static func object(strings: [(String, String)]) -> JSONValue {
        .object(JSONObject(strings.map { ($0.0, .string($0.1)) }))
    }

    fileprivate static func object(strings: [Dictionary<String, String>.Element]) -> JSONValue {
        .object(JSONObject(strings.map { ($0.key, .string($0.value)) }))
    }
}
