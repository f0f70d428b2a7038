import Foundation
import OAuth

/// Where a browser may be sent, and the consent of an administrator.
extension AuthorizationServerState {
    func isRegistered(_ redirectURI: String, _ client: Client) -> Bool {
        client.redirectURIs.contains { registered in
            switch behaviour.redirectRule {
            case .exact: registered == redirectURI
            case .below: Self.isBelow(registered, redirectURI)
            }
        }
    }

    private static func isBelow(_ registered: String, _ redirectURI: String) -> Bool {
        guard let one = URLComponents(string: registered), let other = URLComponents(string: redirectURI),
            let host = one.host, let otherHost = other.host, one.scheme == other.scheme, other.user == nil,
            !other.path.split(separator: "/").contains("..")
        else { return false }
        let isLoopback = ["127.0.0.1", "[::1]", "::1"].contains(host)
        let isHost = otherHost == host || !isLoopback && otherHost.hasSuffix("." + host)
        let folder = one.path.hasSuffix("/") ? one.path : one.path + "/"
        return isHost && (isLoopback || one.port == other.port)
            && (other.path == one.path || other.path.hasPrefix(folder))
    }

    /// Grants nothing itself: what it gives is the word of an administrator.
    func consentForAll(_ request: Request) -> Answer {
        guard let client = clients[request.query["client_id"] ?? ""],
            let redirectURI = request.query["redirect_uri"], isRegistered(redirectURI, client)
        else { return Pages.problem("This client has not registered that redirect URI.") }
        var response = Parameters()
        switch decision {
        case .ask, .approve:
            response.append("admin_consent", "True")
            response.append("tenant", behaviour.adminConsentTenant)
        case .deny:
            response.append("error", "access_denied")
            response.append("error_description", "the administrator said no")
            response.append("error_subcode", "cancel")
        case .refuse(let code, let description):
            response.append("error", code)
            if let description { response.append("error_description", description) }
        }
        if let state = request.query["state"] { response.append("state", state) }
        let separator = redirectURI.contains("?") ? "&" : "?"
        return .redirect(to: redirectURI + separator + response.formURLEncoded)
    }
}
