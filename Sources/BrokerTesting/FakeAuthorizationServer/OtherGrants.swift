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
            guard !client.secrets.isEmpty || client.publicKey != nil else {
                return refusal(code: "unauthorized_client", "a public client has no name of its own", to: request)
            }
            return issue(to: client, user: client.id, scope: scope, refreshable: false, request, now)
        case GrantType.jwtBearer.rawValue:
            guard let key = client.publicKey, let claims = claims(of: form["assertion"] ?? "", key: key, now: now),
                claims["iss"] as? String == client.id
            else { return refusal(code: "invalid_grant", "the assertion is not taken", to: request) }
            return issue(
                to: client, user: claims["sub"] as? String ?? client.id, scope: scope, refreshable: false, request, now)
        case GrantType.tokenExchange.rawValue:
            guard form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token",
                let subject = liveAccessToken(form["subject_token"] ?? "", now: now)
            else { return refusal(code: "invalid_request", "the subject token is not taken", to: request) }
            return issue(
                to: client, user: grants[subject.grant].user, scope: scope, refreshable: false, request, now)
        default: return pollDevice(request, form: form, client: client, now: now)
        }
    }

    private mutating func issue(
        to client: Client, user: String, scope: [String], refreshable: Bool, _ request: Request, _ now: Int
    ) -> Answer {
        grants.append(Grant(client: client.id, user: user, scope: scope))
        counters.grants += 1
        let grant = grants.count - 1
        let refreshToken = refreshable && givesRefreshToken(for: scope) ? mintRefreshToken(for: grant, now: now) : nil
        return granted(grant, scope: scope, refreshToken: refreshToken, renewable: true, to: request, now: now)
    }

    // MARK: Device (RFC 8628)

    mutating func authorizeDevice(_ request: Request, now: Int) -> Answer {
        guard let form = request.form else { return refusal(.request, "the body is not a form", to: request) }
        let client: Client
        switch authenticate(request, form: form) {
        case .client(let found): client = found
        case .refused(let answer): return answer
        }
        let code = "device_" + Self.randomText()
        let userCode = String(Self.randomText().prefix(8)).uppercased()
        devices[code] = Device(
            client: client.id, scope: Self.scopes(form["scope"] ?? ""), userCode: userCode, expiresAt: now + 600,
            interval: behaviour.pollInterval, polledAt: now)
        let page = issuer + behaviour.paths.deviceVerification
        return .json(
            Self.json([
                ("device_code", jsonString(code)), ("user_code", jsonString(userCode)),
                ("verification_uri", jsonString(page)),
                ("verification_uri_complete", jsonString("\(page)?user_code=\(userCode)")), ("expires_in", "600"),
                ("interval", String(behaviour.pollInterval)),
            ]))
    }

    private mutating func pollDevice(_ request: Request, form: Parameters, client: Client, now: Int) -> Answer {
        let code = form["device_code"] ?? ""
        guard var device = devices[code], device.client == client.id else {
            return refusal(code: "invalid_grant", "the device code is unknown", to: request)
        }
        guard now < device.expiresAt else { return refusal(code: "expired_token", "too late", to: request) }
        if device.isDenied { return refusal(code: "access_denied", "the user said no", to: request) }
        // §3.5: whoever polls too fast is told, and slower for good.
        let isTooFast = now - device.polledAt < device.interval
        device.polledAt = now
        if isTooFast { device.interval += 5 }
        devices[code] = device
        if isTooFast { return refusal(code: "slow_down", "not so fast", to: request) }
        guard let user = device.user else {
            return refusal(code: "authorization_pending", "nobody has entered the code", to: request)
        }
        devices[code] = nil
        return issue(to: client, user: user, scope: device.scope, refreshable: true, request, now)
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
