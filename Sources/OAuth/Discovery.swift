import HTTPTypes

/// Authorization server metadata (RFC 8414) and OpenID Provider metadata (OpenID Connect Discovery 1.0 §4).
public enum Discovery {
    /// The documents to ask for, in this order: RFC 8414 §3.1 (the well-known part goes between host and path), then
    /// OpenID Connect (it goes after the path).
    public static func requests(issuer: String, allowHTTP: Bool) throws(EndpointURL.Invalid) -> [EndpointRequest] {
        let url = try EndpointURL(issuer)
        guard url.isSecure || allowHTTP else { throw EndpointURL.Invalid(description: "it is not https") }
        // RFC 8414 §2: no query.
        guard url.query == nil else { throw EndpointURL.Invalid(description: "it has a query") }
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        let origin = String(url.description.dropLast(url.path.count))
        let addresses = [
            "\(origin)/.well-known/oauth-authorization-server\(path)",
            "\(origin)\(path)/.well-known/openid-configuration",
        ]
        var requests: [EndpointRequest] = []
        for address in addresses {
            requests.append(
                EndpointRequest(
                    method: .get, url: try EndpointURL(address),
                    headerFields: [.accept: "application/json", .acceptEncoding: "identity"]))
        }
        return requests
    }

    public static func judge(_ response: EndpointResponse, issuer: String, allowHTTP: Bool) -> DiscoveryVerdict {
        guard response.status == 200 else {
            return response.status == 429 || response.status >= 500
                ? .malformed(reason: "status \(response.status)") : .absent
        }
        guard case .object(let members)? = try? JSONReader.read(response.body) else {
            return .malformed(reason: "it is not a JSON object")
        }
        // RFC 8414 §3.3: the issuer must be the one that was asked for, to the letter (security case F20).
        guard case .string(let found)? = members["issuer"] else { return .malformed(reason: "it names no issuer") }
        guard isSameText(found, issuer) else { return .mismatch }

        var server = AuthorizationServer()
        server.issuer = issuer
        do throws(EndpointURL.Invalid) {
            func endpoint(_ name: String) throws(EndpointURL.Invalid) -> EndpointURL? {
                guard let value = members[name], value != .null else { return nil }
                guard case .string(let text) = value else {
                    throw EndpointURL.Invalid(description: "\(name) is not text")
                }
                do throws(EndpointURL.Invalid) {
                    let url = try EndpointURL(text)
                    guard url.isSecure || allowHTTP else { throw EndpointURL.Invalid(description: "it is not https") }
                    return url
                } catch {
                    throw EndpointURL.Invalid(description: "\(name): \(error.description)")
                }
            }
            server.authorizationEndpoint = try endpoint("authorization_endpoint")
            server.tokenEndpoint = try endpoint("token_endpoint")
            server.revocationEndpoint = try endpoint("revocation_endpoint")
            server.introspectionEndpoint = try endpoint("introspection_endpoint")
            server.deviceAuthorizationEndpoint = try endpoint("device_authorization_endpoint")
            server.pushedAuthorizationRequestEndpoint = try endpoint("pushed_authorization_request_endpoint")
            server.userinfoEndpoint = try endpoint("userinfo_endpoint")
            server.jwksURI = try endpoint("jwks_uri")
        } catch {
            return .malformed(reason: error.description)
        }
        server.tokenEndpointAuthMethodsSupported = strings(members["token_endpoint_auth_methods_supported"])
        server.codeChallengeMethodsSupported = strings(members["code_challenge_methods_supported"])
        server.grantTypesSupported = strings(members["grant_types_supported"])
        server.authorizationResponseIssParameterSupported =
            members["authorization_response_iss_parameter_supported"] == .bool(true)
        return .found(server)
    }

    private static func strings(_ value: JSONValue?) -> [String]? {
        guard case .array(let elements)? = value else { return nil }
        return elements.compactMap { element in
            guard case .string(let text) = element else { return nil }
            return text
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
func isSameText(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
