import HTTPTypes

/// Authorization server metadata (RFC 8414) and OpenID Provider metadata (OpenID Connect Discovery 1.0 §4).
public enum Discovery {
    /// The documents to ask for: RFC 8414 §3.1 (the well-known part goes between host and path), then OpenID Connect (it
    /// goes after the path).
    /// - Parameter prefersOpenID: the other way round, because ID tokens are wanted: its document must name the keys.
    public static func requests(
        issuer: String, prefersOpenID: Bool = false, allowHTTP: Bool
    ) throws(EndpointURL.Invalid) -> [EndpointRequest] {
        let url = try EndpointURL(issuer)
        guard url.isSafe(allowHTTP: allowHTTP) else { throw EndpointURL.Invalid(description: "it is not https") }
        // RFC 8414 §2: no query.
        guard url.query == nil else { throw EndpointURL.Invalid(description: "it has a query") }
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        let addresses = [
            "\(url.root)/.well-known/oauth-authorization-server\(path)",
            "\(url.root)\(path)/.well-known/openid-configuration",
        ]
        var requests: [EndpointRequest] = []
        for address in prefersOpenID ? addresses.reversed() : addresses {
            requests.append(
                EndpointRequest(
                    method: .get, url: try EndpointURL(address),
                    headerFields: [.accept: "application/json", .acceptEncoding: "identity"]))
        }
        return requests
    }

    /// Whether all is there that a grant needs is another question: `AuthorizationServer.missingMember`.
    public static func judge(_ response: EndpointResponse, issuer: String, allowHTTP: Bool) -> DiscoveryVerdict {
        guard response.status == 200 else {
            return TokenResponse.isPassing(response.status) ? .malformed(reason: "status \(response.status)") : .absent
        }
        guard case .object(let members)? = response.json() else {
            return .malformed(reason: "it is not a JSON object")
        }
        // RFC 8414 §3.3: the issuer must be the one that was asked for, to the letter (security case F20).
        guard let found = members["issuer"]?.asText else { return .malformed(reason: "it names no issuer") }
        guard isSameText(found, issuer) else { return .mismatch }

        var server = AuthorizationServer()
        server.issuer = issuer
        do throws(EndpointURL.Invalid) {
            for (name, place) in AuthorizationServer.endpoints {
                server[keyPath: place] = try endpoint(members[name], name, allowHTTP: allowHTTP)
            }
        } catch {
            return .malformed(reason: error.description)
        }
        if case .object(let aliases)? = members["mtls_endpoint_aliases"] {
            // Few clients need them: one that cannot be read is left out.
            for name in AuthorizationServer.endpointsForClients {
                server.mtlsEndpointAliases[name] = try? endpoint(aliases[name], name, allowHTTP: allowHTTP)
            }
        }
        // What is not a list says nothing.
        let texts = { (name: String) in members[name]?.asTexts }
        server.scopesSupported = texts("scopes_supported")
        server.grantTypesSupported = texts("grant_types_supported")
        server.codeChallengeMethodsSupported = texts("code_challenge_methods_supported")
        server.tokenEndpointAuthMethodsSupported = texts("token_endpoint_auth_methods_supported")
        server.tokenEndpointAuthSigningAlgValuesSupported = texts("token_endpoint_auth_signing_alg_values_supported")?
            .filter { $0 != "none" }
        server.idTokenSigningAlgValuesSupported = texts("id_token_signing_alg_values_supported")
        server.dpopSigningAlgValuesSupported = texts("dpop_signing_alg_values_supported")
        server.requirePushedAuthorizationRequests = members["require_pushed_authorization_requests"] == .bool(true)
        server.authorizationResponseIssParameterSupported =
            members["authorization_response_iss_parameter_supported"] == .bool(true)
        return .found(server)
    }

    private static func endpoint(
        _ value: JSONValue?, _ name: String, allowHTTP: Bool
    ) throws(EndpointURL.Invalid) -> EndpointURL? {
        guard let value, value != .null else { return nil }
        guard let text = value.asText else { throw EndpointURL.Invalid(description: "\(name) is not text") }
        do throws(EndpointURL.Invalid) {
            let url = try EndpointURL(text)
            guard url.isSafe(allowHTTP: allowHTTP) else { throw EndpointURL.Invalid(description: "it is not https") }
            return url
        } catch {
            throw EndpointURL.Invalid(description: "\(name): \(error.description)")
        }
    }
}

public enum DiscoveryVerdict: Sendable, Hashable {
    case found(AuthorizationServer)
    /// The document names another issuer: it must not be used.
    case mismatch
    /// There is no such document; another form may be there.
    case absent
    case malformed(reason: String)
}

/// Whether two identifiers are the same, to the letter. `==` on text counts characters as one that Unicode calls
/// equivalent, such as the kelvin sign and K.
public func isSameText(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
