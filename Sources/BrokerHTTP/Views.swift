import Broker
import OAuth
import ProviderProfiles

/// What the API shows of a record. No view is ever given a secret.
enum Views {
    static func connection(
        _ stored: StoredConnection, device: DeviceConsent? = nil, at now: Timestamp
    ) -> JSONValue {
        let connection = stored.connection
        let grant = stored.grant
        var members: [(String, JSONValue)] = [
            ("id", .string(connection.id.string)),
            ("provider", .string(connection.provider)),
        ]
        if let client = connection.client { members.append(("client", .string(client.string))) }
        members.append(("kind", .string(connection.kind.rawValue)))
        if connection.kind == .oauth2 { members.append(("grant", .string(connection.grantType.rawValue))) }
        members.append(("status", .string(stored.status(at: now).rawValue)))
        if let reason = stored.reauthorization(at: now)?.rawValue ?? grant.failure?.reason {
            members.append(("reason", .string(reason)))
        }
        if stored.grant.reauthorization != nil, let failure = grant.failure {
            members.append(("provider_error", .string(failure.reason)))
        }
        if let owner = connection.owner { members.append(("owner", .string(owner))) }
        members.append(("labels", map(connection.labels)))
        members.append(("fields", map(connection.fields)))
        members.append(("scopes", strings(grant.version > 0 ? grant.scopes : connection.scopes)))
        if !connection.resources.isEmpty { members.append(("resource", strings(connection.resources))) }
        members.append(("attributes", map(grant.attributes)))
        if let account = grant.account { members.append(("account", .string(account))) }
        append("expires_at", grant.expiresAt, to: &members)
        append("refresh_token_expires_at", grant.refreshTokenExpiresAt, to: &members)
        if let end = stored.endsSoon(at: now) {
            let warning = JSONObject([
                ("code", .string("refresh_token_expiring")), ("expires_at", .string(end.iso8601)),
            ])
            members.append(("warnings", .array([.object(warning)])))
        }
        if connection.kind != .oauth2, let end = grant.expiresAt, SecretExpiry.notice(of: end, at: now) != nil {
            members.append(("warnings", .array([secretExpiring(end)])))
        }
        append("refresh_at", grant.refreshAt, to: &members)
        append("last_refreshed_at", grant.lastRefreshedAt, to: &members)
        append("created_at", connection.createdAt, to: &members)
        // By an edit, or by a new credential.
        append("updated_at", max(connection.updatedAt, grant.issuedAt ?? connection.updatedAt), to: &members)
        members.append(("version", .number(JSONNumber(grant.version))))
        if let device, device.outcome != DeviceConsent.connected {
            members.append(("device", Self.device(device, at: now)))
        }
        return .object(JSONObject(members))
    }

