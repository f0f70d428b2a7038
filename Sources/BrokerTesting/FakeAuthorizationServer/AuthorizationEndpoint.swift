import HTTPTypes
import OAuth

/// RFC 6749 §4.1.1 and §4.1.2, with a login page and a consent page where a person decides.
extension AuthorizationServerState {
    /// An authorization request that is in order.
    private struct Authorization {
        let client: Client
        /// Empty where a page shows the code.
        let redirectURI: String
        let sentRedirectURI: String?
        let scope: [String]
        let state: String?
        let challenge: String?
        let challengeMethod: String
        let nonce: String?
        let mode: FakeAuthorizationServer.ResponseMode
        let origin: Origin
    }

    private struct Problem {
        let code: String
        let description: String
    }

    mutating func authorize(_ request: Request, now: Int) -> Answer {
        var query = request.query
        if let name = query["request_uri"] {
            // RFC 9126 §4: single use; a person's login and decision are part of one.
            guard let parameters = pushed[name], parameters["client_id"] == query["client_id"] else {
                return Pages.problem("This request was not pushed here, or was used.")
            }
            if decision != .ask || request.form?["ticket"] != nil { pushed[name] = nil }
            query = parameters
        } else if behaviour.requiresPushedRequests {
            return Pages.problem("Requests must be pushed here.")
        }
        guard let client = clients[query["client_id"] ?? ""] else {
            return Pages.problem("This client is not registered here.")
        }
        // Without a redirect URI that is known, nobody may be sent anywhere (RFC 6749 §4.1.2.1).
        let sent = query["redirect_uri"]
        let only = client.redirectURIs.count == 1 ? client.redirectURIs.first : nil
        let usual = behaviour.showsCodeWithoutRedirectURI ? "" : only
        guard query.values(of: "redirect_uri").count <= 1, let redirectURI = sent ?? usual,
            redirectURI.isEmpty && sent == nil || isRegistered(redirectURI, client)
        else {
            return Pages.problem("This client has not registered that redirect URI.")
        }
        let challenge = behaviour.pkce == .required || behaviour.pkce == .optional ? query["code_challenge"] : nil
        let mode = FakeAuthorizationServer.ResponseMode(rawValue: query["response_mode"] ?? "query") ?? .query
        let authorization = Authorization(
            client: client, redirectURI: redirectURI, sentRedirectURI: sent,
            scope: Self.scopes(query["scope"] ?? ""), state: query["state"],
            challenge: challenge, challengeMethod: query["code_challenge_method"] ?? behaviour.assumedPKCEMethod,
            nonce: query["nonce"],
            mode: behaviour.responseModes.contains(mode) ? mode : .query,
            origin: Origin(authorization: query, host: request.host, hasChallenge: challenge != nil))
        if let problem = problem(of: query, authorization) {
            return refuse(authorization, problem.code, problem.description)
        }
        switch decision {
        case .ask: return ask(authorization, request, now: now)
        case .approve(let user, let scope):
            return approve(authorization, user: user, scope: scope ?? authorization.scope, now: now)
        case .deny: return refuse(authorization, "access_denied", "the user said no")
        case .refuse(let code, let description): return refuse(authorization, code, description)
        }
    }

    private func problem(of query: Parameters, _ authorization: Authorization) -> Problem? {
        var known: Set<String> = [
            "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "prompt", "login_hint",
            "response_mode", "resource", "claims", "dpop_jkt",
        ]
        if behaviour.pkce != .unknown { known.formUnion(["code_challenge", "code_challenge_method"]) }
        if let problem = problem(of: query, known: known) {
            return Problem(code: "invalid_request", description: problem)
        }
        if behaviour.resourceRule == .refused, query["resource"] != nil {
            let body = wording(.unwantedResource)
            return Problem(code: body.code, description: self.description(of: body, otherwise: "no resource here"))
        }
        guard query["response_type"] == "code" || query["response_type"] == nil && !behaviour.requiresResponseType
        else {
            return query["response_type"] == nil
                ? Problem(code: "invalid_request", description: "response_type is missing")
                : Problem(code: "unsupported_response_type", description: "only code is supported here")
        }
        // RFC 7636 §4.4.1
        guard let challenge = authorization.challenge else {
            return behaviour.pkce == .required
                ? Problem(code: "invalid_request", description: "code_challenge is missing") : nil
        }
        guard behaviour.pkceMethods.contains(authorization.challengeMethod) else {
            return Problem(code: "invalid_request", description: "transform algorithm not supported")
        }
        return (43...128).contains(challenge.utf8.count)
            ? nil : Problem(code: "invalid_request", description: "code_challenge has a wrong length")
    }

    // MARK: A person decides

    private mutating func ask(_ authorization: Authorization, _ request: Request, now: Int) -> Answer {
        let client = authorization.client.id
        guard request.method == .post else { return Pages.login(client: client, failed: false) }
        if let ticket = request.form?["ticket"] {
            guard let login = logins.removeValue(forKey: ticket), login.query == request.query else {
                return Pages.login(client: client, failed: true)
            }
            return request.form?["decision"] == "approve"
                ? approve(authorization, user: login.user, scope: authorization.scope, now: now, status: 303)
                : refuse(authorization, "access_denied", "the user said no", status: 303)
        }
        guard let user = request.form?["user"], let password = users[user], request.form?["password"] == password
        else {
            return Pages.login(client: client, failed: true)
        }
        let ticket = Self.randomText()
        logins[ticket] = Login(user: user, query: request.query)
        return Pages.consent(client: client, user: user, scope: authorization.scope, ticket: ticket)
    }

    // MARK: The way back

    private mutating func approve(
        _ authorization: Authorization, user: String, scope: [String], now: Int, status: Int = 302
    ) -> Answer {
        let code = "code_" + Self.randomText()
        codes[code] = Code(
            client: authorization.client.id, user: user, scope: scope, redirectURI: authorization.sentRedirectURI,
            challenge: authorization.challenge, challengeMethod: authorization.challengeMethod,
            expiresAt: now + behaviour.codeLifetime, nonce: authorization.nonce, origin: authorization.origin,
            grant: nil)
        guard !authorization.redirectURI.isEmpty else { return Pages.code(code) }
        var response = Parameters([("code", code)])
        addState(authorization.state, to: &response)
        addIssuer(to: &response)
        return redirect(authorization, response, status: status)
    }

    private func refuse(
        _ authorization: Authorization, _ code: String, _ description: String?, status: Int = 302
    ) -> Answer {
        var response = Parameters([("error", code)])
        if let description { response.append("error_description", description) }
        addState(authorization.state, to: &response)
        if behaviour.issWithErrors { addIssuer(to: &response) }
        return redirect(authorization, response, status: status)
    }

    private func addState(_ state: String?, to response: inout Parameters) {
        if behaviour.echoesState, let state { response.append("state", state) }
    }

    /// RFC 9207 §2
    private func addIssuer(to response: inout Parameters) {
        switch behaviour.iss {
        case .issuer: response.append("iss", issuer)
        case .absent: break
        case .other(let text): response.append("iss", text)
        }
    }

    private func redirect(_ authorization: Authorization, _ response: Parameters, status: Int) -> Answer {
        guard authorization.mode != .formPost else { return Pages.post(response, to: authorization.redirectURI) }
        let separator =
            authorization.mode == .fragment ? "#" : authorization.redirectURI.contains("?") ? "&" : "?"
        var answer = Answer.redirect(
            to: authorization.redirectURI + separator + response.formURLEncoded, status: status)
        answer.headerFields[.cacheControl] = "no-store"
        return answer
    }
}
