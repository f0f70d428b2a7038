import Foundation
import HTTPTypes
import OAuth

/// RFC 6749 §2.3, for every endpoint that wants to know which client asks.
extension AuthorizationServerState {
    enum Authentication {
        case client(Client)
        case refused(Answer)
    }

    mutating func authenticate(_ request: Request, form: Parameters) -> Authentication {
        if let assertion = form["client_assertion"] {
            guard behaviour.clientAuthentication.contains(.privateKeyJWT), form["client_secret"] == nil,
                request.headerFields[.authorization] == nil, let client = asserted(by: assertion)
            else { return .refused(invalidClient(.assertion, "the assertion is not taken", to: request)) }
            return .client(client)
        }
        let secret = form["client_secret"]
        var method: FakeAuthorizationServer.ClientAuthenticationMethod = secret == nil ? .none : .post
        var presented = (id: form["client_id"] ?? assertedIssuer(form) ?? "", secret: secret ?? "")
        if let header = request.headerFields[.authorization] {
            guard secret == nil else {
                return .refused(refusal(.request, "two ways of client authentication at once", to: request))
            }
            guard let pair = basicCredentials(header) else {
                return .refused(invalidClient(.client, "the Authorization header is not HTTP Basic", to: request))
            }
            guard form["client_id"] == nil || form["client_id"] == pair.id else {
                return .refused(refusal(.request, "two client IDs at once", to: request))
            }
            method = .basic
            presented = pair
        }
        guard behaviour.clientAuthentication.contains(method) || method == .none && !behaviour.secretless.isEmpty
        else {
            return .refused(invalidClient(.client, "\(method.rawValue) is not accepted here", to: request))
        }
        guard let client = clients[presented.id] else {
            return .refused(invalidClient(.unknownClient, "the client is unknown", to: request))
        }
        if let host = client.host, host != request.hostName {
            return .refused(refusal(.host, "the client is not known at this host", to: request))
        }
        if let problem = credentialProblem(of: client, method, secret: presented.secret, request) {
            return .refused(invalidClient(problem, "the client secret is wrong", to: request))
        }
        return .client(client)
    }

    private func credentialProblem(
        of client: Client, _ method: FakeAuthorizationServer.ClientAuthenticationMethod, secret: String,
        _ request: Request
    ) -> FakeAuthorizationServer.Refusal? {
        let isPublic = client.secrets.isEmpty && client.publicKey == nil && client.keys.isEmpty
        if method == .none {
            let isTaken = isPublic && behaviour.clientAuthentication.contains(.none)
            return isTaken || needsNoSecret(request) ? nil : .missingCredential
        }
        if isPublic { return .needlessCredential }
        guard client.secrets.contains(secret) else { return .client }
        return (client.secretsExpireAt[secret] ?? .max) <= now ? .expiredSecret : nil
    }

    /// What `secretless` lets a confidential client do, where its request is such a one.
    private func needsNoSecret(_ request: Request) -> Bool {
        let free = behaviour.secretless
        guard let form = request.form, request.endpoint != .deviceAuthorization else { return free.contains(.device) }
        switch form["grant_type"] ?? (behaviour.grantTypeIsOptional ? "authorization_code" : "") {
        case "authorization_code":
            return free.contains(.code)
                || free.contains(.provenCode) && form["code_verifier"] != nil
                    && codes[form["code"] ?? ""]?.challenge != nil
        case "refresh_token":
            guard let token = refreshTokens[form["refresh_token"] ?? ""] else { return free.contains(.refresh) }
            let origin = grants[token.grant].origin
            return free.contains(.refresh) || free.contains(.refreshOfProvenCode) && origin.hasChallenge
                || free.contains(.refreshOfDevice) && origin.isDevice
        case GrantType.deviceCode.rawValue, "device": return free.contains(.device)
        case GrantType.jwtBearer.rawValue: return free.contains(.assertion)
        default: return false
        }
    }

    /// Who a JWT bearer grant says that it is of, for requests that say it nowhere else; unproven.
    private func assertedIssuer(_ form: Parameters) -> String? {
        let parts = (form["assertion"] ?? "").split(separator: ".").map(String.init)
        guard behaviour.secretless.contains(.assertion), parts.count == 3 else { return nil }
        return Self.object(parts[1])?["iss"] as? String
    }

    func basicCredentials(_ header: String) -> (id: String, secret: String)? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let bytes = Data(base64Encoded: String(parts[1])),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return nil }
        let pair = (id: String(text[..<colon]), secret: String(text[text.index(after: colon)...]))
        guard behaviour.basicIsFormEncoded else { return pair }
        guard let id = Self.formDecoded(pair.id), let secret = Self.formDecoded(pair.secret) else { return nil }
        return (id, secret)
    }

    private static func formDecoded(_ text: String) -> String? {
        // Inside Basic "&" and "=" mean nothing, so they must be escaped; a pair with them is not form-urlencoded.
        guard !text.contains("&"), !text.contains("="), let form = try? Parameters(formURLEncoded: "value=" + text)
        else { return nil }
        return form["value"]
    }
}
