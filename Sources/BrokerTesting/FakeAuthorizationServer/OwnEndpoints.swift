import Broker
import Foundation
import HTTPTypes
import OAuth

/// What some servers have in place of RFC 7009 and RFC 7662, and tokens for installations.
extension AuthorizationServerState {
    /// The parts of a path that a template names; nil where it does not fit.
    static func match(_ template: String, _ path: String) -> [String: String]? {
        let wanted = template.split(separator: "/", omittingEmptySubsequences: false)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !template.isEmpty, wanted.count == parts.count else { return nil }
        var names: [String: String] = [:]
        for (name, part) in zip(wanted, parts) {
            if name.hasPrefix("{"), !part.isEmpty {
                names[String(name.dropFirst().dropLast())] = part.removingPercentEncoding
            } else if name != part {
                return nil
            }
        }
        return names
    }

    private func part(_ name: String, of request: Request, _ template: String) -> String {
        Self.match(template, String(request.path.dropFirst(behaviour.paths.issuer.count)))?[name] ?? ""
    }

    private func message(_ text: String, status: Int) -> Answer {
        .json(Self.json([("message", jsonString(text))]), status: status)
    }

    // MARK: By the client, with HTTP Basic and JSON

    mutating func applicationToken(_ request: Request, now: Int) -> Answer {
        let id = part("client", of: request, behaviour.paths.applicationToken)
        guard let client = basicClient(request, id: id) else { return message("Bad credentials", status: 401) }
        guard let text = accessTokenInBody(of: request) else {
            return message("Invalid request. No access_token was supplied.", status: 422)
        }
        guard let token = liveAccessToken(text, now: now), grants[token.grant].client == client.id else {
            return message("Not Found", status: request.method == .delete ? 422 : 404)
        }
        switch request.method {
        case .delete:
            accessTokens[text]?.isRevoked = true
            return .status(204)
        case .patch:
            accessTokens[text]?.isRevoked = true
            let next = mintAccessToken(
                for: token.grant, scope: token.scope, expires: token.expiresAt != nil, now: now)
            return .json(described(next, token))
        default: return .json(described(text, token))
        }
    }

    mutating func applicationGrant(_ request: Request, now: Int) -> Answer {
        let id = part("client", of: request, behaviour.paths.applicationGrant)
        guard let client = basicClient(request, id: id) else { return message("Bad credentials", status: 401) }
        guard let text = accessTokenInBody(of: request), let token = liveAccessToken(text, now: now),
            grants[token.grant].client == client.id
        else { return message("Validation Failed", status: 422) }
        let user = grants[token.grant].user
        for index in grants.indices where grants[index].client == client.id && grants[index].user == user {
            grants[index].isRevoked = true
        }
        return .status(204)
    }

    private func basicClient(_ request: Request, id: String) -> Client? {
        guard let pair = basicCredentials(request.headerFields[.authorization] ?? ""), pair.id == id,
            let client = clients[id], client.secrets.contains(pair.secret)
        else { return nil }
        return client
    }

    private func accessTokenInBody(of request: Request) -> String? {
        let object = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        return object?["access_token"] as? String
    }

    private func described(_ text: String, _ token: AccessToken) -> String {
        Self.json([
            ("token", jsonString(text)), ("scopes", jsonStrings(token.scope)),
            ("user", Self.json([("login", jsonString(grants[token.grant].user))])),
        ])
    }

    // MARK: By the token itself

    /// Ends the token, its siblings and their refresh token.
    mutating func revokeOwnGrant(_ request: Request, now: Int) -> Answer {
        guard let text = bearer(request), let token = liveAccessToken(text, now: now) else {
            return behaviour.refusedToken?(bearer(request) == nil ? .missing : .revoked)
                ?? message("Bad credentials", status: 401)
        }
        grants[token.grant].isRevoked = true
        return .json("null")
    }

    mutating func revokeInstallationToken(_ request: Request, now: Int) -> Answer {
        guard let text = bearer(request), let token = liveAccessToken(text, now: now) else {
            return message("Bad credentials", status: 401)
        }
        grants[token.grant].isRevoked = true
        return .status(204)
    }

    // MARK: Installations

    mutating func installationToken(_ request: Request, now: Int) -> Answer {
        guard let client = installer(request) else {
            return message("A JSON web token could not be decoded", status: 401)
        }
        let id = part("installation", of: request, behaviour.paths.installationToken)
        guard let installation = behaviour.installations[id], installation.client == client.id else {
            return message("Not Found", status: 404)
        }
        guard !installation.isSuspended else {
            return message("This installation has been suspended", status: 403)
        }
        let body = (try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]) ?? [:]
        let wanted = body["permissions"] as? [String: String] ?? installation.permissions
        let names = body["repositories"] as? [String]
        let isGranted = wanted.allSatisfy { permission, level in
            let granted = installation.permissions[permission]
            return granted == level || granted == "write" && level == "read"
        }
        guard isGranted, Set(names ?? []).isSubset(of: installation.repositories) else {
            return message("The permissions requested are not granted to this installation.", status: 422)
        }
        grants.append(Grant(client: client.id, user: "installation-" + id, scope: []))
        counters.grants += 1
        let kind = behaviour.installationTokens
        let token = Self.token(kind.prefix, length: kind.length)
        let expiresAt = now + kind.lifetime
        accessTokens[token] = AccessToken(grant: grants.count - 1, scope: [], issuedAt: now, expiresAt: expiresAt)
        counters.accessTokens += 1
        let permissions = wanted.sorted { $0.key < $1.key }.map { (name: $0.key, json: jsonString($0.value)) }
        var members: Members = [
            ("token", jsonString(token)), ("expires_at", jsonString(Timestamp(seconds: Int64(expiresAt)).iso8601)),
            ("permissions", Self.json(permissions)),
            ("repository_selection", jsonString(names == nil ? "all" : "selected")),
        ]
        if let names {
            let list = names.map { Self.json([("name", jsonString($0))]) }.joined(separator: ",")
            members.append(("repositories", "[\(list)]"))
        }
        return .json(Self.json(Self.change(members, by: behaviour.answerMembers)), status: 201)
    }

    /// Which client signed the JWT of a request; only the scheme Bearer is taken for one.
    private mutating func installer(_ request: Request) -> Client? {
        let token = bearer(request) ?? ""
        let parts = token.split(separator: ".").map(String.init)
        guard parts.count == 3, let unproven = Self.object(parts[1]), let id = unproven["iss"] as? String,
            let client = clients.values.first(where: { $0.id == id || $0.otherID == id }),
            let claims = claims(of: token, from: client, behaviour.installationAssertions),
            let issued = claims["iat"] as? Int, issued <= now
        else { return nil }
        return client
    }
}
