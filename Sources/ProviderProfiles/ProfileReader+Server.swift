import OAuth

extension ProfileReader {
    /// The members of RFC 8414 §2 (and RFC 8628 §4, RFC 9126 §5) that are URLs.
    static let endpointNames = [
        "issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint",
        "device_authorization_endpoint", "pushed_authorization_request_endpoint", "jwks_uri", "userinfo_endpoint",
        "registration_endpoint",
        // Not of the RFC: where refreshes go, where it is not the token endpoint.
        "refresh_endpoint",
    ]
    private static let requirePAR = "require_pushed_authorization_requests"
    private static let dpopAlgorithms = "dpop_signing_alg_values_supported"
    private static let idTokenAlgorithms = "id_token_signing_alg_values_supported"
    private static let authMethods = "token_endpoint_auth_methods_supported"
    private static let authAlgorithms = "token_endpoint_auth_signing_alg_values_supported"
    private static let challengeMethods = "code_challenge_methods_supported"
    private static let grantTypes = "grant_types_supported"
    private static let issParameter = "authorization_response_iss_parameter_supported"
    /// IANA, "OAuth Token Endpoint Authentication Methods".
    private static let knownAuthMethods = [
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
        "self_signed_tls_client_auth", "none",
    ]
    /// RFC 7518 §3.1, RFC 8037 §3.1.
    private static let publicKeyAlgorithms = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]
    private static let sharedKeyAlgorithms = ["HS256", "HS384", "HS512"]

    mutating func server(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        let path = "/authorization_server"
        let known =
            Self.endpointNames + [
                Self.authMethods, Self.challengeMethods, Self.grantTypes, Self.issParameter, Self.requirePAR,
                Self.dpopAlgorithms, Self.idTokenAlgorithms, Self.authAlgorithms,
            ]
        guard let members = object(value, path, known: known) else {
            if value == nil, profile.unanswered.isEmpty {
                complain(path, "is missing: an oauth2 profile says where its endpoints are")
            }
            return
        }
        for name in Self.endpointNames {
            let text = string(members[name], "\(path)/\(name)")
            guard let template = template(text, "\(path)/\(name)", holes: holes) else { continue }
            check(
                template, of: profile.fields, named: name, at: "\(path)/\(name)", host: "that gets its client's secret")
            profile.endpoints.append((name, template))
        }
        let isDiscovered = members["issuer"] != nil
        if !isDiscovered, members["token_endpoint"] == nil, profile.unanswered.isEmpty {
            complain(path, "must have issuer or token_endpoint")
        }
        profile.tokenEndpointAuthMethodsSupported = words(members, Self.authMethods, known: Self.knownAuthMethods)
        profile.codeChallengeMethodsSupported = words(members, Self.challengeMethods, known: ["S256", "plain"])
        profile.tokenEndpointAuthSigningAlgValuesSupported = words(
            members, Self.authAlgorithms, known: Self.publicKeyAlgorithms + Self.sharedKeyAlgorithms)
        profile.grantTypesSupported = strings(members[Self.grantTypes], "\(path)/\(Self.grantTypes)")
        // RFC 9449 §4.2: a proof is never made with a shared key.
        profile.dpopSigningAlgValuesSupported = words(members, Self.dpopAlgorithms, known: Self.publicKeyAlgorithms)
        profile.idTokenSigningAlgValuesSupported = words(
            members, Self.idTokenAlgorithms, known: Self.publicKeyAlgorithms + Self.sharedKeyAlgorithms)
        profile.requirePushedAuthorizationRequests =
            bool(members[Self.requirePAR], "\(path)/\(Self.requirePAR)") ?? false
        if profile.requirePushedAuthorizationRequests, !isDiscovered,
            members["pushed_authorization_request_endpoint"] == nil
        {
            complain("\(path)/\(Self.requirePAR)", "needs pushed_authorization_request_endpoint, or issuer")
        }
        profile.authorizationResponseIssParameterSupported =
            bool(members[Self.issParameter], "\(path)/\(Self.issParameter)") ?? false
        if profile.authorizationResponseIssParameterSupported, !isDiscovered {
            complain(
                "\(path)/\(Self.issParameter)", "needs issuer: there is nothing to hold iss against (RFC 9207 §2.4)")
        }
    }

    /// The template with a stand-in for each hole must be the URL of an endpoint.
    /// - Parameter host: what a connection would choose with the URL's host.
    mutating func check(
        _ template: Template, of fields: [ProviderProfile.Field], named name: String, at path: String, host: String
    ) {
        for field in fields where field.of == .connection && template.hostHoles.contains(field.name) {
            guard field.pattern == nil, field.allowedValues == nil else { continue }
            complain(
                path,
                "lets a connection choose the host \(host): give the field \(field.name) "
                    + "a pattern or allowed_values, or make it of client")
        }
        guard !template.isOneHole else { return }
        var values = Dictionary(template.holes.map { ($0, "1") }) { first, _ in first }
        if case .hole(let base, _)? = template.parts.first {
            guard template.parts.count > 1, case .text(let next) = template.parts[1], next.hasPrefix("/") else {
                return complain(path, "begins with a hole, which brings a whole base URL: a slash must follow it")
            }
            values[base] = "https://example.com"
        }
        do throws(Template.Misfit) {
            _ = try template.filledEndpoint(name, values, allowHTTP: allowHTTP)
        } catch {
            complain(path, "\(error.message)")
        }
    }

    private mutating func words(_ members: JSONObject, _ name: String, known: [String]) -> [String]? {
        let path = "/authorization_server/\(name)"
        let words = strings(members[name], path)
        for (index, word) in (words ?? []).enumerated() where !known.contains(word) {
            complain("\(path)/\(index)", "is '\(word)'; known are: \(known.joined(separator: ", "))")
        }
        return words
    }
}
