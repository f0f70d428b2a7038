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
            else { return .refused(invalidClient("the assertion is not taken", to: request)) }
            return .client(client)
        }
        let secret = form["client_secret"]
        var method: FakeAuthorizationServer.ClientAuthenticationMethod = secret == nil ? .none : .post
        var presented = (id: form["client_id"] ?? "", secret: secret ?? "")
        if let header = request.headerFields[.authorization] {
            guard secret == nil else {
                return .refused(refusal(.request, "two ways of client authentication at once", to: request))
            }
            guard let pair = basicCredentials(header) else {
                return .refused(invalidClient("the Authorization header is not HTTP Basic", to: request))
            }
            guard form["client_id"] == nil || form["client_id"] == pair.id else {
                return .refused(refusal(.request, "two client IDs at once", to: request))
            }
            method = .basic
            presented = pair
        }
        guard behaviour.clientAuthentication.contains(method) else {
            return .refused(invalidClient("\(method.rawValue) is not accepted here", to: request))
        }
        guard let client = clients[presented.id] else {
            return .refused(invalidClient("the client is unknown", to: request))
        }
        let isPublic = client.secrets.isEmpty && client.publicKey == nil
        let isKnown = method == .none ? isPublic : client.secrets.contains(presented.secret)
        return isKnown ? .client(client) : .refused(invalidClient("the client secret is wrong", to: request))
    }

    private func basicCredentials(_ header: String) -> (id: String, secret: String)? {
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
