import Crypto
import Foundation
import HTTPTypes
import OAuth
import Synchronization

/// The grants beside code and refresh token: client credentials (RFC 6749 §4.4), JWT bearer (RFC 7523), token exchange
/// (RFC 8693), device code (RFC 8628).
extension AuthorizationServerState {
    mutating func otherGrant(_ request: Request, form: Parameters, client: Client, now: Int) -> Answer {
        let scope = Self.scopes(form["scope"] ?? "")
        switch form["grant_type"] {
        case GrantType.clientCredentials.rawValue:
            guard !client.secrets.isEmpty || client.publicKey != nil || !client.keys.isEmpty else {
                return refusal(code: "unauthorized_client", "a public client has no name of its own", to: request)
            }
            guard !behaviour.clientCredentialsAreBlocked else {
                return refusal(.clientCredentials, "client credentials are not for this", to: request)
            }
            if let refused = ownScopeProblem(scope, to: request) ?? resourceProblem(form, Parameters(), to: request) {
                return refused
            }
            return issue(to: client, user: client.id, scope: scope, request, now)
        case GrantType.jwtBearer.rawValue:
            if behaviour.knowsOnBehalfOf, form["requested_token_use"] == "on_behalf_of" {
                guard let subject = liveAccessToken(form["assertion"] ?? "", now: now) else {
                    return refusal(.bearerAssertion, "the assertion is not taken", to: request)
                }
                return issue(to: client, user: grants[subject.grant].user, scope: scope, request, now)
            }
            guard let claims = claims(of: form["assertion"] ?? "", from: client, behaviour.bearerAssertions),
                [client.id, client.otherID].contains(claims["iss"] as? String)
            else { return refusal(.bearerAssertion, "the assertion is not taken", to: request) }
            let user = claims["sub"] as? String ?? client.id
            guard behaviour.preAuthorizedUsers?.contains(user) ?? true else {
                return refusal(.notPreAuthorized, "the user has not allowed it", to: request)
            }
            if isTooOften(.logins, user) { return refusal(.tooManyLogins, "too many logins", to: request) }
            return issue(to: client, user: user, scope: scope, request, now)
        case GrantType.tokenExchange.rawValue:
            guard form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token",
                let subject = liveAccessToken(form["subject_token"] ?? "", now: now)
            else { return refusal(code: "invalid_request", "the subject token is not taken", to: request) }
            return issue(to: client, user: grants[subject.grant].user, scope: scope, request, now)
        default: return pollDevice(request, code: form["device_code"] ?? "", client: client, now: now)
        }
    }

    private mutating func issue(
        to client: Client, user: String, scope: [String], _ request: Request, _ now: Int
    ) -> Answer {
        grants.append(Grant(client: client.id, user: user, scope: scope))
        counters.grants += 1
        return granted(grants.count - 1, scope: scope, refreshToken: nil, renewable: true, to: request, now: now)
    }

    // MARK: Device (RFC 8628)

    mutating func authorizeDevice(_ request: Request, now: Int) -> Answer {
        guard let form = request.form else { return refusal(.request, "the body is not a form", to: request) }
        let client: Client
        switch authenticate(request, form: form) {
        case .client(let found): client = found
        case .refused(let answer): return answer
        }
        guard !behaviour.devicesAreBlocked else {
            return refusal(.deviceFlow, "devices are not for this client", to: request)
        }
        let code = "device_" + Self.randomText() + "x"
        let text = String(Self.randomText().prefix(8)).uppercased()
        let userCode = behaviour.userCodeHasHyphen ? "\(text.prefix(4))-\(text.suffix(4))" : text
        let lifetime = behaviour.deviceCodeLifetime
        devices[code] = Device(
            client: client.id, scope: Self.scopes(form["scope"] ?? ""), userCode: userCode, expiresAt: now + lifetime,
            interval: behaviour.pollInterval, polledAt: now)
        let page = issuer + behaviour.paths.deviceVerification
        let members: Members = [
            ("device_code", jsonString(code)), ("user_code", jsonString(userCode)),
            ("verification_uri", jsonString(page)),
            ("verification_uri_complete", jsonString("\(page)?user_code=\(userCode)")),
            ("expires_in", String(lifetime)), ("interval", String(behaviour.pollInterval)),
        ]
        return render(Self.change(members, by: behaviour.deviceMembers), status: 200, to: request)
    }