    /// RFC 8628 §3.2, without the device code; `status` says how it goes.
    static func device(_ device: DeviceConsent, at now: Timestamp) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("status", .string(device.status(at: now))),
            ("user_code", .string(device.userCode)),
            ("verification_uri", .string(device.verificationURI)),
        ]
        if let complete = device.verificationURIComplete {
            members.append(("verification_uri_complete", .string(complete)))
        }
        members.append(("expires_in", .number(JSONNumber(Int(max(0, device.expiresAt.since(now).secondsRoundedUp))))))
        append("expires_at", device.expiresAt, to: &members)
        members.append(("interval", .number(JSONNumber(device.interval))))
        return .object(JSONObject(members))
    }

    static func consent(_ link: Consent.Link) -> JSONValue {
        .object(
            JSONObject([("url", .string(link.url)), ("expires_at", .string(link.expiresAt.iso8601))]))
    }

    private static func secretExpiring(_ end: Timestamp, number: Int? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [("code", .string("secret_expiring"))]
        if let number { members.append(("number", .number(JSONNumber(number)))) }
        append("expires_at", end, to: &members)
        return .object(JSONObject(members))
    }

    static func client(
        _ client: RegisteredClient, redirectURI: String, adminConsentURL: String?, at now: Timestamp
    ) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("id", .string(client.id.string)),
            ("provider", .string(client.provider)),
            ("client_id", .string(client.clientID)),
        ]
        if let method = client.authenticationMethod { members.append(("auth", .string(method))) }
        members.append(("fields", map(client.fields)))
        members.append(("scopes", strings(client.scopes)))
        if !client.grantTypes.isEmpty { members.append(("grant_types", strings(client.grantTypes.map(\.rawValue)))) }
        if client.isDPoPBound { members.append(("dpop", .bool(true))) }
        if let algorithm = client.signingAlgorithm { members.append(("signing_alg", .string(algorithm))) }
        members.append(("redirect_uri", .string(redirectURI)))
        if let adminConsentURL { members.append(("admin_consent_url", .string(adminConsentURL))) }
        members.append(("secrets", .array(client.secrets.map(secret))))
        let warnings = client.secrets.compactMap { secret in
            secret.expiresAt.flatMap { end in
                SecretExpiry.notice(of: end, at: now) == nil ? nil : secretExpiring(end, number: secret.number)
            }
        }
        if !warnings.isEmpty { members.append(("warnings", .array(warnings))) }
        append("created_at", client.createdAt, to: &members)
        append("updated_at", client.updatedAt, to: &members)
        return .object(JSONObject(members))
    }

    static func secret(_ secret: ClientSecret) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("number", .number(JSONNumber(secret.number))), ("kind", .string(secret.kind.rawValue)),
        ]
        if let keyID = secret.keyID { members.append(("kid", .string(keyID))) }
        append("expires_at", secret.expiresAt, to: &members)
        append("created_at", secret.createdAt, to: &members)
        return .object(JSONObject(members))
    }

    /// `current`, or `restorable_until`; a version with neither is a memory.
    static func version(_ version: SecretVersion, at now: Timestamp) -> JSONValue {
        var members: [(String, JSONValue)] = [("version", .number(JSONNumber(version.version)))]
        if version.keptUntil == nil { members.append(("current", .bool(true))) }
        members.append(("fingerprint", .string(version.fingerprint)))
        if !version.setBy.isEmpty { members.append(("set_by", .string(version.setBy))) }
        append("created_at", version.createdAt, to: &members)
        if let restores = version.restores { members.append(("restores", .number(JSONNumber(restores)))) }
        append("expires_at", version.expiresAt, to: &members)
        if version.box != nil, let end = version.keptUntil, end > now { append("restorable_until", end, to: &members) }
        return .object(JSONObject(members))
    }

    static func caller(_ caller: Caller, key: String? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("id", .string(caller.id.string)),
            ("role", .string(caller.role.rawValue)),
            ("connections", strings(caller.connections.map(\.string).sorted())),
            ("labels", map(caller.labels)),
            ("key_ids", strings(caller.keys.map(\.id))),
        ]
        append("created_at", caller.createdAt, to: &members)
        append("revoked_at", caller.revokedAt, to: &members)
        if let key { members.append(("key", .string(key))) }
        return .object(JSONObject(members))
    }

    static func report(_ report: Maintenance.Report, isHeld: Bool) -> JSONValue {
        .object(
            JSONObject([
                ("whole", .bool(report.problems.isEmpty)), ("boxes", .number(JSONNumber(report.boxes))),
                ("connections", .number(JSONNumber(report.connections))),
                ("audit_lines", .number(JSONNumber(report.audit.lines))), ("refresh_held", .bool(isHeld)),
                ("notes", strings(report.audit.notes)), ("problems", strings(report.problems)),
            ]))
    }

    static func verification(_ found: AuditVerification) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("whole", .bool(found.isWhole)), ("lines", .number(JSONNumber(found.lines))),
            ("files", .number(JSONNumber(found.files))), ("heads", .number(JSONNumber(found.heads))),
        ]
        if let first = found.first { members.append(("first", .number(JSONNumber(first)))) }
        if let last = found.last { members.append(("last", .number(JSONNumber(last)))) }
        members.append(("notes", strings(found.notes)))
        members.append(("problems", strings(found.problems)))
        return .object(JSONObject(members))
    }

    static func list(_ name: String, _ elements: [JSONValue], next: String? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [(name, .array(elements))]
        if let next { members.append(("next_cursor", .string(next))) }
        return .object(JSONObject(members))
    }

    private static func append(_ name: String, _ moment: Timestamp?, to members: inout [(String, JSONValue)]) {
        if let moment { members.append((name, .string(moment.iso8601))) }
    }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private static func map(_ map: [String: String]) -> JSONValue {
        .object(JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
