public import OAuth
import ProviderProfiles

/// A profile of what an authorization server publishes about itself (RFC 8414, OpenID Connect Discovery 1.0).
public enum DiscoveryImport {
    /// - Parameters:
    ///   - scopes: what the resource asks for (RFC 9728 §2), where the way went by one; else nothing is asked for but
    ///     what a refresh token takes.
    ///   - host: the resource's.
    public static func profile(
        of server: AuthorizationServer, issuer: String, name: String, scopes: [String] = [], host: String? = nil
    ) -> ImportedProfile {
        var draft = ProfileDraft(name: ProfileDraft.name(name), title: host ?? issuer, kind: .oauth2)
        draft.imported["from"] = .string("discovery")
        // The issuer alone finds the rest again; what stands here is for people to see and to change.
        draft.server["issuer"] = .string(ProfileDraft.literal(issuer))
        let endpoints: [(String, EndpointURL?)] = [
            ("authorization_endpoint", server.authorizationEndpoint), ("token_endpoint", server.tokenEndpoint),
            ("revocation_endpoint", server.revocationEndpoint),
            ("introspection_endpoint", server.introspectionEndpoint),
            ("device_authorization_endpoint", server.deviceAuthorizationEndpoint),
            ("pushed_authorization_request_endpoint", server.pushedAuthorizationRequestEndpoint),
            ("userinfo_endpoint", server.userinfoEndpoint), ("jwks_uri", server.jwksURI),
        ]
        for (name, url) in endpoints {
            if let url { draft.endpoints.append((name, ProfileDraft.literal("\(url)"))) }
        }
        let lists: [(String, [String]?)] = [
            ("token_endpoint_auth_methods_supported", server.tokenEndpointAuthMethodsSupported),
            ("code_challenge_methods_supported", server.codeChallengeMethodsSupported),
            ("grant_types_supported", server.grantTypesSupported),
        ]
        for (name, values) in lists {
            if let values, !values.isEmpty { draft.server[name] = .array(values.map { .string($0) }) }
        }
        if server.authorizationResponseIssParameterSupported {
            draft.server["authorization_response_iss_parameter_supported"] = .bool(true)
        }
        let offered = Set(server.scopesSupported ?? [])
        draft.scopes = (scopes.isEmpty ? ["openid", "offline_access"].filter(offered.contains) : scopes)
            .map(ProfileDraft.literal)
        draft.placements = [.init(.header, "Authorization", "Bearer {access_token}")]
        if let methods = server.codeChallengeMethodsSupported, !methods.contains("S256") {
            draft.warnings.append("The server says that it knows no S256; if it refuses, add the departure no_pkce.")
        }
        if let host {
            draft.hosts = [ProfileDraft.literal(host)]
        } else {
            draft.needs.append("Which host does the API have? Metadata does not say: add hosts.")
        }
        return draft.profile()
    }
}
