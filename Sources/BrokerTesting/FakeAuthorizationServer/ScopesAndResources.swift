import OAuth

/// Servers whose tokens are for one resource each: scopes that name it, or the parameter `resource` (RFC 8707).
extension AuthorizationServerState {
    /// Scopes of OpenID Connect, which belong to no resource.
    static let identityScopes: Set<String> = ["openid", "profile", "email", "offline_access"]

    /// What is wrong with the scope of a token request.
    func scopeProblem(_ scope: [String]?, to request: Request) -> Answer? {
        guard case .oneResource(let standard) = behaviour.scopeRule, let scope else { return nil }
        let named = scope.filter { !Self.identityScopes.contains($0) }
        guard Set(named.map { Self.resource(of: $0, standard) }).count <= 1 else {
            return refusal(.scope, "the scopes are of more than one resource", to: request)
        }
        guard named.count <= 1 || !named.contains(where: { $0.hasSuffix("/.default") }) else {
            return refusal(.scope, ".default does not go with other scopes", to: request)
        }
        return nil
    }

    /// What is wrong with the scope of a request for client credentials.
    func ownScopeProblem(_ scope: [String], to request: Request) -> Answer? {
        guard case .oneResource = behaviour.scopeRule else { return nil }
        return scope.count == 1 && scope[0].hasSuffix("/.default")
            ? nil : refusal(.scope, "the scope must be {resource}/.default", to: request)
    }

    /// The scope of an access token.
    func tokenScope(asked: [String]?, granted: [String]) -> [String] {
        guard case .oneResource(let standard) = behaviour.scopeRule else { return asked ?? granted }
        let identity = granted.filter(Self.identityScopes.contains)
        let named = (asked ?? granted).filter { !Self.identityScopes.contains($0) }
        guard let first = named.first ?? granted.first(where: { !Self.identityScopes.contains($0) }) else {
            return identity
        }
        let resource = Self.resource(of: first, standard)
        let ofIt = (named.isEmpty ? granted : named).filter { scope in
            !Self.identityScopes.contains(scope) && Self.resource(of: scope, standard) == resource
        }
        return identity + ofIt
    }

    private static func resource(of scope: String, _ standard: String) -> String {
        guard let slash = scope.lastIndex(of: "/") else { return standard }
        return String(scope[..<slash])
    }

    // MARK: The parameter

    func resourceProblem(_ form: Parameters, _ authorization: Parameters, to request: Request) -> Answer? {
        guard behaviour.resourceRule == .required else { return nil }
        guard let resource = form["resource"] ?? authorization["resource"] else {
            return refusal(.missingResource, "resource is missing", to: request)
        }
        // A refresh may name another one; a code may not.
        guard form["grant_type"] != "authorization_code" || authorization["resource"] ?? resource == resource else {
            return refusal(.missingResource, "resource is not the one of the authorization request", to: request)
        }
        return nil
    }
}