    mutating func pollDevice(_ request: Request, code: String, client: Client, now: Int) -> Answer {
        guard var device = devices[code], device.client == client.id else {
            return refusal(.deviceCode, "the device code is unknown", to: request)
        }
        guard now < device.expiresAt else { return refusal(.deviceExpired, "too late", to: request) }
        if device.isDenied { return refusal(.deviceDenied, "the user said no", to: request) }
        // §3.5: whoever polls too fast is told, and slower for good.
        let isTooFast = now - device.polledAt < device.interval
        device.polledAt = now
        if isTooFast { device.interval += 5 }
        devices[code] = device
        if isTooFast {
            var body = wording(.deviceTooFast)
            if behaviour.errorsAt200 { body.members["interval"] = String(device.interval) }
            return answer(body, otherwise: "not so fast", to: request)
        }
        guard let user = device.user else {
            return refusal(.devicePending, "nobody has entered the code", to: request)
        }
        devices[code] = nil
        let grant = open(
            Grant(client: client.id, user: user, scope: device.scope, origin: Origin(isDevice: true)))
        let isGiven = givesRefreshToken(for: device.scope, Parameters())
        return granted(
            grant, scope: tokenScope(asked: nil, granted: device.scope),
            refreshToken: isGiven ? mintRefreshToken(for: grant, now: now) : nil, renewable: nil, to: request,
            now: now)
    }

    /// The page of RFC 8628 §3.3: a person signs in, enters the code and decides.
    mutating func verifyDevice(_ request: Request, now: Int) -> Answer {
        guard request.method == .post else {
            return Pages.device(code: request.query["user_code"] ?? "", problem: nil)
        }
        let code = request.form?["user_code"] ?? ""
        guard let user = request.form?["user"], let password = users[user], request.form?["password"] == password
        else { return Pages.device(code: code, problem: "User and password do not fit.") }
        let isAllowed = request.form?["decision"] == "approve"
        guard enter(code.uppercased(), as: isAllowed ? user : nil) else {
            return Pages.device(code: code, problem: "This code is not known here.")
        }
        return Pages.deviceDone(isAllowed: isAllowed)
    }

    /// False for a code that nobody was given.
    mutating func enter(_ userCode: String, as user: String?) -> Bool {
        guard let code = devices.first(where: { $0.value.userCode == userCode })?.key else { return false }
        devices[code]?.user = user
        devices[code]?.isDenied = user == nil
        return true
    }

    // MARK: Pushed requests (RFC 9126)

    mutating func push(_ request: Request) -> Answer {
        guard let form = request.form else { return refusal(.request, "the body is not a form", to: request) }
        if case .refused(let answer) = authenticate(request, form: form) { return answer }
        guard form["request_uri"] == nil else {
            return refusal(.request, "request_uri is for the browser", to: request)
        }
        let name = "urn:ietf:params:oauth:request_uri:" + Self.randomText()
        pushed[name] = form
        return .json(Self.json([("request_uri", jsonString(name)), ("expires_in", "60")]), status: 201)
    }
}

extension FakeAuthorizationServer {
    /// The owner enters the code of a device, and says yes (as this user) or no (nil).
    @discardableResult
    public func enter(userCode: String, as user: String?) -> Bool {
        state.withLock { $0.enter(userCode, as: user) }
    }

    /// The codes that devices show and nobody entered yet.
    public var userCodesToEnter: [String] {
        state.withLock { $0.devices.values.filter { $0.user == nil && !$0.isDenied }.map(\.userCode) }
    }
}
