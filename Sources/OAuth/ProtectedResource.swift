import HTTPTypes

/// A protected resource's metadata (RFC 9728 §2), as far as it is used: the way from a resource's URL to its
/// authorization server.
public struct ProtectedResource: Sendable, Hashable {
    /// What the resource is called, and what the `resource` parameter of RFC 8707 must say.
    public var resource: String
    /// Issuers. One that cannot be asked is left out.
    public var authorizationServers: [String]
    public var scopesSupported: [String]?
    public var bearerMethodsSupported: [String]?
    public var dpopBoundAccessTokensRequired: Bool

    public init(
        resource: String, authorizationServers: [String], scopesSupported: [String]? = nil,
        bearerMethodsSupported: [String]? = nil, dpopBoundAccessTokensRequired: Bool = false
    ) {
        self.resource = resource
        self.authorizationServers = authorizationServers
        self.scopesSupported = scopesSupported
        self.bearerMethodsSupported = bearerMethodsSupported
        self.dpopBoundAccessTokensRequired = dpopBoundAccessTokensRequired
    }

    // MARK: Asking the resource

    /// A request without a token, made for the challenge that it brings (§5.1).
    public static func request(_ resource: EndpointURL) -> EndpointRequest {
        EndpointRequest(method: .get, url: resource, headerFields: [.accept: "*/*", .acceptEncoding: "identity"])
    }

    /// The challenge for a bearer or a DPoP token, before all others one that points to the metadata. nil where there is
    /// none that can be read.
    public static func challenge(in response: EndpointResponse) -> Challenge? {
        let challenges = (Challenge.read(response.headerFields) ?? []).filter {
            ["bearer", "dpop"].contains($0.scheme)
        }
        return challenges.first { $0.parameters["resource_metadata"] != nil } ?? challenges.first
    }

    // MARK: Asking for the metadata

    private static let wellKnown = "/.well-known/oauth-protected-resource"

    /// The documents to ask for, in this order: the one that the challenge points to and no other; else that of the
    /// resource's path (§3.1), then that of its origin.
    ///
    /// The challenge may point to the resource's own origin alone. RFC 9728 does not ask that much; but who answers at that
    /// URL then sends us nowhere else (§7.3, security case N1).
    public static func metadataRequests(
        of resource: EndpointURL, challenge: Challenge?, allowHTTP: Bool
    ) throws(EndpointURL.Invalid) -> [EndpointRequest] {
        guard resource.isSafe(allowHTTP: allowHTTP) else { throw EndpointURL.Invalid(description: "it is not https") }
        if let text = challenge?.parameters["resource_metadata"] {
            let url: EndpointURL
            do throws(EndpointURL.Invalid) {
                url = try EndpointURL(text)
            } catch {
                throw EndpointURL.Invalid(description: "resource_metadata: \(error.description)")
            }
            guard url.isSameOrigin(as: resource) else {
                throw EndpointURL.Invalid(description: "resource_metadata: it is at another origin than the resource")
            }
            return [metadataRequest(url)]
        }
        // §3.1: the well-known part goes between host and path; a path that is a slash alone goes.
        let path = resource.path == "/" ? "" : resource.path
        let query = resource.query.map { "?\($0)" } ?? ""
        let own = try EndpointURL("\(resource.root)\(wellKnown)\(path)\(query)")
        let root = try EndpointURL("\(resource.root)\(wellKnown)")
        return (own == root ? [root] : [own, root]).map(metadataRequest)
    }

    private static func metadataRequest(_ url: EndpointURL) -> EndpointRequest {
        EndpointRequest(
            method: .get, url: url, headerFields: [.accept: "application/json", .acceptEncoding: "identity"])
    }

    // MARK: Judging the metadata

    public enum Verdict: Sendable, Hashable {
        case found(ProtectedResource)
        /// The document is another resource's: it must not be used.
        case mismatch
        /// There is no such document; another form may be there.
        case absent
        case malformed(reason: String)
    }

    /// - Parameters:
    ///   - request: the one that was answered; without it the document is not taken for the origin's own.
    ///   - resource: the URL that the owner wants to use.
    public static func judge(
        _ response: EndpointResponse, to request: EndpointRequest? = nil, resource: EndpointURL, allowHTTP: Bool
    ) -> Verdict {
        guard response.status == 200 else {
            return TokenResponse.isPassing(response.status) ? .malformed(reason: "status \(response.status)") : .absent
        }
        guard case .object(let members)? = response.json() else {
            return .malformed(reason: "it is not a JSON object")
        }
        guard let name = members["resource"]?.asText else { return .malformed(reason: "it names no resource") }
        guard isName(name, of: resource, at: request?.url) else { return .mismatch }
        var issuers: [String] = []
        switch members["authorization_servers"] {
        case nil, .null?: break
        case let value?:
            guard let texts = value.asTexts else {
                return .malformed(reason: "its authorization_servers are not a list")
            }
            issuers = texts.filter { text in
                (try? EndpointURL(text)).map { $0.isSafe(allowHTTP: allowHTTP) && $0.query == nil } ?? false
            }
        }
        return .found(
            ProtectedResource(
                resource: name, authorizationServers: issuers, scopesSupported: members["scopes_supported"]?.asTexts,
                bearerMethodsSupported: members["bearer_methods_supported"]?.asTexts,
                dpopBoundAccessTokensRequired: members["dpop_bound_access_tokens_required"] == .bool(true)))
    }

    /// §3.3: the name must be the URL that was asked for, to the letter. Two things are let pass: an origin with its slash
    /// or without, which is one URL (RFC 3986 §6.2.3); and the origin as the name in the origin's own document, because
    /// it then is the resource that the document stands for, and only who owns the whole origin can put it there.
    private static func isName(_ name: String, of resource: EndpointURL, at address: EndpointURL?) -> Bool {
        if isSameText(name, resource.string) { return true }
        let isOrigin = resource.path == "/" && resource.query == nil
        guard isOrigin || address?.string == "\(resource.root)\(wellKnown)" else { return false }
        return isSameText(name, resource.root) || isSameText(name, "\(resource.root)/")
    }
}
